"""From rows to the recorded state, and the lists that people ask for."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, Subquery, and_, func, or_, select

from reconciler.core import instants, naming
from reconciler.core.model import Desired, OneTime
from reconciler.core.record import (
    OPEN,
    Allowance,
    BackupSet,
    Cancellation,
    HoldRecord,
    Leftover,
    Note,
    PlanRevision,
    Recorded,
    RestoreTask,
    Task,
)
from reconciler.effects.ledger import tables
from reconciler.effects.ledger.tables import value_of

WINDOW = timedelta(days=1)  # how long an overwritten rule still counts (S2)


class Attempt(NamedTuple):
    """One try at a task, as the details of a task show it."""

    task_id: str
    attempt: int
    storage: str
    state: str
    begun_at: datetime
    reason: str | None


class Logged(NamedTuple):
    """One line of the ledger's own history."""

    at: datetime
    kind: str
    subject: str
    detail: str | None


def recorded(connection: Connection, desired: Desired | None, now: datetime) -> Recorded:
    """Everything a decision needs; `desired` only says which one-time starts to look up."""
    return Recorded(
        configuration=configuration(connection),
        plans=_newest_plans(connection),
        ahead=_ahead(connection, now),
        history=_history(connection, now),
        open_tasks=_tasks(connection, tables.tasks.c.state.in_(OPEN)),
        last_tasks=_last_tasks(connection),
        taken=_taken(connection, desired),
        sets=_sets(connection),
        leftovers=_leftovers(connection),
        restores={task.id: task for task in all_restores(connection)},
        holds=_holds(connection, now),
        allowances=frozenset(
            value_of(Allowance, row) for row in connection.execute(select(tables.allowances)).mappings()
        ),
        cancellations=frozenset(
            Cancellation(subject)
            for (subject,) in connection.execute(
                select(tables.cancellations.c.subject).where(~tables.cancellations.c.done)
            )
        ),
        storages={name: location for name, location, _ in connection.execute(select(tables.storages))},
        notes=_notes(connection),
        seen_at=_seen_at(connection),
    )


def configuration(connection: Connection) -> Desired | None:
    """The last configuration that was accepted."""
    found = connection.execute(select(tables.configuration.c.document)).scalar_one_or_none()
    return found if isinstance(found, Desired) else None


def all_restores(connection: Connection) -> tuple[RestoreTask, ...]:
    table = tables.restores
    rows = connection.execute(select(table).order_by(table.c.seen_at, table.c.id)).mappings()
    return tuple(value_of(RestoreTask, row) for row in rows)


def all_tasks(connection: Connection) -> tuple[Task, ...]:
    return _tasks(connection, tables.tasks.c.id.is_not(None))


def recent_tasks(connection: Connection, since: datetime) -> tuple[Task, ...]:
    standing = select(tables.sets.c.id).where(tables.sets.c.state != "removed")
    return _tasks(connection, or_(tables.tasks.c.slot > since, tables.tasks.c.id.in_(standing)))


def all_sets(connection: Connection) -> tuple[BackupSet, ...]:
    return tuple(value_of(BackupSet, row) for row in connection.execute(select(tables.sets)).mappings())


def revisions(connection: Connection, warehouse: str) -> tuple[PlanRevision, ...]:
    table = tables.plans
    rows = connection.execute(
        select(table).where(table.c.warehouse == warehouse).order_by(table.c.revision)
    ).mappings()
    return tuple(value_of(PlanRevision, row) for row in rows)


def attempts(connection: Connection, task_id: str) -> tuple[Attempt, ...]:
    table = tables.attempts
    rows = connection.execute(
        select(table).where(table.c.task_id == task_id).order_by(table.c.attempt)
    ).mappings()
    return tuple(value_of(Attempt, row) for row in rows)


def logged(connection: Connection, subject: str) -> tuple[Logged, ...]:
    table = tables.decisions
    rows = connection.execute(
        select(table).where(table.c.subject == subject).order_by(table.c.number)
    ).mappings()
    return tuple(value_of(Logged, row) for row in rows)


