"""What is written to the ledger, as verbs. Each is one transaction, safe to call from any thread."""

import contextlib
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from reconciler.core import instants, rebuild
from reconciler.core.ledger_place import LedgerPlace
from reconciler.core.model import Desired
from reconciler.core.plan import Rows
from reconciler.core.rebuild import Adoption
from reconciler.core.record import (
    OPEN,
    BackupSet,
    Leftover,
    Note,
    Recorded,
    RestoreTask,
    Task,
)
from reconciler.effects.ledger import adopting, lease_row, reading, steps, tables
from reconciler.effects.ledger.faults import readable
from reconciler.effects.ledger.lease import Held
from reconciler.effects.ledger.listening import Listening
from reconciler.effects.ledger.server import begin_snapshot
from reconciler.errors import LeaseHeld

LOST = timedelta(days=1)  # a server's own job timeout (Doris: backup_job_default_timeout_ms)


class Ledger:
    """The writer's ledger, made under a held lease, whose fencing number it writes under.

    Raises LedgerAway where its server may answer again, and LedgerUnusable where it will not, from every verb.
    """

    def __init__(self, engine: Engine, place: LedgerPlace, lease: Held) -> None:
        self._engine = engine
        self._place = place
        self._lease = lease
        self._lock = threading.Lock()
        with readable(place), self._engine.begin() as connection:
            self._fence = lease.number(connection)
            self.id = steps.meta_of(connection, "ledger_id")
            self.is_simulated = steps.meta_of(connection, "simulated") == "1"
        self._listening = Listening(engine)
        self._heard: tuple[frozenset[str], int] = (frozenset(), 0)

    def close(self) -> None:
        self._listening.close()
        self._engine.dispose()

    def check_lease(self) -> None:
        """Asked just before each change of a storage. Raises LeaseHeld, or LeaseLapsed for what may pass."""
        self._lease.check()

    def read(self, desired: Desired | None, now: datetime) -> Recorded:
        with self._reading() as connection:
            return reading.recorded(connection, desired, now)

    def recent_tasks(self, since: datetime) -> tuple[Task, ...]:
        """Tasks with a slot after `since`, and those whose set is not removed, by slot."""
        with self._reading() as connection:
            return reading.recent_tasks(connection, since)

    def moments(self) -> tuple[datetime | None, datetime | None]:
        """The newest instant that was recorded, and when the ledger was last rebuilt."""
        with self._reading() as connection:
            return steps.moment(connection, "seen_at"), steps.moment(connection, "rebuilt_at")

    def noted_at(self, now: datetime) -> datetime:
        """`now`, or the newest instant that was recorded where the clock went back behind it."""
        with self._reading() as connection:
            return steps.noted_at(connection, now)

    def trust_clock(self, now: datetime) -> None:
        """From here on `now` is the newest instant: the clock was proven right, or allowed.

        What a clock that was ahead has passed over counts again (S5).
        """
        with self._writing() as connection:
            if steps.noted_at(connection, now) > now:
                given_back = steps.give_back_slots(connection, now)
                steps.log(connection, now, "clock was ahead", "slots", f"{given_back} count again")
            steps.set_meta(connection, "seen_at", instants.text(now))

    def adopt(self, found: Adoption, location: str, now: datetime, begins: datetime) -> Adoption:
        """Adds what the ledger did not know of a storage, and gives back just that (T2). `begins` is when the day
        begins in which nothing is removed.
        """
        with self._writing() as connection:
            found = rebuild.renamed(found, steps.former_names(connection), begins)
            fresh = adopting.adopt(connection, found, now)
            tables.save(connection, tables.notes, [item._asdict() | {"written": False} for item in found.notes])
            tables.save(connection, tables.storages, [
                {"name": found.storage, "location": location, "looked_at": now}
            ])  # fmt: skip
            if fresh.is_rebuild:
                steps.set_meta(connection, "rebuilt_at", instants.text(begins))
                adopting.ask_approval(connection)
                detail = f"{len(fresh.sets)} sets, {len(fresh.restores)} claims"
                steps.log(connection, now, "rebuilt", found.storage, detail)
            return fresh

    def marked_at(self, storage: str) -> datetime | None:
        """When the storage was last given this ledger's mark."""
        with self._reading() as connection:
            table = tables.storages
            return connection.execute(select(table.c.looked_at).where(table.c.name == storage)).scalar()

    def note_mark(self, storage: str, now: datetime) -> None:
        with self._writing() as connection:
            table = tables.storages
            connection.execute(update(table).where(table.c.name == storage).values(looked_at=now))
            steps.log(connection, now, "marked", storage, None)

    def end_note(self, note: Note) -> None:
        """It stands in storage, unless a newer one has taken its place meanwhile."""
        with self._writing() as connection:
            table = tables.notes
            connection.execute(
                update(table)
                .where(table.c.storage == note.storage, table.c.key == note.key, table.c.content == note.content)
                .values(written=True)
            )

    def is_allowed(self, what: str, since: datetime | None = None) -> bool:
        """Whether somebody allowed it, later than `since`."""
        with self._reading() as connection:
            return steps.allowed(connection, what, since)

    def use_allowance(self, what: str, now: datetime) -> None:
        """It has served; the next time needs another."""
        with self._writing() as connection:
            if steps.allowed(connection, what, None):
                connection.execute(delete(tables.allowances).where(tables.allowances.c.what == what))
                steps.log(connection, now, f"allowance of {what} used", what, None)

    def accept(self, desired: Desired, rows: Rows, now: datetime) -> None:
        """Takes over a configuration together with all that follows from it (P2)."""
        with self._writing() as connection:
            tables.save(connection, tables.configuration, [{"id": 1, "document": desired, "accepted_at": now}])
            self._record(connection, rows, now)

    def record(self, rows: Rows, now: datetime) -> None:
        """What falls due under the configuration that stands."""
        with self._writing() as connection:
            self._record(connection, rows, now)

    def begin_task(
        self, task_id: str, home: str, storage: str, now: datetime, *, go_on: bool
    ) -> Task | None:
        """The task, now running, with the number of its next attempt; None where it has ended.

        With `go_on` an attempt that is still open is gone on with under its own number.
        """
        with self._writing() as connection:
            row = steps.row(connection, tables.tasks, task_id)
            if row["state"] not in OPEN:
                return None
            task = tables.value_of(Task, row)
            if go_on and steps.is_open(connection, task):
                task = task._replace(state="running", reason=None)
                tables.save(connection, tables.tasks, [task._asdict()])
                return task
            steps.retire_attempts(connection, task_id, now)
            task = task._replace(
                state="running", attempt=steps.last_attempt(connection, task_id) + 1,
                started_at=task.started_at or now, reason=None,
            )  # fmt: skip
            tables.save(connection, tables.tasks, [task._asdict()])
            connection.execute(insert(tables.attempts), {
                "task_id": task_id, "attempt": task.attempt, "home": home, "storage": storage,
                "state": "open", "begun_at": now,
            })  # fmt: skip
            return task

    def fail_attempt(self, task: Task, reason: str, spoiled_at: datetime | None) -> None:
        """A try that may be followed by another; `spoiled_at` where its attempt is left over from then on."""
        with self._writing() as connection:
            if spoiled_at is not None:
                steps.retire_attempts(connection, task.id, spoiled_at)
            steps.change(connection, tables.tasks, task.id, reason=reason)
            connection.execute(
                update(tables.attempts)
                .where(tables.attempts.c.task_id == task.id, tables.attempts.c.attempt == task.attempt)
                .values(reason=reason)
            )

    def disown_attempt(self, task: Task, reason: str) -> None:
        """Another run has begun this attempt: its prefix is not ours to remove."""
        with self._writing() as connection:
            connection.execute(
                update(tables.attempts)
                .where(tables.attempts.c.task_id == task.id, tables.attempts.c.attempt == task.attempt)
                .values(state="foreign", reason=reason)
            )

    def end_task(self, task: Task, now: datetime, made: BackupSet | None, attempts: frozenset[int]) -> None:
        """The outcome of a task; `attempts` are those whose files the set is made of, the others are left over.

        What a `lost` one left is removable when the server's own job is sure to have ended.
        """
        later = LOST if task.state == "lost" else timedelta(0)
        with self._writing() as connection:
            name = steps.row(connection, tables.tasks, task.id)["warehouse"]  # it may have another by now (P8)
            tables.save(connection, tables.tasks, [task._replace(warehouse=name)._asdict()])
            good = tables.attempts.c.attempt.in_(attempts)
            connection.execute(
                update(tables.attempts).where(tables.attempts.c.task_id == task.id, good).values(state="good")
            )
            steps.retire_attempts(connection, task.id, steps.noted_at(connection, now) + later)
            if made is not None:
                tables.save(connection, tables.sets, [made._replace(warehouse=name)._asdict()])
            steps.forget_wish(connection, task.id)
            steps.log(connection, now, f"backup {task.state}", task.id, task.reason)

    def begin_removal(self, backup_set: BackupSet, now: datetime) -> bool:
        """Marks a set as going, unless a restore has come to need it (S3)."""
        with self._writing() as connection:
            table = tables.restores
            needed = select(func.count()).where(
                table.c.backup_set == backup_set.id, table.c.state == "running"
            )
            if connection.execute(needed).scalar():
                return False
            steps.change(connection, tables.sets, backup_set.id, state="removing")
            steps.log(connection, now, "removal begun", backup_set.id, None)
            return True

    def spare(self, backup_set: BackupSet, now: datetime) -> None:
        """Nothing of it is gone, and something protects it now: it is as good as before (S3)."""
        with self._writing() as connection:
            steps.change(connection, tables.sets, backup_set.id, state="present", tried_at=None)
            steps.log(connection, now, "removal taken back", backup_set.id, None)

    def end_removal(self, backup_set: BackupSet, state: str, now: datetime) -> None:
        with self._writing() as connection:
            tried_at = now if state == "retained_by_lock" else None
            steps.change(connection, tables.sets, backup_set.id, state=state, tried_at=tried_at)
            steps.log(connection, now, f"set {state}", backup_set.id, None)

    def end_leftover(self, leftover: Leftover) -> None:
        with self._writing() as connection:
            steps.change_attempt(connection, leftover, state="removed")

    def keep_attempt(self, leftover: Leftover, made: BackupSet) -> None:
        """It is no leftover: a manifest names it, and its set was not known."""
        with self._writing() as connection:
            steps.change_attempt(connection, leftover, state="good")
            warehouse = steps.row(connection, tables.tasks, leftover.task_id)["warehouse"]
            if not tables.known_keys(connection, tables.sets, [made.id]):
                tables.save(connection, tables.sets, [made._replace(warehouse=warehouse)._asdict()])

    def postpone_leftover(self, leftover: Leftover, until: datetime) -> None:
        """The storage's lock retains it."""
        with self._writing() as connection:
            steps.change_attempt(connection, leftover, removable_at=until)

    def begin_restore(self, task: RestoreTask, now: datetime) -> bool:
        """Records that it runs, unless its set has begun to go since it was chosen (S3), its entry was edited or
        taken out (R5), or another has not ended in its warehouse (R1).
        """
        with self._writing() as connection:
            if steps.row(connection, tables.sets, task.backup_set or "")["state"] != "present":
                return False
            known = steps.row(connection, tables.restores, task.id)
            if (known["state"], known["digest"]) != ("pending", task.digest):
                return False
            table, sets = tables.restores, tables.sets
            others = connection.execute(
                select(table.c.entry).join(sets, sets.c.id == table.c.backup_set).where(table.c.state == "running")
            ).scalars()
            if any(entry.warehouse == task.entry.warehouse for entry in others):
                return False
            tables.save(connection, tables.restores, [task._asdict()])
            steps.log(connection, now, "restore begun", task.id, task.backup_set)
            return True

    def save_restore(self, task: RestoreTask, now: datetime) -> None:
        """What has ended meanwhile stays as it ended, and what a renaming has made of the entry stays so (P8)."""
        with self._writing() as connection:
            known = steps.row(connection, tables.restores, task.id)
            if known["ended_at"] is not None:
                return
            task = task._replace(entry=known["entry"], digest=known["digest"])
            tables.save(connection, tables.restores, [task._asdict()])
            if task.ended_at is not None:
                steps.forget_wish(connection, task.id)
                steps.log(connection, now, f"restore {task.state}", task.id, task.reason)

    def words(self) -> tuple[frozenset[str], int]:
        """What others have left word of: the ids to stop, and how many things are allowed.

        Of a file, asked anew only after some connection has written.
        """
        with self._lock, readable(self._place):
            news = self._listening.has_news()
        if news:
            self._heard = (self.wishes(), self._allowances())
        return self._heard

    def _allowances(self) -> int:
        with self._reading() as connection:
            return int(connection.execute(select(func.count()).select_from(tables.allowances)).scalar_one())

    def wishes(self) -> frozenset[str]:
        """Ids that somebody wants stopped."""
        with self._reading() as connection:
            return frozenset(connection.execute(reading.CANCELLATIONS).scalars())

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._lock, readable(self._place), self._engine.connect() as connection:
            begin_snapshot(connection)
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        """The row of the lease stays locked to the end, so that nobody takes it over before that."""
        with self._lock, readable(self._place), self._engine.begin() as connection:
            self._lease.check()
            if lease_row.lock(connection) != self._fence:
                raise LeaseHeld("another reconciler has taken this ledger over; this one writes no more")
            yield connection

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
