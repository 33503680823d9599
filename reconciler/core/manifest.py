"""The manifest: the small JSON in storage that makes a backup set restorable without the ledger (S1).

Written and read here field by field, since it outlives any release. Sizes are bytes, instants UTC.
"""

from datetime import datetime
from typing import Any, NamedTuple

from reconciler.core import instants
from reconciler.core.naming import TaskPlace

FORMAT = 1


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
        return _parse(document)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a manifest: {type(error).__name__} {error}") from None


def _parse(document: dict[str, Any]) -> Manifest:
    return Manifest(
        place=TaskPlace(document["installation"], document["warehouse"], document["backup_set"]),
        engine=document["engine"],
        engine_version=document["engine_version"],
        tool_version=document["tool_version"],
        slot=instants.parse(document["slot"]),
        started_at=instants.parse(document["started_at"]),
        completed_at=instants.parse(document["completed_at"]),
        plan_revision=int(document["plan_revision"]),
        config_revision=document["config_revision"],
        retention_days=int(document["retention_days"]),
        keep_last=int(document["keep_last"]),
        snapshots=tuple(_parse_snapshot(item) for item in document["snapshots"]),
        skipped_objects=tuple(document["skipped_objects"]),
        external_catalogs=tuple(map(_parse_catalog, document["external_catalogs"])),
    )


def _parse_catalog(document: dict[str, Any]) -> StoredCatalog:
    return StoredCatalog(**{**document, "secrets": tuple(document["secrets"])})


def _parse_snapshot(document: dict[str, Any]) -> Snapshot:
    return Snapshot(**{**document, "inventory": StoredFile(**document["inventory"])})
