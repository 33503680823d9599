"""A backup by the server's own snapshots: one repository for the attempt, one snapshot for each database.

Asked for and followed by label. Whatever is not certain is looked up before anything is sent: in the server's list
of jobs, and in storage, which alone proves that a snapshot is whole.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from reconciler.core import naming
from reconciler.core.manifest import Snapshot
from reconciler.core.ports import AttemptFolder, BackupOrder, Watch
from reconciler.engines.doris import jobs, repository, statements, tables
from reconciler.engines.doris.repository import StoredSnapshot
from reconciler.engines.doris.session import BUSY, SUBMITTING, Said, Session, Unanswered
from reconciler.engines.doris.tables import Table
from reconciler.errors import (
    STEP_ERRORS,
    Cancelled,
    DeadlinePassed,
    EngineFailed,
    JobLost,
    StepFailed,
    may_pass,
)

AT_ONCE = 3  # databases; each submission lists the repository under a lock of the whole cluster
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 15.0  # seconds between two looks
LOOKS_FOR_INFO = 4  # after FINISHED: the job may be told before it is durable
TAKEN = "already exist in repository"
UNKNOWN_TABLE = 1051
HOPELESS = ("cooldowned remote data", "exceeds the limit", "is not a OLAP table", "temp partitions")


class Part(NamedTuple):
    """One database of the attempt."""

    database: str
    label: str
    tables: tuple[Table, ...]

    @property
    def is_empty(self) -> bool:
        return not any(table.kind in ("table", "view") for table in self.tables)


class Backup:
    """One attempt, from the first statement to the inventories."""

    def __init__(
        self, session: Session, order: BackupOrder, number: int, folder: AttemptFolder, watch: Watch
    ) -> None:
        self._session, self._order, self._number = session, order, number
        self._folder, self._watch = folder, watch
        self._dialect = session.about()
        self._repository = naming.stem(order.place, number)
        self._percent: dict[str, float] = {}

    def run(self, databases: tuple[str, ...]) -> tuple[tuple[Snapshot, ...], tuple[str, ...]]:
        """The snapshots, and what they leave out."""
        parts = self._chosen(databases)
        self._make_repository()
        try:
            made = self._made(parts)
        except (Cancelled, DeadlinePassed):
            self._stop(parts)
            raise
        except STEP_ERRORS as error:
            self._stop_unless_tried_again(parts, error)
            raise
        finally:
            self._drop_repository()
        staging = self._folder.staging()
        snapshots = tuple(
            self._record(part, made[part.database], at, staging) for at, part in enumerate(parts, 1)
        )
        return snapshots, tuple(line for part in parts for line in self._left_out(part, made[part.database]))

    def _chosen(self, databases: tuple[str, ...]) -> tuple[Part, ...]:
        """What was there when the attempt began: one that is gone on with is not measured by what came since."""
        listed = {name: [list(table) for table in tables.of(self._session, name)] for name in databases}
        standing = self._folder.remember("order.json", {"format": 1, "databases": listed})["databases"]
        return tuple(
            Part(name, naming.stem(self._order.place, self._number, name), tuple(Table(*row) for row in rows))
            for name, rows in sorted(standing.items())
        )

    def _made(self, parts: tuple[Part, ...]) -> dict[str, StoredSnapshot | None]:
        """A few at once; the others wait for their turn."""
        made: dict[str, StoredSnapshot | None] = {part.database: None for part in parts if part.is_empty}
        waiting = [part for part in parts if not part.is_empty]
        running: list[Part] = []
        pause = FIRST_PAUSE
        while waiting or running:
            self._submit_some(waiting, running)
            for part in tuple(running):
                found = self._followed(part)
                if found is not None:
                    running.remove(part)
                    made[part.database] = found
                    pause = FIRST_PAUSE
            self._tell_progress(parts, made)
            if waiting or running:
                self._watch.pause(pause)
                pause = min(LONGEST_PAUSE, pause * 1.5)
        return made

    def _submit_some(self, waiting: list[Part], running: list[Part]) -> None:
        for part in tuple(waiting):
            if len(running) >= AT_ONCE:
                return
            self._watch.check()
            if self._submitted(part):
                waiting.remove(part)
                running.append(part)

    def _submitted(self, part: Part) -> bool:
        """Whether the job is at the server now, or was; a busy database is asked again later."""
        if self._is_known(part):
            return True
        statement = statements.backup(
            part.database, part.label, self._repository, tables.on_list(part.tables),
            [jobs.timeout(self._order.plan.timeout)],
        )  # fmt: skip
        try:
            self._session.tell(statement)
        except Said as refusal:
            if any(words in refusal.words for words in (BUSY, SUBMITTING, TAKEN)):
                return self._is_known(part)
            if refusal.code == UNKNOWN_TABLE:
                raise EngineFailed(f"{refusal}; it was dropped meanwhile", passing=True, spoiled=True) from None
            raise
        except Unanswered:
            return self._is_known(part)
        return True

    def _is_known(self, part: Part) -> bool:
        """By label: in the server's list, or in storage, where what is left of it keeps the label taken."""
        if jobs.find(self._session, "BACKUP", part.database, part.label) is not None:
            return True
        return repository.is_begun(self._entries(part))

    def _followed(self, part: Part) -> StoredSnapshot | None:
        """The snapshot once it is whole. Raises where it never will be."""
        job = jobs.find(self._session, "BACKUP", part.database, part.label)
        if job is None:
            return self._without_a_job(part)
        self._percent[part.database] = job.percent
        if job.state == "FINISHED":
            return self._proven(part)
        if job.state == "CANCELLED":
            hopeless = any(words in job.status for words in HOPELESS)
            raise EngineFailed(
                f"database {part.database}: the server ended its backup {part.label}: {jobs.words(job)}",
                passing=not hopeless, spoiled=True,
            )  # fmt: skip
        return None

    def _proven(self, part: Part) -> StoredSnapshot:
        for _ in range(LOOKS_FOR_INFO):
            found = self._examined(part)
            if found is not None:
                self._refuse_missing(part, found)
                return found
            self._watch.pause(FIRST_PAUSE)
        raise EngineFailed(
            f"database {part.database}: the server says {part.label} is FINISHED, but its info file is not in "
            f"storage; it counts as failed", passing=True, spoiled=True,
        )  # fmt: skip

    def _without_a_job(self, part: Part) -> StoredSnapshot:
        """The list is short and may be forgotten: what storage has decides; somebody else's job in our place
        leaves open what became of ours.
        """
        found = self._examined(part)
        if found is not None:
            self._refuse_missing(part, found)
            return found
        others = jobs.history(self._session, "BACKUP", part.database)
        if others and not others[-1].has_ended:
            raise JobLost(
                f"database {part.database}: the server knows {others[-1].label} in the place of our backup "
                f"{part.label}, which is not whole in storage"
            )
        raise EngineFailed(
            f"database {part.database}: the server does not know backup {part.label} any more, and it is not whole "
            f"in storage", passing=True, spoiled=True,
        )  # fmt: skip

    def _refuse_missing(self, part: Part, found: StoredSnapshot) -> None:
        """A table dropped meanwhile is told as left out; one that is there and not in the snapshot fails."""
        missing = set(_kept(part)) - {*found.tables, *found.views}
        standing = {table.name for table in tables.of(self._session, part.database)} if missing else set()
        if missing & standing:
            raise EngineFailed(
                f"database {part.database}: snapshot {part.label} lacks {', '.join(sorted(missing & standing))}",
                passing=True, spoiled=True,
            )  # fmt: skip

    def _left_out(self, part: Part, found: StoredSnapshot | None) -> Iterator[str]:
        present = {*found.tables, *found.views} if found else set()
        yield from (line for table, line in zip(
            (table for table in part.tables if table.kind not in ("table", "view")),
            tables.skipped(part.database, part.tables), strict=True,
        ) if table.name not in present)  # fmt: skip
        dropped = sorted(set(_kept(part)) - present) if found else []
        yield from (f"{part.database}.{name} (dropped while the backup ran)" for name in dropped)

    def _record(self, part: Part, found: StoredSnapshot | None, at: int, staging: Path) -> Snapshot:
        """The inventory of one database: all that a restore must know, and every file with its size."""
        kept = [table for table in part.tables if table.kind in ("table", "view")]
        path = staging / f"{at}.json"
        path.write_text(json.dumps(self._inventory(part, found, kept), indent=1))
        stored = self._folder.put(path, f"{at:05}/inventory.json")
        rows = [table.rows for table in kept if table.kind == "table"]
        return Snapshot(
            part.database, self._number, stored, stored.size + (found.size_bytes if found else 0), len(kept),
            sum(row for row in rows if row is not None) if None not in rows else None,
        )  # fmt: skip

    def _inventory(self, part: Part, found: StoredSnapshot | None, kept: list[Table]) -> dict[str, Any]:
        return {
            "format": 1, "method": "snapshot", "product": self._dialect.product, "server": self._dialect.text,
            "database": part.database, "label": part.label if found else None, "repository": self._repository,
            "backup_timestamp": found.timestamp if found else None,
            "objects": [*found.tables, *found.views] if found else [],
            "tables": [table._asdict() for table in kept],
            "files": sorted(found.files.items()) if found else [],
        }  # fmt: skip

    def _make_repository(self) -> None:
        location = self._folder.location()
        statement = statements.create_repository(
            self._repository, location, self._session.access(location),
            kind=self._dialect.repository_kind, scheme="s3", read_only=False,
        )  # fmt: skip
        if self._repository in _repositories(self._session):
            return
        try:
            self._session.tell(statement)
        except (Said, Unanswered):
            if self._repository not in _repositories(self._session):
                raise

    def _drop_repository(self) -> None:
        """The mapping only. One that a job still uses, or a server that is away, keeps it: it points at our prefix
        alone and does no harm.
        """
        try:
            self._session.tell(statements.drop_repository(self._repository))
        except StepFailed:
            return

    def _stop_unless_tried_again(self, parts: tuple[Part, ...], error: Exception) -> None:
        """With an error that will not pass the task is over: so is what the server does for it."""
        if may_pass(error) or isinstance(error, JobLost):
            return
        try:
            self._stop(parts)
        except JobLost as lost:
            raise JobLost(f"{error}; {lost}") from error

    def _stop(self, parts: tuple[Part, ...]) -> None:
        """Ends our jobs, each of them. Raises JobLost where one may still be at work."""
        rest = self._watch.rest
        asked = (jobs.still_works(self._session, "BACKUP", part.database, part.label, rest) for part in parts)
        left = [words for words in asked if words]
        if left:
            raise JobLost("; ".join(left))

    def _examined(self, part: Part) -> StoredSnapshot | None:
        prefix = repository.folder(self._dialect, self._repository, part.label)
        return repository.examined(self._entries(part), prefix, self._folder.read)

    def _entries(self, part: Part) -> Any:
        return self._folder.entries(repository.folder(self._dialect, self._repository, part.label))

    def _tell_progress(self, parts: tuple[Part, ...], made: dict[str, StoredSnapshot | None]) -> None:
        done = sum(100.0 if part.database in made else self._percent.get(part.database, 0.0) for part in parts)
        self._watch.progress(done / len(parts) if parts else 100.0)


def _kept(part: Part) -> tuple[str, ...]:
    return tuple(table.name for table in part.tables if table.kind in ("table", "view"))


def _repositories(session: Session) -> frozenset[str]:
    return frozenset(str(row["RepoName"]) for row in session.ask("SHOW REPOSITORIES"))
