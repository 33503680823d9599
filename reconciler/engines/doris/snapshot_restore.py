"""A restore from the server's own snapshots: a read-only repository, one job for each database.

The target is looked at first, since the server accepts a statement that its job then fails. What proves how far an
earlier run came is the journal of the claim: for each database the newest job of its label that was there before.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from reconciler.core import instants
from reconciler.core.ports import RestoreOrder, SetReader, Watch
from reconciler.engines.doris import jobs, repository, statements, tables
from reconciler.engines.doris.session import BUSY, SUBMITTING, Said, Session, Unanswered
from reconciler.errors import (
    STEP_ERRORS,
    Cancelled,
    DeadlinePassed,
    EngineFailed,
    OutcomeUnknown,
    StepFailed,
    may_pass,
)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 15.0
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
REPLICAS = 3  # what StarRocks restores with when nothing is said


class Part(NamedTuple):
    """One database of the set and where it goes. `after` is when the newest job of the label was made before us."""

    source: str
    target: str
    inventory: dict[str, Any]
    after: datetime = NEVER

    @property
    def label(self) -> str | None:
        label = self.inventory["label"]
        return None if label is None else str(label)


class Restore:
    """`inventories` are read, and checked against the manifest, by whoever makes this."""

    def __init__(
        self, session: Session, order: RestoreOrder, reader: SetReader, inventories: dict[str, dict[str, Any]]
    ) -> None:
        self._session, self._order, self._reader = session, order, reader
        self._dialect = session.about()
        self._parts = tuple(Part(source, target, inventories[source]) for source, target in order.databases)
        self._attempts = {item.database: item.attempt for item in order.manifest.snapshots}

    def check(self) -> None:
        """Everything that can be known before anything is changed (R4)."""
        existing = tables.databases(self._session)
        self._refuse_unknown_properties()
        for part in self._parts:
            self._refuse_other_product(part)
            self._refuse_incomplete(part)
            if part.target in existing and part.target not in self._order.replace:
                self._refuse_full(part)
        self._refuse_too_few_backends()

    def run(self, watch: Watch, make_catalogs: Callable[[], None]) -> tuple[str, ...]:
        parts = self._claimed()
        for at, part in enumerate(parts):
            watch.progress(100 * at / len(parts))
            self._restore(part, watch, (100 * at / len(parts), 100 / len(parts)))
        self._drop_repositories()
        make_catalogs()
        return ()

    def state_of_targets(self) -> str:
        """In words, for a restore that ended otherwise than it should."""
        existing = tables.databases(self._session)
        told = []
        for part in self._parts:
            count = len(tables.of(self._session, part.target)) if part.target in existing else None
            told.append(f"{part.target} does not exist" if count is None else f"{part.target} has {count} tables")
        return "; ".join(told)

    def _claimed(self) -> tuple[Part, ...]:
        """The parts with the journal's knowledge; without one the claim is taken now."""
        if self._order.journal is None:
            known = {part.target: instants.text(self._newest(part)) for part in self._parts}
            self._order.claim(json.dumps(known))
        else:
            known = json.loads(self._order.journal)
        return tuple(part._replace(after=instants.parse(known[part.target])) for part in self._parts)

    def _newest(self, part: Part) -> datetime:
        if part.label is None or part.target not in tables.databases(self._session):
            return NEVER
        job = jobs.find(self._session, "RESTORE", part.target, part.label)
        return job.created if job else NEVER

    def _restore(self, part: Part, watch: Watch, span: tuple[float, float]) -> None:
        self._session.tell(statements.create_database(part.target))
        if part.label is None:
            return
        self._make_repository(part)
        try:
            self._follow(part, part.label, watch, span)
        except (Cancelled, DeadlinePassed):
            jobs.cancelled(self._session, "RESTORE", part.target, part.label, watch.rest)
            raise
        except STEP_ERRORS as error:
            self._stop_unless_tried_again(part, watch, error)
            raise

    def _stop_unless_tried_again(self, part: Part, watch: Watch, error: Exception) -> None:
        """With an error that will not pass the restore is over: what the server does for it ends, or is unknown."""
        if may_pass(error) or isinstance(error, OutcomeUnknown):
            return
        left = jobs.still_works(self._session, "RESTORE", part.target, part.label or "", watch.rest)
        if left:
            raise OutcomeUnknown(f"{error}; {left}. To restore once more choose a new id") from error

    def _follow(self, part: Part, label: str, watch: Watch, span: tuple[float, float]) -> None:
        pause = FIRST_PAUSE
        submitted = False
        while True:
            job = jobs.find(self._session, "RESTORE", part.target, label, part.after)
            if job is None:
                submitted = self._submitted(part, label, lost=submitted)
            elif job.state == "FINISHED":
                return
            elif job.state == "CANCELLED":
                raise EngineFailed(f"database {part.target}: the server ended restore {label}: {jobs.words(job)}")
            else:
                watch.progress(span[0] + span[1] * job.percent / 100)
            watch.pause(pause)
            pause = min(LONGEST_PAUSE, pause * 1.5)

    def _submitted(self, part: Part, label: str, *, lost: bool) -> bool:
        """Asks for the restore where nothing has been begun. Raises OutcomeUnknown where that cannot be known."""
        self._refuse_unknown(part, label, lost=lost)
        statement = statements.restore(
            part.target, label, part.inventory["repository"], tuple(part.inventory["objects"]),
            self._properties(part),
        )  # fmt: skip
        try:
            self._session.tell(statement)
        except Said as refusal:
            if BUSY not in refusal.words and SUBMITTING not in refusal.words:
                raise
            return False
        except Unanswered:
            return True
        return True

    def _refuse_unknown(self, part: Part, label: str, *, lost: bool) -> None:
        """No job of ours is listed. In a target that is still empty, or as it was, nothing has been begun."""
        if self._order.journal is None and not lost:
            return
        history = jobs.history(self._session, "RESTORE", part.target)
        begun = part.target in self._order.replace or bool(tables.of(self._session, part.target))
        if begun or any(job.created > part.after for job in history):
            raise OutcomeUnknown(
                f"whether restore {label} into {part.target} has run is not known: the server lists no such job, "
                f"and {self.state_of_targets()}. Look whether it is as you want it; to restore once more choose a "
                f"new id"
            )

    def _properties(self, part: Part) -> list[tuple[str, str]]:
        """What tables had they keep, as far as the version knows how."""
        given = dict(self._order.request.restore_properties)
        pairs = [("backup_timestamp", str(part.inventory["backup_timestamp"])),
                 jobs.timeout(self._order.request.timeout)]  # fmt: skip
        wanted = ["reserve_colocate"]
        if given.pop("dynamic_partition.enable", None) is None:  # without, the server leaves them off
            wanted.append("reserve_dynamic_partition_enable")
        if not {"replication_num", "replication_allocation"} & given.keys():
            wanted.append("reserve_replica")
        if part.target in self._order.replace:
            wanted += ["clean_tables", "clean_partitions", "atomic_restore", "force_replace"]
        pairs += [(name, "true") for name in wanted if self._dialect.restores_with(name)]
        return [*pairs, *sorted(given.items())]

    def _refuse_unknown_properties(self) -> None:
        given = dict(self._order.request.restore_properties)
        if self._dialect.is_starrocks and "dynamic_partition.enable" in given:
            raise EngineFailed("StarRocks' RESTORE has no property that leaves dynamic partitions off: take "
                               "`dynamic_partition.enable` out of `restore_properties`")  # fmt: skip

    def _refuse_full(self, part: Part) -> None:
        found = tables.of(self._session, part.target)
        if found:
            raise EngineFailed(
                f"database {part.target} exists and has {len(found)} tables, the first is {found[0].name}; restore "
                f"under another name with `databases: {{…}}`, or name it under "
                f"`if_exists: {{replace: [{part.target}]}}`"
            )

    def _refuse_other_product(self, part: Part) -> None:
        made_by = part.inventory["product"]
        if made_by != self._dialect.product:
            raise EngineFailed(f"the set was made by {made_by}; {self._dialect.label} cannot read its snapshots")

    def _refuse_incomplete(self, part: Part) -> None:
        """Every file of the snapshot is there, with its size."""
        if part.label is None:
            return
        prefix = repository.folder(self._dialect, part.inventory["repository"], part.label)
        present = {
            entry.key.removeprefix(prefix): entry.size
            for entry in self._reader.entries(self._attempts[part.source], prefix)
        }
        missing = [name for name, size in part.inventory["files"] if present.get(name) != size]
        if missing:
            raise EngineFailed(
                f"the backup of database {part.source} is incomplete: {len(missing)} of its "
                f"{len(part.inventory['files'])} files are gone or altered, the first is {prefix}{missing[0]}; "
                f"restore another set"
            )

    def _refuse_too_few_backends(self) -> None:
        """StarRocks restores with three replicas unless told otherwise."""
        given = dict(self._order.request.restore_properties)
        wanted = int(given.get("replication_num", REPLICAS if self._dialect.is_starrocks else 1))
        alive = sum(str(row.get("Alive")).lower() == "true" for row in self._session.ask("SHOW BACKENDS"))
        if alive < wanted:
            raise EngineFailed(
                f"restored tables would have {wanted} replicas, but {alive} backends are alive; say "
                f"`restore_properties: {{replication_num: {max(1, alive)}}}` in the entry"
            )

    def _make_repository(self, part: Part) -> None:
        """Under the name that its own info file bears: another name is refused (Doris #27668)."""
        name = part.inventory["repository"]
        location = self._reader.location(self._attempts[part.source])
        for row in self._session.ask("SHOW REPOSITORIES"):
            if row["RepoName"] == name:
                return
        statement = statements.create_repository(
            name, location, self._session.access(location), kind=self._dialect.repository_kind,
            scheme="s3", read_only=True,
        )  # fmt: skip
        self._session.tell(statement)

    def _drop_repositories(self) -> None:
        """The mappings only; one that cannot be dropped now reads our prefix alone and does no harm."""
        for name in sorted({str(part.inventory["repository"]) for part in self._parts}):
            try:
                self._session.tell(statements.drop_repository(name))
            except StepFailed:
                continue


def inventories(order: RestoreOrder, reader: SetReader) -> dict[str, dict[str, Any]]:
    """What the set says of each database that is asked for, with its digest checked."""
    wanted = {source for source, _ in order.databases}
    found = {}
    with TemporaryDirectory(prefix="reconcile-") as folder:
        for item in order.manifest.snapshots:
            if item.database in wanted:
                path = reader.fetch(item.attempt, item.inventory, Path(folder))
                found[item.database] = json.loads(path.read_text())
    return found
