"""What a storage proves of the past, for a ledger that lacks it (T2, R8): from an inventory to rows.

Nothing here is guessed: a set is what has a manifest, an id is used where there is a claim, and what has an owner
mark but no manifest is a leftover. What is damaged or belongs to others is only listed.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from reconciler.core import document, instants, naming, renaming, restore
from reconciler.core import notes as note_rows
from reconciler.core.manifest import Manifest
from reconciler.core.model import Desired, Restore
from reconciler.core.naming import TaskPlace
from reconciler.core.record import BackupSet, Note, RestoreTask, Task

GRACE = timedelta(days=1)  # a server's own job may still write there (Doris: backup_job_default_timeout_ms, 1 day)
UNFINISHED = (
    "found in storage without a manifest, by a ledger that did not know it: its run was not finished, or its set "
    "was being removed"
)


class Stray(NamedTuple):
    """An object below our prefix that is damaged or not ours; it is never touched."""

    key: str
    reason: str


class Claim(NamedTuple):
    restore: str
    content: dict[str, Any]
    outcome: dict[str, Any] | None


class Inventory(NamedTuple):
    """What of an installation a storage holds. `attempts` are those with an owner mark of ours."""

    storage: str
    manifests: tuple[Manifest, ...] = ()
    attempts: tuple[tuple[TaskPlace, int], ...] = ()
    claims: tuple[Claim, ...] = ()
    notes: dict[str, dict[str, Any]] = {}  # noqa: RUF012  never written to; by key
    strays: tuple[Stray, ...] = ()


class AttemptRow(NamedTuple):
    """A prefix in storage: `good` where a manifest names it, else `leftover`, removable after a day."""

    task_id: str
    attempt: int
    home: str
    storage: str
    state: str
    begun_at: datetime
    removable_at: datetime | None


class Home(NamedTuple):
    """What a storage notes of a home: the key of its note, and the name that it tells, or its own."""

    key: str
    name: str


class Adoption(NamedTuple):
    """Rows for a ledger; one that it has already stays as it is. `notes` are those that the storage shall have."""

    storage: str
    sets: tuple[BackupSet, ...]
    tasks: tuple[Task, ...]
    attempts: tuple[AttemptRow, ...]
    restores: tuple[RestoreTask, ...]
    strays: tuple[Stray, ...]
    homes: dict[str, Home] = {}  # noqa: RUF012  never written to
    notes: tuple[Note, ...] = ()

    @property
    def is_rebuild(self) -> bool:
        """Whether the storage shows that another ledger was here before (R8)."""
        return bool(self.sets or self.restores)


def adoption(found: Inventory, desired: Desired, now: datetime) -> Adoption:
    homes = _homes(found, desired.installation)
    names = _names(homes, desired)
    kept = _retentions(found, desired.installation)
    attempts = _attempts_by_place(found)
    done = {item.place for item in found.manifests}
    sets = tuple(_set(item, found, _name(item.place, names, found, desired, item.completed_at), kept)
                 for item in found.manifests)  # fmt: skip
    succeeded = (_succeeded(item, own.warehouse, attempts) for item, own in zip(found.manifests, sets, strict=True))
    lost = (_lost(place, _name(place, names, found, desired, naming.slot_of(place.task_id)), attempts, now)
            for place in sorted(attempts.keys() - done))
    newer = {old: new for old, new in (_declared(desired) | names).items() if old not in desired.warehouses}
    restores = tuple(
        renaming.readdressed(_restore(claim, found.storage), newer, desired.restores.get(claim.restore))
        for claim in found.claims
    )
    return Adoption(
        found.storage, sets, (*succeeded, *lost), tuple(_attempts(found, now)), restores, found.strays, homes
    )


def renamed(found: Adoption, former: dict[str, str], now: datetime) -> Adoption:
    """With the names that warehouses have by now, where the ledger has renamed them before it could look (P8).

    The storage is to note each that it does not tell itself: this ledger may be lost as well.
    """
    sets = tuple(item._replace(warehouse=former.get(item.warehouse, item.warehouse)) for item in found.sets)
    tasks = tuple(item._replace(warehouse=former.get(item.warehouse, item.warehouse)) for item in found.tasks)
    moved = {item.home: item.warehouse for item in sets if item.warehouse != item.home}
    notes = tuple(
        note_rows.new_name(found.storage, found.homes[home].key, name, now)
        for home, name in sorted(moved.items()) if found.homes[home].name != name
    )  # fmt: skip
    return found._replace(sets=sets, tasks=tasks, notes=notes)


def skipped(found: Adoption, unbegun: Iterable[Task], now: datetime) -> tuple[Task, ...]:
    """Those whose slot a clock that was ahead has run, under a former name of their warehouse (D2)."""
    made = {(item.warehouse, item.slot): item.id for item in found.sets}
    others = ((task, made.get((task.warehouse, task.slot), task.id)) for task in unbegun)
    return tuple(
        task._replace(state="skipped", ended_at=now,
                      reason=f"backup set {other} of its slot was found in storage {found.storage}")
        for task, other in others if other != task.id
    )  # fmt: skip


def _homes(found: Inventory, installation: str) -> dict[str, Home]:
    names = {item.place.home for item in found.manifests} | {place.home for place, _ in found.attempts}
    keys = {name: naming.renamed_key(installation, name) for name in names}
    return {name: Home(key, str(found.notes.get(key, {}).get("to") or name)) for name, key in keys.items()}


def _names(homes: dict[str, Home], desired: Desired) -> dict[str, str]:
    """The warehouse of each home: by the note of its renaming, then by a `previous_name` in the YAML that the lost
    ledger need not have carried out (P8).
    """
    declared = _declared(desired)
    return {home: declared.get(item.name, item.name) for home, item in homes.items()}


def _declared(desired: Desired) -> dict[str, str]:
    """The new name of each that only a `previous_name` has still."""
    return {
        entry.previous_name: name for name, entry in desired.warehouses.items()
        if entry.previous_name and entry.previous_name not in desired.warehouses
    }  # fmt: skip


def _name(place: TaskPlace, names: dict[str, str], found: Inventory, desired: Desired, at: datetime) -> str:
    """A home that is declared again after its renaming keeps what is newer than that."""
    note = found.notes.get(naming.renamed_key(place.installation, place.home))
    if note and place.home in desired.warehouses and at > instants.parse(note["noted_at"]):
        return place.home
    return names[place.home]


def _retentions(found: Inventory, installation: str) -> dict[str, tuple[int, int]]:
    """Days and `keep_last` of each home: what its plan ended with, where that was noted after its last set;
    otherwise the longest known (S2).
    """
    homes: dict[str, list[Manifest]] = {}
    for item in found.manifests:
        homes.setdefault(item.place.home, []).append(item)
    known = {}
    for home, own in homes.items():
        note = found.notes.get(naming.retention_key(installation, home))
        if note and max(item.completed_at for item in own) <= instants.parse(note["noted_at"]):
            known[home] = (int(note["retention_days"]), int(note["keep_last"]))
        else:
            known[home] = (max(item.retention_days for item in own), max(item.keep_last for item in own))
    return known


def _attempts_by_place(found: Inventory) -> dict[TaskPlace, int]:
    """The highest attempt of each task."""
    last: dict[TaskPlace, int] = {}
    for place, number in found.attempts:
        last[place] = max(number, last.get(place, 0))
    return last


def _set(item: Manifest, found: Inventory, warehouse: str, kept: dict[str, tuple[int, int]]) -> BackupSet:
    days, keep_last = kept[item.place.home]
    return set_of(item, found.storage, warehouse)._replace(retention_days=days, keep_last=keep_last)


def set_of(item: Manifest, storage: str, warehouse: str) -> BackupSet:
    """The set that a manifest makes."""
    return BackupSet(
        id=item.place.task_id, warehouse=warehouse, home=item.place.home, engine=item.engine, storage=storage,
        slot=item.slot, completed_at=item.completed_at, retention_days=item.retention_days,
        keep_last=item.keep_last, size_bytes=item.size_bytes, databases=item.databases,
    )  # fmt: skip


def _succeeded(item: Manifest, warehouse: str, attempts: dict[TaskPlace, int]) -> Task:
    return Task(
        id=item.place.task_id, warehouse=warehouse, slot=item.slot, state="succeeded",
        plan_revision=item.plan_revision, attempt=attempts.get(item.place, 1), created_at=item.started_at,
        started_at=item.started_at, ended_at=item.completed_at, size_bytes=item.size_bytes,
        objects=item.databases, skipped_objects=item.skipped_objects,
    )  # fmt: skip


def _lost(place: TaskPlace, warehouse: str, attempts: dict[TaskPlace, int], now: datetime) -> Task:
    return Task(
        id=place.task_id, warehouse=warehouse, slot=naming.slot_of(place.task_id), state="lost", plan_revision=0,
        attempt=attempts[place], created_at=now, ended_at=now, reason=UNFINISHED,
    )  # fmt: skip


def _attempts(found: Inventory, now: datetime) -> Iterator[AttemptRow]:
    good = {(item.place, snapshot.attempt) for item in found.manifests for snapshot in item.snapshots}
    for place, number in found.attempts:
        is_good = (place, number) in good
        yield AttemptRow(
            place.task_id, number, place.home, found.storage, "good" if is_good else "leftover", now,
            None if is_good else now + GRACE,
        )  # fmt: skip


def _restore(claim: Claim, storage: str) -> RestoreTask:
    """The request as its claim tells it."""
    content, outcome = claim.content, claim.outcome or {}
    claimed_at = instants.parse(content["claimed_at"])
    entry: Restore = document.decode(content["entry"])
    ended = outcome.get("ended_at")
    return RestoreTask(
        id=claim.restore, entry=entry, digest=restore.digest(entry), state=str(outcome.get("state", "unknown")),
        seen_at=claimed_at, backup_set=content["backup_set"], storage=storage,
        source_warehouse=getattr(entry.source, "warehouse", None), claimed_at=claimed_at, started_at=claimed_at,
        ended_at=instants.parse(ended) if ended else claimed_at,
        reason=str(outcome.get("reason") or _unknown(entry, content)),
    )  # fmt: skip


def _unknown(entry: Restore, content: dict[str, Any]) -> str:
    names = "all its databases" if entry.databases is None else ", ".join(new for _, new in entry.databases)
    return (
        f"it was claimed at {content['claimed_at']} by a run whose ledger is lost, and no outcome was recorded; "
        f"look at {names} in warehouse {entry.warehouse}. To restore once more choose a new id"
    )
