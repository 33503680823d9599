"""From rows to the recorded state, and the lists that people ask for."""

from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, func, or_, select

from reconciler.core import calendar, instants, naming
from reconciler.core.model import Desired, OneTime, Periodic
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
from reconciler.core.restore import FAMILIES
from reconciler.effects.ledger import tables
from reconciler.effects.ledger.tables import Value, value_of

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


def _newest_revisions() -> Select[Any]:
    table = tables.plans
    return select(table.c.warehouse, func.max(table.c.revision).label("revision")).group_by(table.c.warehouse)


def _of_newest_plans(*wanted: Any) -> Select[Any]:
    """The columns, joined to the newest revision of each warehouse."""
    plan, newest = tables.plans, _newest_revisions().subquery()
    return select(*wanted).join_from(
        newest, plan, and_(plan.c.warehouse == newest.c.warehouse, plan.c.revision == newest.c.revision)
    )


def _former_plans() -> Select[Any]:
    """Former revisions that still count for retention, or that an open task began with."""
    table = tables.plans
    later = table.alias()
    superseded = select(later.c.revision).where(
        later.c.warehouse == table.c.warehouse, later.c.revision > table.c.revision
    ).exists()  # fmt: skip
    begun = select(tables.tasks.c.id).where(
        tables.tasks.c.warehouse == table.c.warehouse,
        tables.tasks.c.plan_revision == table.c.revision,
        tables.tasks.c.state.in_(sorted(OPEN)),
    ).exists()  # fmt: skip
    return select(table).where(superseded, or_(table.c.ended_at > bindparam("lately", type_=tables.Instant), begun))


def _tasks_ahead() -> Select[Any]:
    """Slots that have a task although their plan is settled up to an earlier moment, or they are still to come."""
    task, plan = tables.tasks, tables.plans
    later = or_(task.c.slot > plan.c.settled_until, task.c.slot > bindparam("now", type_=tables.Instant))
    found = _of_newest_plans(task.c.warehouse, task.c.slot)
    return found.join(task, task.c.warehouse == plan.c.warehouse).where(later)


def _newest_tasks() -> Select[Any]:
    table = tables.tasks
    newest = select(table.c.warehouse, func.max(table.c.slot).label("slot")).group_by(table.c.warehouse).subquery()
    return select(table).join(
        newest, and_(table.c.warehouse == newest.c.warehouse, table.c.slot == newest.c.slot)
    )


# A pass asks all of these: made once, since making a statement costs more than running it.
CONFIGURATION = select(tables.configuration.c.document)
NEWEST_PLANS = _of_newest_plans(tables.plans).order_by(tables.plans.c.warehouse)
FORMER_PLANS = _former_plans()
TASKS_AHEAD = _tasks_ahead()
OPEN_TASKS = select(tables.tasks).where(tables.tasks.c.state.in_(sorted(OPEN))).order_by(
    tables.tasks.c.slot, tables.tasks.c.id
)  # fmt: skip
NEWEST_TASKS = _newest_tasks()
SETS = select(tables.sets).where(tables.sets.c.state != "removed").order_by(
    tables.sets.c.completed_at, tables.sets.c.id
)  # fmt: skip
LEFTOVERS = select(tables.attempts).where(tables.attempts.c.state == "leftover")
RESTORES = select(tables.restores).order_by(tables.restores.c.seen_at, tables.restores.c.id)
HOLDS = select(tables.holds).where(
    or_(tables.holds.c.gone_at.is_(None), tables.holds.c.gone_at > bindparam("lately", type_=tables.Instant))
)
ALLOWANCES = select(tables.allowances)
CANCELLATIONS = select(tables.cancellations.c.subject).where(~tables.cancellations.c.done)
STORAGES = select(tables.storages.c.name, tables.storages.c.location)
NOTES = select(tables.notes).where(~tables.notes.c.written)
SEEN_AT = select(tables.meta.c.content).where(tables.meta.c.name == "seen_at")
RECENT_TASKS = select(tables.tasks).where(or_(
    tables.tasks.c.slot > bindparam("since", type_=tables.Instant),
    tables.tasks.c.id.in_(select(tables.sets.c.id).where(tables.sets.c.state != "removed")),
)).order_by(tables.tasks.c.slot, tables.tasks.c.id)  # fmt: skip


def recorded(connection: Connection, desired: Desired | None, now: datetime) -> Recorded:
    """Everything a decision needs; `desired` only says which one-time starts to look up.

    Those of the last good configuration are too, which stays in force where this one is broken or refused (P6).
    """
    lately, standing = {"lately": now - WINDOW}, configuration(connection)
    return _whole(Recorded(
        configuration=standing,
        plans={item.warehouse: item for item in _plans(connection, NEWEST_PLANS, {})},
        history=_plans(connection, FORMER_PLANS, lately),
        open_tasks=_values(connection, Task, OPEN_TASKS),
        last_tasks={task.warehouse: task for task in _values(connection, Task, NEWEST_TASKS)},
        taken=_taken(connection, desired, standing),
        ahead=frozenset((warehouse, slot) for warehouse, slot in connection.execute(TASKS_AHEAD, {"now": now})),
        sets=_values(connection, BackupSet, SETS),
        leftovers=_values(connection, Leftover, LEFTOVERS),
        restores={task.id: task for task in all_restores(connection)},
        holds=_values(connection, HoldRecord, HOLDS, lately),
        allowances=frozenset(_values(connection, Allowance, ALLOWANCES)),
        cancellations=frozenset(map(Cancellation, connection.execute(CANCELLATIONS).scalars())),
        storages=dict(map(tuple, connection.execute(STORAGES))),
        notes=_values(connection, Note, NOTES),
        seen_at=_seen_at(connection),
    ))  # fmt: skip


