"""Entries that cannot be carried out as written: each fails alone, and the others go on without it (P8, D5, R2)."""

from datetime import datetime
from typing import NamedTuple

from reconciler.core import diff, due, restore
from reconciler.core.model import Desired, OneTime, Warehouse
from reconciler.core.record import PlanRevision, Recorded


class Fault(NamedTuple):
    """One entry that cannot be carried out as written; it fails alone. `advice` ones matter to a review only."""

    subject: str
    message: str
    advice: bool = False


def of_warehouses(desired: Desired, recorded: Recorded, now: datetime, *, review: bool) -> tuple[Fault, ...]:
    """`review`: a commit is judged, so an overdue one-time start is one as well."""
    return (
        *(Fault(item.warehouse, item.message) for item in diff.mismatches(desired, recorded)),
        *_one_time(desired, recorded, now, review=review),
    )


def of_restores(desired: Desired, recorded: Recorded) -> tuple[Fault, ...]:
    return tuple(Fault(item.restore, item.message) for item in restore.misused(desired, recorded))


def without(
    desired: Desired, recorded: Recorded, unfit: tuple[Fault, ...], misused: tuple[Fault, ...]
) -> Desired:
    """The configuration in which unfit warehouses stay as they are recorded, or absent where they are new, and
    misused restores are left out.
    """
    faulty = {fault.subject for fault in unfit if not fault.advice}
    former = {desired.warehouses[name].previous_name or name for name in faulty}
    warehouses = {
        name: entry._replace(previous_name=None)
        for name, entry in desired.warehouses.items() if name not in faulty
    }  # fmt: skip
    kept = {name: recorded.plans[name].entry for name in faulty | former
            if name in recorded.plans and recorded.plans[name].in_force}  # fmt: skip
    used = {fault.subject for fault in misused}
    return desired._replace(
        warehouses=warehouses | kept,
        restores={name: entry for name, entry in desired.restores.items() if name not in used},
    )


def warnings(desired: Desired, after: Recorded, now: datetime, *, review: bool) -> tuple[str, ...]:
    """What is carried out as written, and is perhaps not what was meant."""
    sets = {item.id for item in after.sets}
    return (
        *(f"hold on {name}: no such backup set is known" for name in sorted(desired.holds.keys() - sets)),
        *(
            f"one_time.start_time of {name} is already past"
            for name, entry in sorted(desired.planned.items())
            if not review and entry.plan and isinstance(entry.plan.schedule, OneTime)
            and entry.plan.schedule.start_time <= now
            and due.task_at(entry.plan.schedule.start_time, name, after) is None
        ),
    )  # fmt: skip


def _one_time(desired: Desired, recorded: Recorded, now: datetime, *, review: bool) -> tuple[Fault, ...]:
    """A new one-time start that has had its task (D5), or, to a reviewer, one that is past."""
    faults = []
    tasks = due.by_warehouse(recorded.open_tasks)
    for name, entry in desired.planned.items():
        known = recorded.plans.get(name)
        start = _new_start(entry, known)
        if start is None:
            continue
        own = tasks.get(name, ())
        settled = due.settle(known, own, now, recorded.ahead) if known and known.in_force else ()
        task_id = due.task_at(start, name, recorded, (*own, *settled))
        if task_id is not None:
            faults.append(Fault(name, f"one_time.start_time of {name} is the slot of task {task_id}, which has "
                                      f"had its run; choose another start_time"))  # fmt: skip
        elif review and start <= now:
            faults.append(Fault(name, f"one_time.start_time of {name} is already past; "
                                      f"choose one that is still to come", advice=True))  # fmt: skip
    return tuple(faults)


def _new_start(entry: Warehouse, known: PlanRevision | None) -> datetime | None:
    schedule = entry.plan.schedule if entry.plan else None
    if not isinstance(schedule, OneTime):
        return None
    same = known and known.in_force and known.plan and known.plan.schedule == schedule
    return None if same else schedule.start_time
