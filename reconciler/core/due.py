"""Which slots of a plan are due and what becomes of each: run, wait, or recorded with the reason (D1 to D5)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from reconciler.core import calendar, instants, naming
from reconciler.core.model import OneTime, Plan, Warehouse
from reconciler.core.record import PlanRevision, Task

SECOND = timedelta(seconds=1)


def settle(revision: PlanRevision, open_tasks: Iterable[Task], now: datetime) -> tuple[Task, ...]:
    """The tasks of a warehouse that are new or change: every slot due by `now` gets its one task."""
    plan = revision.plan
    if plan is None:
        return ()
    own = [task for task in open_tasks if task.warehouse == revision.warehouse]
    due = _due(revision, plan, own, now)
    superseded = any(task.state == "waiting" for task in due)
    return (*(_overtaken(task, plan, now) for task in own if _is_over(task, plan, now, superseded)), *due)


def revision_of(entry: Warehouse, number: int, git_revision: str | None, now: datetime) -> PlanRevision:
    """The revision as taken over now: only later slots count, and a one-time start within `catch_up` (P3)."""
    return PlanRevision(entry.name, number, entry, now, _counts_from(entry.plan, now), git_revision)


def is_completed(plan: Plan, last: Task | None) -> bool:
    """A one-time plan is completed once its slot has its task, however that ended (D5)."""
    return isinstance(plan.schedule, OneTime) and last is not None and last.slot == plan.schedule.start_time


def _counts_from(plan: Plan | None, now: datetime) -> datetime:
    if plan is None or not isinstance(plan.schedule, OneTime):
        return now
    start = plan.schedule.start_time
    within = now - timedelta(seconds=plan.catch_up) <= start <= now
    return start - SECOND if within else now


def _due(revision: PlanRevision, plan: Plan, own: list[Task], now: datetime) -> tuple[Task, ...]:
    slots = tuple(calendar.slots(plan.schedule, revision.settled_until, now))
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
    *late, newest = tasks
    return (*(_ended(task, "missed", "a newer slot was due as well", now) for task in late),
            _unless_late(newest, plan, now))  # fmt: skip


def _unless_late(task: Task, plan: Plan, now: datetime) -> Task:
    return _overtaken(task, plan, now) if _is_late(task, plan, now) else task


def _is_late(task: Task, plan: Plan, now: datetime) -> bool:
    return now - task.slot > timedelta(seconds=plan.catch_up)


def _is_over(task: Task, plan: Plan, now: datetime, superseded: bool) -> bool:
    return task.state == "waiting" and (superseded or _is_late(task, plan, now))


def _overtaken(task: Task, plan: Plan, now: datetime) -> Task:
    late = f"not started within {instants.duration(plan.catch_up)} of its slot (`catch_up`)"
    return _ended(task, "missed", late if _is_late(task, plan, now) else "a newer slot was due as well", now)


def _ended(task: Task, state: str, reason: str, now: datetime) -> Task:
    return task._replace(state=state, reason=reason, ended_at=now)
