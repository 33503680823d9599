"""Steps that transactions on the ledger are made of: each takes the connection of one and belongs to it."""

from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from reconciler.core import instants
from reconciler.core.record import PASSED_OVER, Leftover, PlanRevision, RestoreTask, Task
from reconciler.effects.ledger import tables

SECOND = timedelta(seconds=1)
Decided = TypeVar("Decided", Task, RestoreTask)


def row(connection: Connection, table: Any, key: str) -> Any:
    return connection.execute(select(table).where(table.c.id == key)).mappings().one()


def change(connection: Connection, table: Any, key: str, **values: Any) -> None:
    connection.execute(update(table).where(table.c.id == key).values(**values))


def change_attempt(connection: Connection, leftover: Leftover, **values: Any) -> None:
    table = tables.attempts
    own = (table.c.task_id == leftover.task_id, table.c.attempt == leftover.attempt)
    connection.execute(update(table).where(*own).values(**values))


def last_attempt(connection: Connection, task_id: str) -> int:
    table = tables.attempts
    return connection.execute(select(func.max(table.c.attempt)).where(table.c.task_id == task_id)).scalar() or 0


def allowed(connection: Connection, what: str, since: datetime | None) -> bool:
    table = tables.allowances
    later = [] if since is None else [table.c.at > since]
    return bool(connection.execute(select(func.count()).where(table.c.what == what, *later)).scalar())


def moment(connection: Connection, name: str) -> datetime | None:
    content = meta_of(connection, name)
    return instants.parse(content) if content else None


def noted_at(connection: Connection, now: datetime) -> datetime:
    return max(now, moment(connection, "seen_at") or now)


def give_back_slots(connection: Connection, now: datetime) -> int:
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


def is_open(connection: Connection, task: Task) -> bool:
    table = tables.attempts
    own = (table.c.task_id == task.id, table.c.attempt == task.attempt, table.c.state == "open")
    return bool(connection.execute(select(func.count()).where(*own)).scalar())


def not_begun(connection: Connection, table: Any, decided: tuple[Decided, ...]) -> tuple[Decided, ...]:
    """Those that no worker has begun since they were decided on; on such a one the next pass decides (D2, R5)."""
    if not decided:
        return ()
    running = set(connection.execute(select(table.c.id).where(table.c.state == "running")).scalars())
    return tuple(item for item in decided if item.id not in running)


def retire_attempts(connection: Connection, task_id: str, now: datetime) -> None:
    """Attempts still open are left over: their prefix is to be removed."""
    table = tables.attempts
    connection.execute(
        update(table)
        .where(table.c.task_id == task_id, table.c.state == "open")
        .values(state="leftover", removable_at=now)
    )


def forget_wish(connection: Connection, subject: str) -> None:
    table = tables.cancellations
    connection.execute(update(table).where(table.c.subject == subject).values(done=True))


def rename(connection: Connection, old: str, new: str) -> None:
    for table in (tables.plans, tables.tasks, tables.sets):
        connection.execute(update(table).where(table.c.warehouse == old).values(warehouse=new))


def former_names(connection: Connection) -> dict[str, str]:
    """The warehouse of each name that a revision of its plan bears, where no other one has or had it."""
    names: dict[str, set[str]] = {}
    for row in connection.execute(select(tables.plans.c.warehouse, tables.plans.c.entry)):
        names.setdefault(row.entry.name, set()).add(row.warehouse)
        names.setdefault(row.warehouse, set()).add(row.warehouse)
    return {name: owners.pop() for name, owners in names.items() if len(owners) == 1}


def log(connection: Connection, at: datetime, kind: str, subject: str, detail: str | None) -> None:
    connection.execute(
        insert(tables.decisions), {"at": at, "kind": kind, "subject": subject, "detail": detail}
    )


def log_end(connection: Connection, task: Task | RestoreTask, now: datetime) -> None:
    if task.ended_at == now:
        forget_wish(connection, task.id)
        log(connection, now, task.state, task.id, task.reason)


def log_revision(connection: Connection, revision: PlanRevision, now: datetime) -> None:
    if revision.ended_at is None and revision.taken_over_at >= now:
        log(connection, now, "plan taken over", revision.warehouse, f"revision {revision.revision}")
    elif revision.ended_at is not None and revision.ended_at >= now:
        log(connection, now, "plan overwritten or ended", revision.warehouse, f"revision {revision.revision}")


def meta_of(connection: Connection, name: str) -> str:
    content = connection.execute(select(tables.meta.c.content).where(tables.meta.c.name == name)).scalar_one()
    return str(content)


def set_meta(connection: Connection, name: str, content: str) -> None:
    connection.execute(update(tables.meta).where(tables.meta.c.name == name).values(content=content))
