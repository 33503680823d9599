"""The plan of a pass: from (desired, recorded, now) to rows to record and actions to carry out.

One pure function. The rows are the recorded state as it shall be; the actions are what the world is asked
for once those rows are safe. A dry run prints both and carries out neither.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from reconciler.core import diff, due, guard, renaming, restore, retention
from reconciler.core import notes as note_rows
from reconciler.core.model import Desired, OneTime, Warehouse
from reconciler.core.record import (
    BackupSet,
    HoldRecord,
    Leftover,
    Note,
    PlanRevision,
    Recorded,
    RestoreTask,
    Task,
)

LOCK_RETRY = timedelta(days=1)  # between two tries at a set that the storage's own lock retains


class Fault(NamedTuple):
    """One entry that cannot be carried out as written; it fails alone. `advice` ones matter to a review only."""

    subject: str
    message: str
    advice: bool = False


class StartBackup(NamedTuple):
    """Begin or go on with a task, by the revision that it began with."""

    task: Task
    entry: Warehouse


class StartRestore(NamedTuple):
    """Begin or go on with a restore of this very set."""

    task: RestoreTask
    backup_set: BackupSet


class Rows(NamedTuple):
    """What is recorded before anything is begun (T1), in one transaction."""

    renamings: tuple[renaming.Renaming, ...] = ()
    readdressed: tuple[RestoreTask, ...] = ()  # by a renaming: only entry and digest are new
    revisions: tuple[PlanRevision, ...] = ()
    tasks: tuple[Task, ...] = ()
    restores: tuple[RestoreTask, ...] = ()
    holds: tuple[HoldRecord, ...] = ()
    notes: tuple[Note, ...] = ()


class Actions(NamedTuple):
    """What is then carried out: restores are claimed before sets are removed (S3).

    `spared` are sets whose removal has begun or was retained, and that something protects now: they stay where
    nothing of them is gone. `looks` are the storages that this ledger has not looked into yet; nothing else
    touches them before (T2).
    """

    backups: tuple[StartBackup, ...] = ()
    restores: tuple[StartRestore, ...] = ()
    removals: tuple[BackupSet, ...] = ()
    spared: tuple[BackupSet, ...] = ()
    leftovers: tuple[Leftover, ...] = ()
    notes: tuple[Note, ...] = ()
    cancellations: frozenset[str] = frozenset()
    looks: tuple[str, ...] = ()


class Shift(NamedTuple):
    """A set that these changes let expire sooner than before."""

    backup_set: BackupSet
    before: datetime
    after: datetime


class Decision(NamedTuple):
    changes: tuple[diff.Change, ...]
    faults: tuple[Fault, ...]
    warnings: tuple[str, ...]
    rows: Rows
    actions: Actions
    verdicts: tuple[retention.Verdict, ...]
    sooner: tuple[retention.Verdict, ...]  # what these changes make removable once their day is over
    after: Recorded  # the recorded state once the rows are written
    shifts: tuple[Shift, ...] = ()

    @property
    def is_idle(self) -> bool:
        """Whether a pass would change nothing and do nothing."""
        return not self.changes and self.rows == Rows() and self.actions == Actions()


def decide(desired: Desired, recorded: Recorded, now: datetime, *, review: bool = False) -> Decision:
    """All that follows from the three. `review`: a commit is judged, so an overdue one-time start is a fault."""
    moves = renaming.renamings(desired, recorded)
    notes = tuple(note_rows.renamings(moves, recorded.sets, desired.installation, now))
    former, recorded = recorded.restores, renaming.renamed(recorded, moves, desired)
    readdressed = tuple(task for name, task in recorded.restores.items() if task.entry != former[name].entry)
    unfit = _warehouse_faults(desired, recorded, now, review=review)
    misused = tuple(Fault(item.restore, item.message) for item in restore.misused(desired, recorded))
    desired = _without(desired, recorded, unfit, misused)
    found = diff.changes(desired, recorded)
    unseen = _unseen(desired, recorded)
    revisions, tasks = _plans(found, desired, recorded, now, unseen)
    after = _after(recorded, revisions, tasks)
    requests = restore.revised(desired, recorded, now, all_seen=not unseen)
    holds = _holds(desired, recorded, now)
    after = after._replace(
        restores=recorded.restores | {task.id: task for task in requests},
        holds=_holds_after(recorded, holds),
    )
    starting, requests = _restores(desired, after, requests, unseen)
    notes += tuple(note_rows.ended_plans(_ended_plans(found), desired.installation, now))
    after = after._replace(
        restores=after.restores | {task.id: task for task in requests}, notes=_notes_after(recorded, notes)
    )
    verdicts = _verdicts(after, starting, now)
    tomorrow = now + retention.GRACE
    busy = {task.id for task in after.open_tasks}
    return Decision(
        changes=found,
        faults=(*unfit, *misused),
        warnings=_warnings(desired, after, now, review=review),
        rows=Rows(moves, readdressed, revisions, tasks, requests, holds, notes),
        actions=Actions(
            backups=_backups(desired, after, unseen),
            restores=starting,
            removals=_removals(desired, verdicts, now),
            spared=_spared(desired, verdicts),
            leftovers=tuple(
                item for item in after.leftovers
                if item.removable_at <= now and item.storage in desired.storages and item.task_id not in busy
            ),
            notes=tuple(item for item in after.notes if item.storage in desired.storages),
            cancellations=_cancellations(desired, after),
            looks=unseen,
        ),
        verdicts=verdicts,
        sooner=_newly_removable(_verdicts(after, starting, tomorrow), _verdicts(recorded, starting, tomorrow))
        if found or holds else (),
        after=after,
        shifts=_shifts(verdicts, _verdicts(recorded, starting, now)) if found else (),
    )


def _warehouse_faults(
    desired: Desired, recorded: Recorded, now: datetime, *, review: bool
) -> tuple[Fault, ...]:
    return (
        *(Fault(item.warehouse, item.message) for item in diff.mismatches(desired, recorded)),
        *_one_time_faults(desired, recorded, now, review=review),
    )


def _one_time_faults(
    desired: Desired, recorded: Recorded, now: datetime, *, review: bool
) -> tuple[Fault, ...]:
    """A new one-time start that has had its task (D5), or, to a reviewer, one that is past."""
    faults = []
    by_warehouse = _by_warehouse(recorded.open_tasks)
    for name, entry in desired.planned.items():
        known = recorded.plans.get(name)
        start = _new_start(entry, known)
        if start is None:
            continue
        own = by_warehouse.get(name, ())
        settled = due.settle(known, own, now, recorded.ahead) if known and known.in_force else ()
        task_id = _task_at(start, name, recorded, (*own, *settled))
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


def _task_at(slot: datetime, name: str, recorded: Recorded, tasks: Iterable[Task] = ()) -> str | None:
    """The task that a slot of the warehouse has among its own that are given, or in the ledger."""
    return next((task.id for task in tasks if task.slot == slot), recorded.taken.get((name, slot)))


def _without(
    desired: Desired, recorded: Recorded, unfit: tuple[Fault, ...], misused: tuple[Fault, ...]
) -> Desired:
    """The configuration in which faulty entries stay as they are recorded, or absent where they are new."""
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


def _plans(
    found: tuple[diff.Change, ...], desired: Desired, recorded: Recorded, now: datetime, unseen: tuple[str, ...]
) -> tuple[tuple[PlanRevision, ...], tuple[Task, ...]]:
    """Settle the slots of what is in force, then end, overwrite and take over (P2, P3, P5)."""
    changed = {_name(change): change for change in found}
    revisions: list[PlanRevision] = []
    standing = _by_warehouse(recorded.open_tasks)
    settled = _by_warehouse(_abandoned(recorded, now))
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
    return _task_at(schedule.start_time, fresh.warehouse, recorded, tasks) is not None


def _name(change: diff.Change) -> str:
    return change.previous.warehouse if isinstance(change, diff.End) else change.entry.name


def _by_warehouse(tasks: Iterable[Task]) -> dict[str, tuple[Task, ...]]:
    groups: dict[str, tuple[Task, ...]] = {}
    for task in tasks:
        groups[task.warehouse] = (*groups.get(task.warehouse, ()), task)
    return groups


def _after(recorded: Recorded, revisions: tuple[PlanRevision, ...], tasks: tuple[Task, ...]) -> Recorded:
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


def _holds(desired: Desired, recorded: Recorded, now: datetime) -> tuple[HoldRecord, ...]:
    """Holds that are new, and those whose line is gone or was changed."""
    standing = {item.backup_set: item for item in recorded.holds if item.gone_at is None}
    wanted = {
        name: HoldRecord(name, hold.reason, hold.until, standing[name].seen_at if name in standing else now)
        for name, hold in desired.holds.items()
    }
    gone_at = recorded.noted_at(now)
    gone = [item._replace(gone_at=gone_at) for name, item in standing.items() if wanted.get(name) != item]
    fresh = [item for name, item in wanted.items() if standing.get(name) != item]
    return (*gone, *(item._replace(seen_at=now) for item in fresh))


def _holds_after(recorded: Recorded, rows: tuple[HoldRecord, ...]) -> tuple[HoldRecord, ...]:
    changed = {(item.backup_set, item.seen_at) for item in rows}
    return (*(item for item in recorded.holds if (item.backup_set, item.seen_at) not in changed), *rows)


def _unseen(desired: Desired, recorded: Recorded) -> tuple[str, ...]:
    """The declared storages that the ledger has not looked into where they are now (T2)."""
    seen = recorded.storages
    if seen is None:
        return ()
    return tuple(name for name, item in sorted(desired.storages.items()) if seen.get(name) != guard.place(item))


def _notes_after(recorded: Recorded, rows: tuple[Note, ...]) -> tuple[Note, ...]:
    """A newer note takes the place of one that was not written yet."""
    known = {(item.storage, item.key): item for item in (*recorded.notes, *rows)}
    return tuple(known.values())


def _restores(
    desired: Desired, after: Recorded, requests: tuple[RestoreTask, ...], unseen: tuple[str, ...]
) -> tuple[tuple[StartRestore, ...], tuple[RestoreTask, ...]]:
    """The restores to begin or go on with, and the rows with the reason of each that waits."""
    rows = {task.id: task for task in requests}
    sets = {item.id: item for item in after.sets}
    starting = [
        StartRestore(task, sets[task.backup_set])
        for task in after.restores.values() if task.state == "running" and task.backup_set in sets
    ]  # fmt: skip
    begun = {start.task.entry.warehouse: start.task.id for start in starting}
    for task in after.restores.values():
        if task.state != "pending" or task.id not in desired.restores:
            continue
        chosen = restore.choose(task.entry, after.sets)
        reason = _why_it_waits(task, chosen, begun, unseen)
        if chosen is not None and reason is None:
            starting.append(StartRestore(task, chosen))
        elif task.reason != reason:
            rows[task.id] = task._replace(reason=reason)
    return tuple(starting), tuple(rows.values())


def _why_it_waits(
    task: RestoreTask, chosen: BackupSet | None, begun: dict[str, str], unseen: tuple[str, ...]
) -> str | None:
    """One that has begun comes to its end before another begins in its warehouse: it may go on any time (R1)."""
    if unseen:
        return f"storage {unseen[0]} is still to be looked into"
    if chosen is None:
        return restore.waiting_for(task.entry)
    other = begun.get(task.entry.warehouse)
    return f"restore {other} into warehouse {task.entry.warehouse} has not ended" if other else None


def _verdicts(
    after: Recorded, starting: tuple[StartRestore, ...], now: datetime
) -> tuple[retention.Verdict, ...]:
    """S3: what a request would choose now is kept for it, whatever it waits for."""
    asked = (task.entry for task in after.restores.values() if task.state in restore.UNBEGUN)
    chosen = (*(start.backup_set for start in starting), *(restore.choose(entry, after.sets) for entry in asked))
    needed = frozenset(item.id for item in chosen if item is not None)
    return retention.verdicts(after.sets, (*after.history, *after.plans.values()), after.holds, needed, now)


def _shifts(
    verdicts: tuple[retention.Verdict, ...], before: tuple[retention.Verdict, ...]
) -> tuple[Shift, ...]:
    known = {item.backup_set.id: item.expires_at for item in before}
    moved = (Shift(item.backup_set, known[item.backup_set.id], item.expires_at) for item in verdicts)
    return tuple(shift for shift in moved if shift.after < shift.before)


def _newly_removable(
    verdicts: tuple[retention.Verdict, ...], before: tuple[retention.Verdict, ...]
) -> tuple[retention.Verdict, ...]:
    going_anyway = {item.backup_set.id for item in before if item.removable}
    return tuple(item for item in verdicts if item.removable and item.backup_set.id not in going_anyway)


def _goes_now(item: retention.Verdict, now: datetime) -> bool:
    """A set that the storage's lock retained is tried again a day later, not in a loop (S4)."""
    tried_at = item.backup_set.tried_at
    waits = item.backup_set.state == "retained_by_lock" and tried_at is not None and tried_at + LOCK_RETRY > now
    return item.removable and not waits


