"""Which slots of a plan are due and what becomes of each: run, wait, or recorded with the reason (D1 to D5)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from reconciler.core import calendar, instants, naming
from reconciler.core.model import OneTime, Plan, Warehouse
from reconciler.core.record import PlanRevision, Recorded, Task

SECOND = timedelta(seconds=1)


def settle(
    revision: PlanRevision, open_tasks: Iterable[Task], now: datetime, ahead: frozenset[tuple[str, datetime]]
) -> tuple[Task, ...]:
    """The tasks of a warehouse that are new or change: every slot due by `now` gets its one task.

    `ahead` are slots that have theirs already, though nothing else says so: the clock has been ahead (S5).
    """
    plan = revision.plan
    if plan is None:
        return ()
    own = [task for task in open_tasks if task.warehouse == revision.warehouse]
    tasks = (*(task for task in own if task.state == "waiting"), *_due(revision, plan, own, now, ahead))
    newest = max((task.slot for task in tasks if task.state == "waiting"), default=now)
    settled = (_unless_over(task, plan, newest, now) for task in tasks)
    return tuple(task for task in settled if task not in own)


def revision_of(
    entry: Warehouse, number: int, git_revision: str | None, now: datetime, noted: datetime
) -> PlanRevision:
    """The revision as taken over: only later slots count, and a one-time start within `catch_up` (P3).

    `noted` is the time of it: `now`, or what the ledger has seen where the clock went back behind that.
    """
    return PlanRevision(entry.name, number, entry, noted, _counts_from(entry.plan, now, noted), git_revision)


def is_completed(plan: Plan, tasks: Iterable[Task]) -> bool:
    """A one-time plan is completed once its slot has its task, however that ended (D5)."""
    return isinstance(plan.schedule, OneTime) and any(task.slot == plan.schedule.start_time for task in tasks)


def task_at(slot: datetime, warehouse: str, recorded: Recorded, tasks: Iterable[Task] = ()) -> str | None:
    """The task that a slot of the warehouse has among its own that are given, or in the ledger."""
    return next((task.id for task in tasks if task.slot == slot), recorded.taken.get((warehouse, slot)))


def by_warehouse(tasks: Iterable[Task]) -> dict[str, tuple[Task, ...]]:
    groups: dict[str, tuple[Task, ...]] = {}
    for task in tasks:
        groups[task.warehouse] = (*groups.get(task.warehouse, ()), task)
    return groups


def _counts_from(plan: Plan | None, now: datetime, noted: datetime) -> datetime:
    if plan is None or not isinstance(plan.schedule, OneTime):
        return noted
    start = plan.schedule.start_time
    within = now - timedelta(seconds=plan.catch_up) <= start <= now
    return start - SECOND if within else noted


def _due(
    revision: PlanRevision, plan: Plan, own: list[Task], now: datetime, ahead: frozenset[tuple[str, datetime]]
) -> tuple[Task, ...]:
    slots = tuple(
        slot for slot in calendar.slots(plan.schedule, revision.settled_until, now)
        if (revision.warehouse, slot) not in ahead
    )  # fmt: skip
    if not slots:
        return ()
    tasks = tuple(
        Task(naming.task_id(revision.warehouse, slot), revision.warehouse, slot, "waiting", revision.revision,
             created_at=now)
        for slot in slots
    )  # fmt: skip
    running = next((task for task in own if task.state == "running"), None)
    if not plan.enabled:
        return tuple(_ended(task, "disabled", "the plan is disabled", now) for task in tasks)
    if running is not None:
        return tuple(_ended(task, "skipped", f"{running.id} still runs", now) for task in tasks)
    return tasks


def _unless_over(task: Task, plan: Plan, newest: datetime, now: datetime) -> Task:
    """A task that waits is missed when a newer one waits as well, or its time is over (D3)."""
    if task.state != "waiting":
        return task
    if task.slot < newest:
        return _ended(task, "missed", "a newer slot was due as well", now)
    if now - task.slot > timedelta(seconds=plan.catch_up):
        reason = f"not started within {instants.duration(plan.catch_up)} of its slot (`catch_up`)"
        return _ended(task, "missed", reason, now)
    return task


def _ended(task: Task, state: str, reason: str, now: datetime) -> Task:
    return task._replace(state=state, reason=reason, ended_at=now)