def _ahead(connection: Connection, now: datetime) -> frozenset[tuple[str, datetime]]:
    """Slots that have a task although their plan is settled up to an earlier moment, or they are still to come."""
    task, plan = tables.tasks, tables.plans
    newest = _newest_revisions()
    rows = connection.execute(
        select(task.c.warehouse, task.c.slot)
        .join(newest, newest.c.warehouse == task.c.warehouse)
        .join(plan, and_(plan.c.warehouse == newest.c.warehouse, plan.c.revision == newest.c.revision))
        .where(or_(task.c.slot > plan.c.settled_until, task.c.slot > now))
    )
    return frozenset((warehouse, slot) for warehouse, slot in rows)


def _newest_revisions() -> Subquery:
    table = tables.plans
    return select(table.c.warehouse, func.max(table.c.revision).label("revision")).group_by(
        table.c.warehouse
    ).subquery()  # fmt: skip


def _newest_plans(connection: Connection) -> dict[str, PlanRevision]:
    table = tables.plans
    newest = _newest_revisions()
    rows = connection.execute(
        select(table).join(newest, and_(table.c.warehouse == newest.c.warehouse,
                                        table.c.revision == newest.c.revision)).order_by(table.c.warehouse)
    ).mappings()  # fmt: skip
    return {row["warehouse"]: value_of(PlanRevision, row) for row in rows}


def _history(connection: Connection, now: datetime) -> tuple[PlanRevision, ...]:
    """Former revisions that still count for retention, or that an open task began with."""
    table = tables.plans
    later = table.alias()
    superseded = select(later.c.revision).where(
        later.c.warehouse == table.c.warehouse, later.c.revision > table.c.revision
    ).exists()  # fmt: skip
    begun = select(tables.tasks.c.id).where(
        tables.tasks.c.warehouse == table.c.warehouse,
        tables.tasks.c.plan_revision == table.c.revision,
        tables.tasks.c.state.in_(OPEN),
    ).exists()  # fmt: skip
    rows = connection.execute(
        select(table).where(superseded, or_(table.c.ended_at > now - WINDOW, begun))
    ).mappings()
    return tuple(value_of(PlanRevision, row) for row in rows)


def _tasks(connection: Connection, condition: object) -> tuple[Task, ...]:
    table = tables.tasks
    rows = connection.execute(
        select(table).where(condition).order_by(table.c.slot, table.c.id)  # type: ignore[arg-type]
    ).mappings()
    return tuple(value_of(Task, row) for row in rows)


def _last_tasks(connection: Connection) -> dict[str, Task]:
    table = tables.tasks
    newest = select(table.c.warehouse, func.max(table.c.slot).label("slot")).group_by(
        table.c.warehouse
    ).subquery()  # fmt: skip
    rows = connection.execute(
        select(table).join(newest, and_(table.c.warehouse == newest.c.warehouse,
                                        table.c.slot == newest.c.slot))
    ).mappings()  # fmt: skip
    return {row["warehouse"]: value_of(Task, row) for row in rows}


def _taken(connection: Connection, desired: Desired | None) -> frozenset[str]:
    starts = [
        naming.task_id(name, entry.plan.schedule.start_time)
        for name, entry in (desired.planned if desired else {}).items()
        if entry.plan and isinstance(entry.plan.schedule, OneTime)
    ]
    return frozenset(key for (key,) in tables.known_keys(connection, tables.tasks, starts))


def _sets(connection: Connection) -> tuple[BackupSet, ...]:
    table = tables.sets
    rows = connection.execute(
        select(table).where(table.c.state != "removed").order_by(table.c.completed_at, table.c.id)
    ).mappings()
    return tuple(value_of(BackupSet, row) for row in rows)


def _leftovers(connection: Connection) -> tuple[Leftover, ...]:
    table = tables.attempts
    rows = connection.execute(select(table).where(table.c.state == "leftover")).mappings()
    return tuple(value_of(Leftover, row) for row in rows)


def _notes(connection: Connection) -> tuple[Note, ...]:
    rows = connection.execute(select(tables.notes).where(~tables.notes.c.written)).mappings()
    return tuple(value_of(Note, row) for row in rows)


def _seen_at(connection: Connection) -> datetime | None:
    table = tables.meta
    content = connection.execute(select(table.c.content).where(table.c.name == "seen_at")).scalar()
    return instants.parse(content) if content else None


def _holds(connection: Connection, now: datetime) -> tuple[HoldRecord, ...]:
    table = tables.holds
    standing = or_(table.c.gone_at.is_(None), table.c.gone_at > now - WINDOW)
    return tuple(value_of(HoldRecord, row) for row in connection.execute(select(table).where(standing)).mappings())