def _removals(
    desired: Desired, verdicts: tuple[retention.Verdict, ...], now: datetime
) -> tuple[BackupSet, ...]:
    """Sets to remove, oldest first."""
    going = [
        item.backup_set
        for item in verdicts
        if item.backup_set.storage in desired.storages and _goes_now(item, now)
    ]
    return tuple(sorted(going, key=lambda item: (item.completed_at, item.id)))


def _spared(desired: Desired, verdicts: tuple[retention.Verdict, ...]) -> tuple[BackupSet, ...]:
    return tuple(
        item.backup_set for item in verdicts
        if item.backup_set.state in ("removing", "retained_by_lock") and not item.removable
        and item.backup_set.storage in desired.storages
    )  # fmt: skip


def _backups(desired: Desired, after: Recorded, unseen: tuple[str, ...]) -> tuple[StartBackup, ...]:
    """Open tasks with the entry of their own revision, reached the way the newest entry says."""
    revisions = {(item.warehouse, item.revision): item for item in (*after.history, *after.plans.values())}
    starts = []
    for task in sorted(after.open_tasks, key=lambda task: (task.slot, task.id)):
        entry = revisions[task.warehouse, task.plan_revision].entry._replace(name=task.warehouse)
        newest = desired.warehouses.get(task.warehouse)
        if newest is not None and newest.engine == entry.engine:
            entry = entry._replace(connection=newest.connection)
        if entry.storage not in unseen:
            starts.append(StartBackup(task, entry))
    return tuple(starts)


