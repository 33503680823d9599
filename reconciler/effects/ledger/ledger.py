"""What is written to the ledger, as verbs. Each is one transaction, safe to call from any thread."""

import contextlib
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, and_, delete, func, insert, select, update

from reconciler.core import instants
from reconciler.core.ledger_place import LedgerPlace
from reconciler.core.model import Desired
from reconciler.core.plan import Rows
from reconciler.core.rebuild import Adoption
from reconciler.core.record import (
    OPEN,
    PASSED_OVER,
    BackupSet,
    Leftover,
    Note,
    PlanRevision,
    Recorded,
    RestoreTask,
    Task,
)
from reconciler.effects.ledger import adopting, lease_row, reading, tables
from reconciler.effects.ledger.faults import readable
from reconciler.effects.ledger.lease import Held
from reconciler.effects.ledger.listening import Listening
from reconciler.effects.ledger.server import begin_snapshot
from reconciler.errors import LeaseHeld, Misuse

SECOND = timedelta(seconds=1)
LOST = timedelta(days=1)  # a server's own job timeout (Doris: backup_job_default_timeout_ms)


class NotInLedger(Misuse):
    pass


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
            self.id = _meta(connection, "ledger_id")
            self.is_simulated = _meta(connection, "simulated") == "1"
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
            return _moment(connection, "seen_at"), _moment(connection, "rebuilt_at")

    def noted_at(self, now: datetime) -> datetime:
        """`now`, or the newest instant that was recorded where the clock went back behind it."""
        with self._reading() as connection:
            return _noted_at(connection, now)

    def trust_clock(self, now: datetime) -> None:
        """From here on `now` is the newest instant: the clock was proven right, or allowed.

        What a clock that was ahead has passed over lies ahead again (S5).
        """
        with self._writing() as connection:
            if _noted_at(connection, now) > now:
                given_back = _give_back_slots(connection, now)
                _log(connection, now, "clock was ahead", "slots", f"{given_back} count again")
            _set_meta(connection, "seen_at", instants.text(now))

    def adopt(self, found: Adoption, location: str, now: datetime, begins: datetime) -> Adoption:
        """Adds what the ledger did not know of a storage, and gives back just that (T2). `begins` is when the day
        begins in which nothing is removed.
        """
        with self._writing() as connection:
            fresh = adopting.adopt(connection, found)
            tables.save(connection, tables.storages, [
                {"name": found.storage, "location": location, "looked_at": now}
            ])  # fmt: skip
            if fresh.is_rebuild:
                _set_meta(connection, "rebuilt_at", instants.text(begins))
                adopting.ask_approval(connection)
                detail = f"{len(fresh.sets)} sets, {len(fresh.restores)} claims"
                _log(connection, now, "rebuilt", found.storage, detail)
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
            _log(connection, now, "marked", storage, None)

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
            return _allowed(connection, what, since)

    def use_allowance(self, what: str, now: datetime) -> None:
        """It has served; the next time needs another."""
        with self._writing() as connection:
            if _allowed(connection, what, None):
                connection.execute(delete(tables.allowances).where(tables.allowances.c.what == what))
                _log(connection, now, f"allowance of {what} used", what, None)

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
            row = _row(connection, tables.tasks, task_id)
            if row["state"] not in OPEN:
                return None
            task = tables.value_of(Task, row)
            if go_on and _is_open(connection, task):
                task = task._replace(state="running", reason=None)
                tables.save(connection, tables.tasks, [task._asdict()])
                return task
            _retire_attempts(connection, task_id, now)
            task = task._replace(
                state="running", attempt=_last_attempt(connection, task_id) + 1,
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
                _retire_attempts(connection, task.id, spoiled_at)
            _change(connection, tables.tasks, task.id, reason=reason)
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
            name = _row(connection, tables.tasks, task.id)["warehouse"]  # it may have been renamed meanwhile (P8)
            tables.save(connection, tables.tasks, [task._replace(warehouse=name)._asdict()])
            good = tables.attempts.c.attempt.in_(attempts)
            connection.execute(
                update(tables.attempts).where(tables.attempts.c.task_id == task.id, good).values(state="good")
            )
            _retire_attempts(connection, task.id, _noted_at(connection, now) + later)
            if made is not None:
                tables.save(connection, tables.sets, [made._replace(warehouse=name)._asdict()])
            _forget_wish(connection, task.id)
            _log(connection, now, f"backup {task.state}", task.id, task.reason)

    def begin_removal(self, backup_set: BackupSet, now: datetime) -> bool:
        """Marks a set as going, unless a restore has come to need it (S3)."""
        with self._writing() as connection:
            table = tables.restores
            needed = select(func.count()).where(
                table.c.backup_set == backup_set.id, table.c.state == "running"
            )
            if connection.execute(needed).scalar():
                return False
            _change(connection, tables.sets, backup_set.id, state="removing")
            _log(connection, now, "removal begun", backup_set.id, None)
            return True

    def spare(self, backup_set: BackupSet, now: datetime) -> None:
        """Nothing of it is gone, and something protects it now: it is as good as before (S3)."""
        with self._writing() as connection:
            _change(connection, tables.sets, backup_set.id, state="present", tried_at=None)
            _log(connection, now, "removal taken back", backup_set.id, None)

    def end_removal(self, backup_set: BackupSet, state: str, now: datetime) -> None:
        with self._writing() as connection:
            tried_at = now if state == "retained_by_lock" else None
            _change(connection, tables.sets, backup_set.id, state=state, tried_at=tried_at)
            _log(connection, now, f"set {state}", backup_set.id, None)

    def end_leftover(self, leftover: Leftover) -> None:
        with self._writing() as connection:
            _change_attempt(connection, leftover, state="removed")

    def keep_attempt(self, leftover: Leftover, made: BackupSet) -> None:
        """It is no leftover: a manifest names it, and its set was not known."""
        with self._writing() as connection:
            _change_attempt(connection, leftover, state="good")
            warehouse = _row(connection, tables.tasks, leftover.task_id)["warehouse"]
            if not tables.known_keys(connection, tables.sets, [made.id]):
                tables.save(connection, tables.sets, [made._replace(warehouse=warehouse)._asdict()])

    def postpone_leftover(self, leftover: Leftover, until: datetime) -> None:
        """The storage's lock retains it."""
        with self._writing() as connection:
            _change_attempt(connection, leftover, removable_at=until)

    def begin_restore(self, task: RestoreTask, now: datetime) -> bool:
        """Records that it runs, unless its set has begun to go since it was chosen (S3), its entry was edited or
        taken out (R5), or another has not ended in its warehouse (R1).
        """
        with self._writing() as connection:
            if _row(connection, tables.sets, task.backup_set or "")["state"] != "present":
                return False
            known = _row(connection, tables.restores, task.id)
            if (known["state"], known["digest"]) != ("pending", task.digest):
                return False
            table, sets = tables.restores, tables.sets
            others = connection.execute(
                select(table.c.entry).join(sets, sets.c.id == table.c.backup_set).where(table.c.state == "running")
            ).scalars()
            if any(entry.warehouse == task.entry.warehouse for entry in others):
                return False
            tables.save(connection, tables.restores, [task._asdict()])
            _log(connection, now, "restore begun", task.id, task.backup_set)
            return True

    def save_restore(self, task: RestoreTask, now: datetime) -> None:
        """What has ended meanwhile stays as it ended."""
        with self._writing() as connection:
            ended = select(tables.restores.c.ended_at).where(tables.restores.c.id == task.id)
            if connection.execute(ended).scalar() is not None:
                return
            tables.save(connection, tables.restores, [task._asdict()])
            if task.ended_at is not None:
                _forget_wish(connection, task.id)
                _log(connection, now, f"restore {task.state}", task.id, task.reason)

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
            _rename(connection, old, new)
            _log(connection, now, "renamed", new, f"from {old}")
        tables.save(connection, tables.plans, [item._asdict() for item in rows.revisions])
        tables.save(connection, tables.tasks, [item._asdict() for item in rows.tasks])
        tables.save(connection, tables.restores, [item._asdict() for item in rows.restores])
        tables.save(connection, tables.holds, [item._asdict() for item in rows.holds])
        tables.save(connection, tables.notes, [item._asdict() | {"written": False} for item in rows.notes])
        seen_at = _moment(connection, "seen_at")
        if seen_at is None or seen_at < now:
            _set_meta(connection, "seen_at", instants.text(now))
        for revision in rows.revisions:
            _log_revision(connection, revision, now)
        ends = [(item.ended_at, item.state, item.id, item.reason) for item in rows.tasks]
        ends += [(item.ended_at, item.state, item.id, item.reason) for item in rows.restores]
        for ended_at, state, subject, reason in ends:
            if ended_at == now:
                _forget_wish(connection, subject)
                _log(connection, now, state, subject, reason)


def allow(engine: Engine, what: str, subject: str, now: datetime) -> None:
    """Needs no lease: one row that the writer's next pass reads."""
    with engine.begin() as connection:
        lease_row.lock(connection)
        tables.save(connection, tables.allowances, [{"what": what, "subject": subject, "at": now}])
        _log(connection, now, f"allowed {what}", subject, None)


def wish_to_cancel(engine: Engine, subject: str, now: datetime) -> str:
    """Records the wish and says the state of what it is about. Needs no lease. Raises NotInLedger."""
    with engine.begin() as connection:
        lease_row.lock(connection)
        state = next(
            (
                found
                for table in (tables.tasks, tables.restores)
                if (found := connection.execute(select(table.c.state).where(table.c.id == subject)).scalar())
            ),
            None,
        )
        if state is None:
            raise NotInLedger(f"{subject} is neither a backup task nor a restore that this ledger knows")
        if state in OPEN or state in ("pending", "needs_approval"):
            tables.save(connection, tables.cancellations, [{"subject": subject, "at": now, "done": False}])
            _log(connection, now, "cancel asked", subject, None)
        return str(state)


def _row(connection: Connection, table: Any, key: str) -> Any:
    return connection.execute(select(table).where(table.c.id == key)).mappings().one()


def _change(connection: Connection, table: Any, key: str, **values: Any) -> None:
    connection.execute(update(table).where(table.c.id == key).values(**values))


def _change_attempt(connection: Connection, leftover: Leftover, **values: Any) -> None:
    table = tables.attempts
    own = (table.c.task_id == leftover.task_id, table.c.attempt == leftover.attempt)
    connection.execute(update(table).where(*own).values(**values))


def _last_attempt(connection: Connection, task_id: str) -> int:
    table = tables.attempts
    return connection.execute(select(func.max(table.c.attempt)).where(table.c.task_id == task_id)).scalar() or 0


def _allowed(connection: Connection, what: str, since: datetime | None) -> bool:
    table = tables.allowances
    later = [] if since is None else [table.c.at > since]
    return bool(connection.execute(select(func.count()).where(table.c.what == what, *later)).scalar())


def _moment(connection: Connection, name: str) -> datetime | None:
    content = _meta(connection, name)
    return instants.parse(content) if content else None


def _noted_at(connection: Connection, now: datetime) -> datetime:
    return max(now, _moment(connection, "seen_at") or now)


def _give_back_slots(connection: Connection, now: datetime) -> int:
    """What was passed over at a time that has not come yet counts again; what began has had its run."""
    tasks, plans = tables.tasks, tables.plans
    untrue = and_(tasks.c.ended_at > now, tasks.c.state.in_(sorted(PASSED_OVER)))
    own = and_(tasks.c.warehouse == plans.c.warehouse, tasks.c.plan_revision == plans.c.revision)
    first = select(plans.c.warehouse, plans.c.revision, func.min(tasks.c.slot)).join(tasks, own).where(untrue)
    firsts = connection.execute(first.group_by(plans.c.warehouse, plans.c.revision)).all()
    connection.execute(update(plans).where(plans.c.settled_until > now).values(settled_until=now))
    for warehouse, revision, slot in firsts:
        own_plan = (plans.c.warehouse == warehouse, plans.c.revision == revision)
        connection.execute(update(plans).where(*own_plan).values(settled_until=min(now, slot - SECOND)))
    return connection.execute(delete(tasks).where(untrue)).rowcount


def _is_open(connection: Connection, task: Task) -> bool:
    table = tables.attempts
    own = (table.c.task_id == task.id, table.c.attempt == task.attempt, table.c.state == "open")
    return bool(connection.execute(select(func.count()).where(*own)).scalar())


def _retire_attempts(connection: Connection, task_id: str, now: datetime) -> None:
    """Attempts still open are left over: their prefix is to be removed."""
    table = tables.attempts
    connection.execute(
        update(table)
        .where(table.c.task_id == task_id, table.c.state == "open")
        .values(state="leftover", removable_at=now)
    )


def _forget_wish(connection: Connection, subject: str) -> None:
    table = tables.cancellations
    connection.execute(update(table).where(table.c.subject == subject).values(done=True))


def _rename(connection: Connection, old: str, new: str) -> None:
    for table in (tables.plans, tables.tasks, tables.sets):
        connection.execute(update(table).where(table.c.warehouse == old).values(warehouse=new))


def _log(connection: Connection, at: datetime, kind: str, subject: str, detail: str | None) -> None:
    connection.execute(
        insert(tables.decisions), {"at": at, "kind": kind, "subject": subject, "detail": detail}
    )


def _log_revision(connection: Connection, revision: PlanRevision, now: datetime) -> None:
    if revision.ended_at is None and revision.taken_over_at >= now:
        _log(connection, now, "plan taken over", revision.warehouse, f"revision {revision.revision}")
    elif revision.ended_at is not None and revision.ended_at >= now:
        _log(connection, now, "plan overwritten or ended", revision.warehouse, f"revision {revision.revision}")


def _meta(connection: Connection, name: str) -> str:
    content = connection.execute(select(tables.meta.c.content).where(tables.meta.c.name == name)).scalar_one()
    return str(content)


def _set_meta(connection: Connection, name: str, content: str) -> None:
    connection.execute(update(tables.meta).where(tables.meta.c.name == name).values(content=content))
