"""Plans that are taken over, overwritten or ended, and the tasks that their slots get meanwhile (P2, P3, P5)."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from reconciler.core import diff, due
from reconciler.core.model import Desired, OneTime
from reconciler.core.record import PlanRevision, Recorded, Task


def plans(
    found: tuple[diff.Change, ...], desired: Desired, recorded: Recorded, now: datetime, unseen: tuple[str, ...]
) -> tuple[tuple[PlanRevision, ...], tuple[Task, ...]]:
    """Settle the slots of what is in force, then end, overwrite and take over. `unseen` are the storages that are
    still to be looked into.
    """
    changed = {_name(change): change for change in found}
    revisions: list[PlanRevision] = []
    standing = due.by_warehouse(recorded.open_tasks)
    settled = due.by_warehouse(_abandoned(recorded, now))
    for name, known in recorded.plans.items():
        if not known.in_force:
            continue
        own = _settled(known, standing.get(name, ()), recorded, now, unseen)
        settled[name] = (*settled.get(name, ()), *own)
        if name in changed:
            revisions.append(_settled_until(known, now)._replace(ended_at=recorded.noted_at(now)))
        elif own:
            revisions.append(_settled_until(known, now))
    for name, change in changed.items():
        if isinstance(change, diff.End):
            continue
        number = recorded.plans[name].revision + 1 if name in recorded.plans else 1
        fresh = due.revision_of(change.entry, number, desired.revision, now, recorded.noted_at(now))
        before = {task.id: task for task in (*standing.get(name, ()), *settled.get(name, ()))}.values()
        if _has_started(fresh, recorded, before):
            fresh = _settled_until(fresh, now)
        own = _settled(fresh, before, recorded, now, unseen)
        settled[name] = (*settled.get(name, ()), *own)
        revisions.append(_settled_until(fresh, now) if own else fresh)
    return tuple(revisions), tuple({task.id: task for tasks in settled.values() for task in tasks}.values())


def ended(found: tuple[diff.Change, ...]) -> tuple[PlanRevision, ...]:
    """Plans that end with their warehouse, and those of warehouses that become a target only (P5)."""
    gone = (
        change.previous for change in found
        if isinstance(change, diff.End) or (isinstance(change, diff.Update) and change.entry.plan is None)
    )  # fmt: skip
    return tuple(previous for previous in gone if previous.plan)


def after(recorded: Recorded, revisions: tuple[PlanRevision, ...], tasks: tuple[Task, ...]) -> Recorded:
    """The recorded state once these are written."""
    before = (recorded.plans[item.warehouse] for item in revisions if item.warehouse in recorded.plans)
    known = {(item.warehouse, item.revision): item for item in (*before, *revisions)}
    newest = recorded.plans | {item.warehouse: item for _, item in sorted(known.items())}
    overwritten = tuple(item for item in known.values() if newest[item.warehouse] != item)
    rows = {task.id: task for task in recorded.open_tasks} | {task.id: task for task in tasks}
    last = dict(recorded.last_tasks)
    for task in rows.values():
        if task.warehouse not in last or last[task.warehouse].slot <= task.slot:
            last[task.warehouse] = task
    return recorded._replace(
        plans=newest,
        history=(*recorded.history, *overwritten),
        open_tasks=tuple(task for task in rows.values() if task.is_open),
        last_tasks=last,
        taken=recorded.taken | {(task.warehouse, task.slot): task.id for task in tasks},
    )


def _name(change: diff.Change) -> str:
    return change.previous.warehouse if isinstance(change, diff.End) else change.entry.name


def _settled_until(revision: PlanRevision, now: datetime) -> PlanRevision:
    """Never back: what a clock ahead has settled counts again only once the clock is trusted (S5)."""
    return revision._replace(settled_until=max(revision.settled_until, now))


def _settled(
    revision: PlanRevision, tasks: Iterable[Task], recorded: Recorded, now: datetime, unseen: tuple[str, ...]
) -> tuple[Task, ...]:
    """A start that was past at its takeover may have had its set, which a storage is still to be asked for (D2)."""
    schedule = revision.plan.schedule if revision.plan else None
    was_past = isinstance(schedule, OneTime) and schedule.start_time <= revision.taken_over_at
    return () if unseen and was_past else due.settle(revision, tasks, now, recorded.ahead)


def _abandoned(recorded: Recorded, now: datetime) -> Iterator[Task]:
    """Tasks that waited for too long under a plan that has ended meanwhile: no later slot will say so."""
    revisions = {(item.warehouse, item.revision): item for item in (*recorded.history, *recorded.plans.values())}
    for task in recorded.open_tasks:
        newest = recorded.plans[task.warehouse]
        if not (newest.in_force and newest.plan):
            began = revisions[task.warehouse, task.plan_revision]
            yield from due.settle(began._replace(settled_until=now), (task,), now, recorded.ahead)


def _has_started(fresh: PlanRevision, recorded: Recorded, tasks: Iterable[Task]) -> bool:
    """Whether the one-time start of a revision has had its task, so that it counts no more (D5)."""
    schedule = fresh.plan.schedule if fresh.plan else None
    if not isinstance(schedule, OneTime):
        return False
    return due.task_at(schedule.start_time, fresh.warehouse, recorded, tasks) is not None
