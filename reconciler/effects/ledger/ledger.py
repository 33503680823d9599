"""What is written to the ledger, as verbs. Each is one transaction, safe to call from any thread."""

from datetime import datetime

from sqlalchemy import Connection

from reconciler.core import instants
from reconciler.core.model import Desired
from reconciler.core.plan import Rows
from reconciler.core.record import Recorded, RestoreTask, Task
from reconciler.effects.ledger import reading, steps, tables
from reconciler.effects.ledger.backups import Backups
from reconciler.effects.ledger.hearing import Hearing
from reconciler.effects.ledger.moments import Moments
from reconciler.effects.ledger.removals import Removals
from reconciler.effects.ledger.restores import Restores
from reconciler.effects.ledger.storages import Storages


class Ledger(Backups, Removals, Restores, Storages, Moments, Hearing):
    """The writer's ledger: what is recorded, what a decision makes of it, and the verbs of each thing in it."""

    def read(self, desired: Desired | None, now: datetime) -> Recorded:
        with self._reading() as connection:
            return reading.recorded(connection, desired, now)

    def recent_tasks(self, since: datetime) -> tuple[Task, ...]:
        """Tasks with a slot after `since`, and those whose set is not removed, by slot."""
        with self._reading() as connection:
            return reading.recent_tasks(connection, since)

    def accept(self, desired: Desired, rows: Rows, now: datetime) -> None:
        """Takes over a configuration together with all that follows from it (P2)."""
        with self._writing() as connection:
            tables.save(connection, tables.configuration, [{"id": 1, "document": desired, "accepted_at": now}])
            self._record(connection, rows, now)

    def record(self, rows: Rows, now: datetime) -> None:
        """What falls due under the configuration that stands."""
        with self._writing() as connection:
            self._record(connection, rows, now)

    def _record(self, connection: Connection, rows: Rows, now: datetime) -> None:
        for old, new in rows.renamings:
            steps.rename(connection, old, new)
            steps.log(connection, now, "renamed", new, f"from {old}")
        for item in rows.readdressed:
            steps.change(connection, tables.restores, item.id, entry=item.entry, digest=item.digest)
        tables.save(connection, tables.plans, [item._asdict() for item in rows.revisions])
        tasks = steps.not_begun(connection, tables.tasks, rows.tasks)
        restores = steps.not_begun(connection, tables.restores, rows.restores)
        tables.save(connection, tables.tasks, [item._asdict() for item in tasks])
        tables.save(connection, tables.restores, [item._asdict() for item in restores])
        tables.save(connection, tables.holds, [item._asdict() for item in rows.holds])
        tables.save(connection, tables.notes, [item._asdict() | {"written": False} for item in rows.notes])
        seen_at = steps.moment(connection, "seen_at")
        if seen_at is None or seen_at < now:
            steps.set_meta(connection, "seen_at", instants.text(now))
        for revision in rows.revisions:
            steps.log_revision(connection, revision, now)
        decided: tuple[Task | RestoreTask, ...] = (*tasks, *restores)
        for each in decided:
            steps.log_end(connection, each, now)