def _ended_plans(found: tuple[diff.Change, ...]) -> tuple[PlanRevision, ...]:
    """Plans that end with their warehouse, and those of warehouses that become a target only (P5)."""
    gone = (
        change.previous for change in found
        if isinstance(change, diff.End) or (isinstance(change, diff.Update) and change.entry.plan is None)
    )  # fmt: skip
    return tuple(previous for previous in gone if previous.plan)


def _cancellations(desired: Desired, after: Recorded) -> frozenset[str]:
    """Ids of what is open and shall stop: by command, by `cancel: true` (R6), or unclaimed and withdrawn (R5)."""
    going = [task for task in after.restores.values() if task.state == "running"]
    running = {task.id for task in going}
    wished = {wish.subject for wish in after.cancellations}
    wished |= {entry.id for entry in desired.restores.values() if entry.cancel}
    wished |= {task.id for task in going if task.claimed_at is None and task.id not in desired.restores}
    return frozenset(wished & (running | {task.id for task in after.open_tasks}))


def _warnings(desired: Desired, after: Recorded, now: datetime, *, review: bool) -> tuple[str, ...]:
    sets = {item.id for item in after.sets}
    return (
        *(f"hold on {name}: no such backup set is known" for name in sorted(desired.holds.keys() - sets)),
        *(
            f"one_time.start_time of {name} is already past"
            for name, entry in sorted(desired.planned.items())
            if not review and entry.plan and isinstance(entry.plan.schedule, OneTime)
            and entry.plan.schedule.start_time <= now
            and _task_at(entry.plan.schedule.start_time, name, after) is None
        ),
    )  # fmt: skip
