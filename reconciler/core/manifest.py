"""The manifest: the small JSON in storage that makes a backup set restorable without the ledger (S1).

Written and read here field by field, since it outlives any release. Sizes are bytes, instants UTC.
"""

from datetime import datetime
from typing import Any, NamedTuple

from reconciler.core import fields, instants
from reconciler.core.naming import TaskPlace

FORMAT = 1
LONGEST, MOST_KEPT = 36_500, 10_000  # days and sets: the most that a plan may say


class StoredFile(NamedTuple):
    """A file below its attempt's prefix; `sha256` is the hexadecimal digest of its bytes."""

    name: str
    size: int
    sha256: str


class Snapshot(NamedTuple):
    """One database as it stood at one instant. `inventory` lists its files and tables, with their digests."""

    database: str
    attempt: int
    inventory: StoredFile
    size_bytes: int
    tables: int
    rows: int | None


class StoredCatalog(NamedTuple):
    """An external catalog: what makes it anew. `secrets` are the keys whose values are not kept."""

    name: str
    comment: str
    properties: dict[str, str]
    secrets: tuple[str, ...]
    statement: str


class Manifest(NamedTuple):
    place: TaskPlace
    engine: str
    engine_version: str
    tool_version: str
    slot: datetime
    started_at: datetime
    completed_at: datetime
    plan_revision: int
    config_revision: str | None
    retention_days: int
    keep_last: int
    snapshots: tuple[Snapshot, ...]
    skipped_objects: tuple[str, ...] = ()
    external_catalogs: tuple[StoredCatalog, ...] = ()

    @property
    def size_bytes(self) -> int:
        return sum(item.size_bytes for item in self.snapshots)

    @property
    def attempts(self) -> frozenset[int]:
        """Those that its files come from."""
        return frozenset(item.attempt for item in self.snapshots)

    @property
    def databases(self) -> tuple[str, ...]:
        return tuple(item.database for item in self.snapshots)


def to_document(manifest: Manifest) -> dict[str, Any]:
    installation, home, task_id = manifest.place
    return {
        "format": FORMAT,
        "installation": installation,
        "warehouse": home,
        "backup_set": task_id,
        "engine": manifest.engine,
        "engine_version": manifest.engine_version,
        "tool_version": manifest.tool_version,
        "slot": instants.text(manifest.slot),
        "started_at": instants.text(manifest.started_at),
        "completed_at": instants.text(manifest.completed_at),
        "plan_revision": manifest.plan_revision,
        "config_revision": manifest.config_revision,
        "retention_days": manifest.retention_days,
        "keep_last": manifest.keep_last,
        "size_bytes": manifest.size_bytes,
        "snapshots": [_snapshot(item) for item in manifest.snapshots],
        "skipped_objects": list(manifest.skipped_objects),
        "external_catalogs": [
            {**item._asdict(), "secrets": list(item.secrets)} for item in manifest.external_catalogs
        ],
    }


def _snapshot(item: Snapshot) -> dict[str, Any]:
    return item._asdict() | {"inventory": item.inventory._asdict()}


def from_document(document: Any) -> Manifest:
    """Raises ValueError where the document is no manifest of a format that this release reads."""
    try:
        if document["format"] != FORMAT:
            raise ValueError(f"manifest format {document['format']} is not {FORMAT}")
        made = _parse(document)
        fields.whole(made.size_bytes)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a manifest: {type(error).__name__} {error}") from None
    return made


def _parse(document: dict[str, Any]) -> Manifest:
    revision = document["config_revision"]
    return Manifest(
        place=TaskPlace(*(fields.text(document[name]) for name in ("installation", "warehouse", "backup_set"))),
        engine=fields.text(document["engine"]),
        engine_version=fields.text(document["engine_version"]),
        tool_version=fields.text(document["tool_version"]),
        slot=fields.instant(document["slot"]),
        started_at=fields.instant(document["started_at"]),
        completed_at=fields.instant(document["completed_at"]),
        plan_revision=fields.whole(document["plan_revision"]),
        config_revision=None if revision is None else fields.text(revision),
        retention_days=fields.whole(document["retention_days"], 0, LONGEST),
        keep_last=fields.whole(document["keep_last"], 0, MOST_KEPT),
        snapshots=tuple(map(_parse_snapshot, fields.mappings(document["snapshots"]))),
        skipped_objects=fields.texts(document["skipped_objects"]),
        external_catalogs=tuple(map(_parse_catalog, fields.mappings(document["external_catalogs"]))),
    )


def _parse_catalog(document: dict[str, Any]) -> StoredCatalog:
    pairs = fields.mapping(document["properties"])
    return StoredCatalog(
        fields.text(document["name"]), fields.text(document["comment"]),
        {fields.text(name): fields.text(value) for name, value in pairs.items()},
        fields.texts(document["secrets"]), fields.text(document["statement"]),
    )  # fmt: skip


def _parse_snapshot(document: dict[str, Any]) -> Snapshot:
    inventory, rows = fields.mapping(document["inventory"]), document["rows"]
    return Snapshot(
        fields.text(document["database"]), fields.whole(document["attempt"], 1), file_from_document(inventory),
        fields.whole(document["size_bytes"]), fields.whole(document["tables"]),
        None if rows is None else fields.whole(rows),
    )  # fmt: skip


def file_from_document(document: dict[str, Any]) -> StoredFile:
    """Raises ValueError or KeyError."""
    return StoredFile(
        fields.text(document["name"]), fields.whole(document["size"]), fields.text(document["sha256"])
    )
