"""What the world is asked for once the rows of a pass are safe: backups, restores, removals, looks (T1, T2, S3)."""

from datetime import datetime, timedelta
from typing import NamedTuple

from reconciler.core import guard, restore, retention
from reconciler.core.model import Desired, Warehouse
from reconciler.core.record import BackupSet, Leftover, Note, Recorded, RestoreTask, Task

LOCK_RETRY = timedelta(days=1)  # between two tries at a set that the storage's own lock retains


class StartBackup(NamedTuple):
    """Begin or go on with a task, by the revision that it began with."""

    task: Task
    entry: Warehouse


class StartRestore(NamedTuple):
    """Begin or go on with a restore of this very set."""

    task: RestoreTask
    backup_set: BackupSet


class Actions(NamedTuple):
    """What is carried out once the rows are recorded: restores are claimed before sets are removed (S3).

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


def unseen(desired: Desired, recorded: Recorded) -> tuple[str, ...]:
    """The declared storages that the ledger has not looked into where they are now (T2)."""
    seen = recorded.storages
    if seen is None:
        return ()
    return tuple(name for name, item in sorted(desired.storages.items()) if seen.get(name) != guard.place(item))


def starts(
    desired: Desired, after: Recorded, unseen: tuple[str, ...]
) -> tuple[tuple[StartRestore, ...], tuple[RestoreTask, ...]]:
    """The restores to begin or go on with, and the rows with the new reason of those that wait."""
    sets = {item.id: item for item in after.sets}
    starting = [
        StartRestore(task, sets[task.backup_set])
        for task in after.restores.values() if task.state == "running" and task.backup_set in sets
    ]  # fmt: skip
    begun = {start.task.entry.warehouse: start.task.id for start in starting}
    waiting = []
    for task in after.restores.values():
        if task.state != "pending" or task.id not in desired.restores:
            continue
        chosen = restore.choose(task.entry, after.sets)
        reason = _why_it_waits(task, chosen, begun, unseen)
        if chosen is not None and reason is None:
            starting.append(StartRestore(task, chosen))
        elif task.reason != reason:
            waiting.append(task._replace(reason=reason))
    return tuple(starting), tuple(waiting)


def chosen(
    desired: Desired,
    after: Recorded,
    restores: tuple[StartRestore, ...],
    verdicts: tuple[retention.Verdict, ...],
    unseen: tuple[str, ...],
    now: datetime,
) -> Actions:
    """All of them; what lies in a storage that is no longer declared is left alone."""
    here = tuple(item for item in verdicts if item.backup_set.storage in desired.storages)
    busy = {task.id for task in after.open_tasks}
    return Actions(
        backups=_backups(desired, after, unseen),
        restores=restores,
        removals=_removals(here, now),
        spared=_spared(here),
        leftovers=tuple(
            item for item in after.leftovers
            if item.removable_at <= now and item.storage in desired.storages and item.task_id not in busy
        ),
        notes=tuple(item for item in after.notes if item.storage in desired.storages),
        cancellations=_cancellations(desired, after),
        looks=unseen,
    )  # fmt: skip


def _why_it_waits(
    task: RestoreTask, backup_set: BackupSet | None, begun: dict[str, str], unseen: tuple[str, ...]
) -> str | None:
    """One that has begun comes to its end before another begins in its warehouse: it may go on any time (R1)."""
    if unseen:
        return f"storage {unseen[0]} is still to be looked into"
    if backup_set is None:
        return restore.waiting_for(task.entry)
    other = begun.get(task.entry.warehouse)
    return f"restore {other} into warehouse {task.entry.warehouse} has not ended" if other else None


def _backups(desired: Desired, after: Recorded, unseen: tuple[str, ...]) -> tuple[StartBackup, ...]:
    """Open tasks with the entry of their own revision, reached the way the newest entry says."""
    revisions = {(item.warehouse, item.revision): item for item in (*after.history, *after.plans.values())}
    begun = []
    for task in sorted(after.open_tasks, key=lambda task: (task.slot, task.id)):
        entry = revisions[task.warehouse, task.plan_revision].entry._replace(name=task.warehouse)
        newest = desired.warehouses.get(task.warehouse)
        if newest is not None and newest.engine == entry.engine:
            entry = entry._replace(connection=newest.connection)
        if entry.storage not in unseen:
            begun.append(StartBackup(task, entry))
    return tuple(begun)


def _removals(verdicts: tuple[retention.Verdict, ...], now: datetime) -> tuple[BackupSet, ...]:
    """Sets to remove, oldest first."""
    going = (item.backup_set for item in verdicts if _goes_now(item, now))
    return tuple(sorted(going, key=lambda item: (item.completed_at, item.id)))


def _goes_now(item: retention.Verdict, now: datetime) -> bool:
    """A set that the storage's lock retained is tried again a day later, not in a loop (S4)."""
    tried_at = item.backup_set.tried_at
    waits = item.backup_set.state == "retained_by_lock" and tried_at is not None and tried_at + LOCK_RETRY > now
    return item.removable and not waits


def _spared(verdicts: tuple[retention.Verdict, ...]) -> tuple[BackupSet, ...]:
    return tuple(
        item.backup_set for item in verdicts
        if item.backup_set.state in ("removing", "retained_by_lock") and not item.removable
    )  # fmt: skip


def _cancellations(desired: Desired, after: Recorded) -> frozenset[str]:
    """Ids of what is open and shall stop: by command, by `cancel: true` (R6), or unclaimed and withdrawn (R5)."""
    going = [task for task in after.restores.values() if task.state == "running"]
    running = {task.id for task in going}
    wished = {wish.subject for wish in after.cancellations}
    wished |= {entry.id for entry in desired.restores.values() if entry.cancel}
    wished |= {task.id for task in going if task.claimed_at is None and task.id not in desired.restores}
    return frozenset(wished & (running | {task.id for task in after.open_tasks}))
