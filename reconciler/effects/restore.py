"""Carries out one restore request, at most once ever (R1): checks that change nothing, claim, work, outcome."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from reconciler.core import document, instants
from reconciler.core.actions import StartRestore
from reconciler.core.event import Event
from reconciler.core.manifest import Manifest
from reconciler.core.model import LOCAL_ENGINES
from reconciler.core.naming import TaskPlace
from reconciler.core.ports import Engine, RestoreOrder, Storage
from reconciler.core.record import BackupSet, RestoreTask
from reconciler.core.restore import FAMILIES
from reconciler.effects.world import Progress, TaskWatch, World, pause_before
from reconciler.errors import (
    STEP_ERRORS,
    Cancelled,
    DeadlinePassed,
    EngineFailed,
    OutcomeUnknown,
    ReconcilerError,
    StorageFailed,
    may_pass,
)

CHANGED = (
    "its set has begun to go, its entry was changed, or another restore has not ended in its warehouse; "
    "it is decided anew"
)


class Elsewhere(ReconcilerError):
    """The id was claimed by a run that this ledger does not know; `state` is how that ended."""

    def __init__(self, message: str, state: str) -> None:
        super().__init__(message)
        self.state = state


class Job:
    """One request with all that its steps need; `task` is its record as it stands."""

    def __init__(self, world: World, start: StartRestore, progress: Progress) -> None:
        self.world = world
        self.backup_set: BackupSet = start.backup_set
        self.task: RestoreTask = start.task
        timeout = timedelta(seconds=start.task.entry.timeout)
        self.watch = TaskWatch(world, start.task.id, progress, start.task.started_at, timeout)

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    @property
    def storage(self) -> Storage:
        return self.world.storage(self.backup_set.storage)

    def save(self, **changes: Any) -> None:
        self.task = self.task._replace(**changes)
        self.world.ledger.save_restore(self.task, self.now)

    def begin(self) -> bool:
        """Whether set and entry still are as they were decided on; from then on the set is not removed (S3)."""
        task = self.task._replace(
            state="running", reason=None, started_at=self.now, backup_set=self.backup_set.id,
            storage=self.backup_set.storage, source_warehouse=self.backup_set.warehouse,
        )  # fmt: skip
        begun = self.world.ledger.begin_restore(task, self.now)
        self.task = task if begun else self.task
        return begun

    def claim_content(self) -> dict[str, Any]:
        return {
            "format": 1, "restore": self.task.id, "ledger": self.world.ledger.id, "digest": self.task.digest,
            "entry": document.encode(self.task.entry), "backup_set": self.backup_set.id,
            "claimed_at": instants.text(self.now),
        }  # fmt: skip


class Ready(NamedTuple):
    """What the checks found: everything the work needs."""

    engine: Engine
    order: RestoreOrder


def run(world: World, start: StartRestore, progress: Progress) -> None:
    """Ends in a recorded state, or leaves the request pending with the reason why it waits."""
    job = Job(world, start, progress)
    progress.set(job.task.id, 0)
    try:
        ready = _checked(job)
        if ready is not None:
            _work(job, ready)
    finally:
        progress.set(job.task.id, None)


def _checked(job: Job) -> Ready | None:
    """Looks, changing nothing: what may pass leaves the request pending, what will not fails it unclaimed."""
    try:
        _refuse_foreign_claim(job)
        ready = _prepare(job)
        if job.task.claimed_at is None:
            _wait_for_leave(job)
            ready.engine.precheck(ready.order, job.storage.reader(ready.order.manifest))
    except Elsewhere as error:
        _end_elsewhere(job, error)
    except STEP_ERRORS as error:
        _defer_or_fail(job, error)
    else:
        if job.task.state == "running" or job.begin():
            return ready
        job.world.report(Event("restore", job.task.id, "waits", CHANGED))
    return None


def _defer_or_fail(job: Job, error: Exception) -> None:
    if job.task.claimed_at is not None:
        _wait_while_it_may(job, error)
    elif may_pass(error):
        _wait(job, error)
    else:
        _end(job, "failed", f"{error}; nothing was changed and the id is not used: to try again edit the entry, or "
                            f"choose a new id")  # fmt: skip


def _wait_while_it_may(job: Job, error: Exception) -> None:
    """What has begun and cannot go on now waits as long as a restore may run, or until it is cancelled (R1)."""
    try:
        job.watch.check()
    except (Cancelled, DeadlinePassed) as stop:
        _end(job, "unknown", f"{stop}; {error}. What it has changed is not known: look at warehouse "
                             f"{job.task.entry.warehouse}. To restore once more choose a new id")  # fmt: skip
    else:
        _wait(job, error)


def _wait(job: Job, error: Exception) -> None:
    if job.task.reason != str(error):
        job.save(reason=str(error))
        job.world.report(Event("restore", job.task.id, "waits", str(error)))


def _wait_for_leave(job: Job) -> None:
    name = job.backup_set.storage
    found = job.world.lookout.before_restore(job.world.desired, name, lambda: job.storage)
    if found is not None:
        raise StorageFailed(f"{found.reason}: `{found.allowed_by}`", passing=True)


def _refuse_foreign_claim(job: Job) -> None:
    """The id is looked for in every declared storage; one that cannot be read defers the restore (R1)."""
    installation = job.world.desired.installation
    for name in sorted(job.world.desired.storages):
        storage = job.world.storage(name)
        try:
            claim = storage.find_claim(installation, job.task.id)
        except StorageFailed as error:
            raise StorageFailed(f"whether the id was used is not known: {error}", passing=True) from error
        if claim is None or (claim.get("ledger") == job.world.ledger.id and job.task.state == "running"):
            continue
        outcome = storage.find_outcome(installation, job.task.id) or {}
        raise Elsewhere(
            f"restore {job.task.id} was claimed at {claim.get('claimed_at')} by a run that this ledger does not "
            f"know; storage {name} has its claim, and for its outcome: "
            f"{outcome.get('reason', 'none was recorded')}. It is not run again: to restore once more choose a "
            f"new id", str(outcome.get("state", "unknown")),
        )  # fmt: skip


def _prepare(job: Job) -> Ready:
    entry = job.world.desired.warehouses.get(job.task.entry.warehouse)
    if entry is None:
        raise EngineFailed(f"warehouse {job.task.entry.warehouse} is not declared any more")
    if FAMILIES[entry.engine] != FAMILIES[job.backup_set.engine]:
        raise EngineFailed(
            f"backup set {job.backup_set.id} was made by engine {job.backup_set.engine}; "
            f"warehouse {entry.name} has engine {entry.engine} and cannot read it"
        )
    place = TaskPlace(job.world.desired.installation, job.backup_set.home, job.backup_set.id)
    manifest = job.storage.read_manifest(place)
    if manifest is None:
        raise StorageFailed(
            f"backup set {job.backup_set.id} has no manifest in storage {job.backup_set.storage} any more"
        )
    order = RestoreOrder(
        job.task.entry, entry, manifest, _databases(job.task, manifest), job.task.journal,
        lambda journal: _claim(job, journal),
    )  # fmt: skip
    return Ready(job.world.doors.engine(entry), order)


def _databases(task: RestoreTask, manifest: Manifest) -> tuple[tuple[str, str], ...]:
    wanted = task.entry.databases
    if wanted is None:
        return tuple((name, name) for name in manifest.databases)
    missing = sorted({source for source, _ in wanted} - set(manifest.databases))
    if missing:
        raise EngineFailed(
            f"backup set {manifest.place.task_id} has no database {', '.join(missing)}; "
            f"it has {', '.join(manifest.databases)}"
        )
    return wanted


def _claim(job: Job, journal: str) -> None:
    """Intent, claim, both durable, before the first change at the target."""
    if not job.storage.claim(job.world.desired.installation, job.task.id, job.claim_content()):
        _refuse_foreign_claim(job)
    job.save(claimed_at=job.now, journal=journal)


def _work(job: Job, ready: Ready) -> None:
    failures = 0
    while True:
        order = ready.order._replace(journal=job.task.journal)
        try:
            left_out = ready.engine.restore(order, job.storage.reader(order.manifest), job.watch)
        except (Cancelled, DeadlinePassed) as error:
            state = "cancelled" if isinstance(error, Cancelled) else "failed"
            return _end(job, state, f"{error}; {_abandoned(job, ready)}")
        except Elsewhere as error:
            return _end_elsewhere(job, error)
        except OutcomeUnknown as error:
            return _end(job, "unknown", str(error))
        except STEP_ERRORS as error:
            failures += 1
            if not may_pass(error):
                return _end(job, "failed", f"{error}; {_abandoned(job, ready)}")
            stopped = _paused(job, error, failures)
            if stopped is not None:
                return _stop(job, ready, stopped, f"{error}; {stopped}")
        else:
            return _succeed(job, order, left_out)


def _stop(job: Job, ready: Ready, stop: ReconcilerError, reason: str) -> None:
    """Between two tries: one more ends what a server may still do, or the outcome is not known (R1)."""
    state = "cancelled" if isinstance(stop, Cancelled) else "failed"
    if ready.order.entry.engine in LOCAL_ENGINES:
        return _end(job, state, f"{reason}; {_abandoned(job, ready)}")
    try:
        order = ready.order._replace(journal=job.task.journal)
        left_out = ready.engine.restore(order, job.storage.reader(order.manifest), job.watch)
    except Elsewhere as error:
        return _end_elsewhere(job, error)
    except (Cancelled, DeadlinePassed):
        return _end(job, state, f"{reason}; {_abandoned(job, ready)}")
    except STEP_ERRORS as error:
        return _end(job, "unknown", f"{reason}; whether the warehouse still works on it is not known: {error}; "
                                    f"look at the target. To restore once more choose a new id")  # fmt: skip
    return _succeed(job, ready.order, left_out)


def _succeed(job: Job, order: RestoreOrder, left_out: tuple[str, ...]) -> None:
    names = ", ".join(target for _, target in order.databases)
    rest = f"; not taken over: {', '.join(left_out)}" if left_out else ""
    job.save(size_bytes=_size(order))
    _end(job, "succeeded", f"restored {names} from {job.backup_set.id}{rest}")


def _paused(job: Job, error: Exception, failures: int) -> ReconcilerError | None:
    """None after a pause; the reason where there is no time or no wish for another try."""
    seconds = pause_before(failures)
    job.save(reason=str(error))
    job.world.report(Event("restore", job.task.id, "will be tried again", f"in {seconds:.0f} s: {error}"))
    try:
        job.watch.pause_before_another_try(seconds)
    except (Cancelled, DeadlinePassed) as stop:
        return stop
    return None


def _abandoned(job: Job, ready: Ready) -> str:
    job.world.ledger.check_lease()
    return ready.engine.abandon(ready.order._replace(journal=job.task.journal))


def _size(order: RestoreOrder) -> int:
    wanted = {source for source, _ in order.databases}
    return sum(item.size_bytes for item in order.manifest.snapshots if item.database in wanted)


def _end(job: Job, state: str, reason: str) -> None:
    """The outcome stands beside the claim first, then in the ledger."""
    if job.task.claimed_at is None and _has_claim(job):
        job.task = job.task._replace(claimed_at=job.now)
    if job.task.claimed_at is not None:
        content = job.claim_content() | {
            "state": state, "reason": reason, "ended_at": instants.text(job.now),
        }  # fmt: skip
        job.storage.record_outcome(job.world.desired.installation, job.task.id, content)
    job.save(state=state, reason=reason, ended_at=job.now)
    job.world.report(Event("restore", job.task.id, state, reason))


def _has_claim(job: Job) -> bool:
    """Whether a run that failed at its claim has it after all: the answer may have been lost."""
    if job.task.state != "running":
        return False
    claim = job.storage.find_claim(job.world.desired.installation, job.task.id)
    return claim is not None and claim.get("ledger") == job.world.ledger.id


def _end_elsewhere(job: Job, error: Elsewhere) -> None:
    """The id is used, though not by us; the other run's claim and outcome are left as they are."""
    job.save(state=error.state, reason=str(error), ended_at=job.now, claimed_at=job.now)
    job.world.report(Event("restore", job.task.id, error.state, str(error)))
