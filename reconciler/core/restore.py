"""What becomes of each restore request: which set it means and whether it may start (R1 to R5, R7)."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from reconciler.core import document
from reconciler.core.model import Desired, FromStorage, FromWarehouse, Restore
from reconciler.core.record import BackupSet, Recorded, RestoreTask

UNBEGUN = frozenset({"pending", "needs_approval"})
ENTRY_REMOVED = "the entry was removed before it was claimed"
FAMILIES = {"velodb": "doris", "doris": "doris", "starrocks": "starrocks", "duckdb": "duckdb"}


class Misused(NamedTuple):
    """A request that can never run as written; it fails alone, not the file (R2)."""

    restore: str
    message: str


def digest(entry: Restore) -> str:
    """Names the content of a request; `cancel` does not belong to it."""
    return document.digest(entry._replace(cancel=False))


def choose(entry: Restore, sets: Iterable[BackupSet]) -> BackupSet | None:
    """The set a request means now: the newest that fits. Only sets that are whole can be chosen."""
    fitting = [item for item in sets if item.state == "present" and _fits(entry, item)]
    return max(fitting, key=lambda item: (item.completed_at, item.id), default=None)


def _fits(entry: Restore, item: BackupSet) -> bool:
    match entry.source:
        case FromStorage(storage, backup_set):
            return (item.storage, item.id) == (storage, backup_set)
        case FromWarehouse(warehouse, backup_set, before):
            if warehouse not in (item.warehouse, item.home):
                return False
            if before is not None:
                return item.completed_at < before
            return backup_set in ("latest", item.id)


def misused(desired: Desired, recorded: Recorded) -> tuple[Misused, ...]:
    """Entries whose id was claimed for other content (R2)."""
    return tuple(
        Misused(
            entry.id,
            f"restore id {entry.id} was already used for another request, which is {known.state}; "
            f"an id runs at most once: choose a new id",
        )
        for entry in desired.restores.values()
        if (known := recorded.restores.get(entry.id)) and known.claimed_at and known.digest != digest(entry)
    )


def revised(
    desired: Desired, recorded: Recorded, now: datetime, *, all_seen: bool = True
) -> tuple[RestoreTask, ...]:
    """The requests whose record changes before anything is started: new, edited, withdrawn, out of time.

    None is said to have ended unbegun while a storage is still to be looked into, which may hold its claim (R1).
    """
    seen = [_request(entry, recorded.restores.get(entry.id), now) for entry in desired.restores.values()]
    gone = [
        known._replace(state="cancelled", ended_at=now, reason=ENTRY_REMOVED)
        for known in recorded.restores.values()
        if all_seen and known.state in UNBEGUN and known.id not in desired.restores
    ]
    wishes = {wish.subject for wish in recorded.cancellations}
    allowed = {item.subject for item in recorded.allowances if item.what == "restore"}
    approved = [_approved(task, allowed) for task in seen if task is not None]
    settled = [_settle(task, wishes, now) for task in approved] if all_seen else approved
    return tuple(
        task for task in (*settled, *gone) if task != recorded.restores.get(task.id)
    )  # fmt: skip


def _request(entry: Restore, known: RestoreTask | None, now: datetime) -> RestoreTask | None:
    """The record as the entry would have it; None where the id is beyond edits: claimed, or perhaps, as it runs."""
    fresh = RestoreTask(entry.id, entry, digest(entry), "pending", now)
    if known is None:
        return fresh
    if known.claimed_at is not None or known.state == "running":
        return None
    if known.digest != fresh.digest or known.reason == ENTRY_REMOVED:
        state = "needs_approval" if known.state == "needs_approval" else "pending"
        return fresh._replace(state=state, seen_at=known.seen_at)
    return known._replace(entry=entry)


def _approved(task: RestoreTask, allowed: set[str]) -> RestoreTask:
    """`reconcile allow restore ID` lets a request go that was found unclaimed after a rebuild (R8)."""
    if task.state == "needs_approval" and task.id in allowed:
        return task._replace(state="pending", reason=None)
    return task


def _settle(task: RestoreTask, wishes: set[str], now: datetime) -> RestoreTask:
    if task.state not in UNBEGUN:
        return task
    if task.entry.cancel or task.id in wishes:
        return task._replace(state="cancelled", ended_at=now, reason="cancelled before it started")
    if task.entry.valid_until is not None and task.entry.valid_until <= now:
        return task._replace(state="expired", ended_at=now, reason="`valid_until` passed before it could start")
    return task


def waiting_for(entry: Restore) -> str:
    """Why a request with no fitting set waits."""
    match entry.source:
        case FromStorage(storage, backup_set):
            return f"no backup set {backup_set} in storage {storage}"
        case FromWarehouse(warehouse, _, before) if before:
            return f"no backup set of {warehouse} completed before {document.encode(before)['$instant']}"
        case FromWarehouse(warehouse, "latest"):
            return f"no backup set of {warehouse} yet"
        case FromWarehouse(warehouse, backup_set):
            return f"no backup set {backup_set} of {warehouse}"