def _whole(found: Recorded) -> Recorded:
    """Raises ValueError for what no release writes, and a decision would fail on."""
    revisions = {(item.warehouse, item.revision): item for item in (*found.history, *found.plans.values())}
    engines = {item.entry.engine for item in revisions.values()} | {item.engine for item in found.sets}
    if engines - FAMILIES.keys():
        raise ValueError(f"an engine {min(engines - FAMILIES.keys())!r}")
    strays = [task.id for task in found.open_tasks if (task.warehouse, task.plan_revision) not in revisions]
    if strays:
        raise ValueError(f"task {strays[0]!r} of a plan that is not recorded")
    return found


def _values(
    connection: Connection, kind: type[Value], statement: Select[Any], given: dict[str, Any] | None = None
) -> tuple[Value, ...]:
    return tuple(value_of(kind, row) for row in connection.execute(statement, given or {}).mappings())


def _plans(connection: Connection, statement: Select[Any], given: dict[str, Any]) -> tuple[PlanRevision, ...]:
    """Raises ValueError where a plan's times are none: no release writes such, and a pass would fail on them."""
    found = _values(connection, PlanRevision, statement, given)
    for item in found:
        if item.plan is not None and isinstance(item.plan.schedule, Periodic):
            calendar.zone(item.plan.schedule.time_zone)
            time.fromisoformat(item.plan.schedule.start_time)
    return found


def configuration(connection: Connection) -> Desired | None:
    """The last configuration that was accepted."""
    found = connection.execute(CONFIGURATION).scalar_one_or_none()
    return found if isinstance(found, Desired) else None


def all_restores(connection: Connection) -> tuple[RestoreTask, ...]:
    return _values(connection, RestoreTask, RESTORES)


def all_tasks(connection: Connection) -> tuple[Task, ...]:
    return _values(connection, Task, select(tables.tasks).order_by(tables.tasks.c.slot, tables.tasks.c.id))


def recent_tasks(connection: Connection, since: datetime) -> tuple[Task, ...]:
    return _values(connection, Task, RECENT_TASKS, {"since": since})


def all_sets(connection: Connection) -> tuple[BackupSet, ...]:
    return _values(connection, BackupSet, select(tables.sets))


def revisions(connection: Connection, warehouse: str) -> tuple[PlanRevision, ...]:
    table = tables.plans
    return _values(
        connection, PlanRevision, select(table).where(table.c.warehouse == warehouse).order_by(table.c.revision)
    )


def attempts(connection: Connection, task_id: str) -> tuple[Attempt, ...]:
    table = tables.attempts
    return _values(connection, Attempt, select(table).where(table.c.task_id == task_id).order_by(table.c.attempt))


def logged(connection: Connection, subject: str) -> tuple[Logged, ...]:
    table = tables.decisions
    return _values(connection, Logged, select(table).where(table.c.subject == subject).order_by(table.c.number))


def _taken(connection: Connection, *configurations: Desired | None) -> dict[tuple[str, datetime], str]:
    """A task keeps its id when its warehouse is renamed (P8): so it is looked for by the slot, under the present
    name and the former, and by the id, which a task of another warehouse may have that had this name.
    """
    starts = [
        (entry, entry.plan.schedule.start_time)
        for desired in configurations if desired is not None
        for entry in desired.planned.values()
        if entry.plan and isinstance(entry.plan.schedule, OneTime)
    ]
    own_ids = {naming.task_id(entry.name, start): (entry.name, start) for entry, start in starts}
    same_id = {own_ids[key]: key for (key,) in tables.known_keys(connection, tables.tasks, list(own_ids))}
    names = [(name, start) for entry, start in starts for name in (entry.name, entry.previous_name) if name]
    return same_id | _tasks_at(connection, names)


def _tasks_at(connection: Connection, slots: list[tuple[str, datetime]]) -> dict[tuple[str, datetime], str]:
    """Ids by warehouse and slot, of more than these: of each warehouse the tasks at any of the slots."""
    table = tables.tasks
    found: dict[tuple[str, datetime], str] = {}
    for some in tables.portions(slots):
        names, times = zip(*some, strict=True)
        there = and_(table.c.warehouse.in_(set(names)), table.c.slot.in_(set(times)))
        rows = connection.execute(select(table.c.warehouse, table.c.slot, table.c.id).where(there))
        found |= {(warehouse, slot): key for warehouse, slot, key in rows}
    return found


def _seen_at(connection: Connection) -> datetime | None:
    content = connection.execute(SEEN_AT).scalar()
    return instants.parse(content) if content else None
