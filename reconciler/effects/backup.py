"""Carries out one backup task: attempts until one gives a manifest, the time is over, or it cannot pass (D6)."""

from datetime import datetime, timedelta
from typing import NamedTuple

import reconciler
from reconciler.core import rebuild
from reconciler.core.actions import StartBackup
from reconciler.core.event import Event
from reconciler.core.manifest import Manifest
from reconciler.core.model import LOCAL_ENGINES, Plan, Warehouse
from reconciler.core.naming import TaskPlace
from reconciler.core.ports import BackupOrder, Storage
from reconciler.core.record import Task
from reconciler.effects.world import Progress, TaskWatch, World, pause_before
from reconciler.errors import (
    STEP_ERRORS,
    AttemptTaken,
    Cancelled,
    DeadlinePassed,
    EngineFailed,
    JobLost,
    ReconcilerError,
    may_pass,
)


class Job(NamedTuple):
    """One task with all that its attempts need."""

    world: World
    start: StartBackup
    watch: TaskWatch

    @property
    def entry(self) -> Warehouse:
        return self.start.entry

    @property
    def plan(self) -> Plan:
        assert self.entry.plan is not None  # noqa: S101  a task exists only under a plan
        return self.entry.plan

    @property
    def place(self) -> TaskPlace:
        """Where the set lies: its home is in the task's id, which a rename leaves alone."""
        home = self.start.task.id.rpartition("-")[0]
        return TaskPlace(self.world.desired.installation, home, self.start.task.id)


def run(world: World, start: StartBackup, progress: Progress) -> None:
    """Ends the task in exactly one state, recorded; raises only where the ledger cannot be written."""
    plan = start.entry.plan
    assert plan is not None  # noqa: S101  a task exists only under a plan
    timeout = timedelta(seconds=plan.timeout)
    job = Job(world, start, TaskWatch(world, start.task.id, progress, start.task.started_at, timeout))
    progress.set(start.task.id, 0)
    try:
        _try_until_settled(job)
    finally:
        progress.set(start.task.id, None)


def _try_until_settled(job: Job) -> None:
    failures, begun = 0, job.start.task.state == "running"  # begun: a server may work on what an earlier try began
    while (task := _begin(job)) is not None:
        try:
            manifest = _attempt(job, task)
        except (Cancelled, DeadlinePassed) as error:
            return _give_up(job, task, error)
        except AttemptTaken as error:
            job.world.ledger.disown_attempt(task, str(error))
        except STEP_ERRORS as error:
            failures += 1
            if not _tries_again(job, task, error, failures, begun=begun):
                return None
            begun = True
        else:
            return _end(job, task, manifest)
    return None


def _begin(job: Job) -> Task | None:
    place, storage = job.place, job.entry.storage or ""
    go_on = job.entry.engine not in LOCAL_ENGINES
    return job.world.ledger.begin_task(place.task_id, place.home, storage, _now(job), go_on=go_on)


def _attempt(job: Job, task: Task) -> Manifest:
    """The set's manifest: one that an earlier attempt left behind before a crash, or a new one."""
    storage = job.world.storage(job.entry.storage)
    standing = storage.read_manifest(job.place)
    return standing or _make(job, task, storage)


def _make(job: Job, task: Task, storage: Storage) -> Manifest:
    if job.entry.engine in LOCAL_ENGINES:
        job.watch.check()  # a server must be told to stop what it does: its engine checks
    engine = job.world.doors.engine(job.entry)
    folder = storage.open_attempt(job.place, task.attempt, job.world.ledger.id)
    order = BackupOrder(job.place, job.entry, job.plan)
    made = engine.backup(order, task.attempt, folder, job.watch)
    return storage.commit(Manifest(
        place=job.place, engine=job.entry.engine, engine_version=made.engine_version,
        tool_version=reconciler.__version__, slot=task.slot, started_at=task.started_at or _now(job),
        completed_at=job.world.ledger.noted_at(_now(job)), plan_revision=task.plan_revision,
        config_revision=job.world.desired.revision, retention_days=job.plan.retention_days,
        keep_last=job.plan.keep_last, snapshots=made.snapshots, skipped_objects=made.skipped_objects,
        external_catalogs=made.external_catalogs,
    ))  # fmt: skip


def _end(job: Job, task: Task, manifest: Manifest) -> None:
    ended = task._replace(
        state="succeeded", ended_at=manifest.completed_at, size_bytes=manifest.size_bytes, reason=None,
        objects=manifest.databases, skipped_objects=manifest.skipped_objects,
    )  # fmt: skip
    made = rebuild.set_of(manifest, job.entry.storage or "", task.warehouse)
    job.world.ledger.end_task(ended, _now(job), made, manifest.attempts)
    skipped = f"; left out: {', '.join(manifest.skipped_objects)}" if manifest.skipped_objects else ""
    job.world.report(Event("backup", task.id, "succeeded", f"{manifest.size_bytes:,} bytes{skipped}"))


def _give_up(job: Job, task: Task, error: ReconcilerError) -> None:
    state = "cancelled" if isinstance(error, Cancelled) else "failed"
    reason = f"{error}; the last try said: {task.reason}" if task.reason else str(error)
    _fail(job, task, state, reason)


def _tries_again(
    job: Job, task: Task, error: ReconcilerError | OSError, failures: int, *, begun: bool
) -> bool:
    """True after a pause, for what may pass; otherwise the task has ended."""
    if not may_pass(error):
        _fail_for_good(job, task, error, begun=begun)
        return False
    spoiled = isinstance(error, EngineFailed) and error.spoiled
    job.world.ledger.fail_attempt(task, str(error), _now(job) if spoiled else None)
    seconds = pause_before(failures)
    job.world.report(Event("backup", task.id, "will be tried again", f"in {seconds:.0f} s: {error}"))
    try:
        job.watch.pause_before_another_try(seconds)
    except (Cancelled, DeadlinePassed) as stop:
        _stop(job, task._replace(reason=str(error)), stop)
        return False
    return True


def _stop(job: Job, task: Task, stop: ReconcilerError) -> None:
    """Between two tries: what a server may still do is ended by one more of them, or the task is lost (D4)."""
    if job.entry.engine in LOCAL_ENGINES:
        return _give_up(job, task, stop)
    try:
        manifest = _attempt(job, task)
    except (Cancelled, DeadlinePassed) as error:
        return _give_up(job, task, error)
    except STEP_ERRORS as error:
        return _fail(job, task, "lost", f"{stop}; whether the warehouse still works on it is not known: {error}")
    return _end(job, task, manifest)


def _fail_for_good(job: Job, task: Task, error: ReconcilerError | OSError, *, begun: bool) -> None:
    """An engine has ended what this try began at a server; what an earlier one began it need not have come to."""
    if isinstance(error, JobLost):
        _fail(job, task, "lost", str(error))
    elif begun and job.entry.engine not in LOCAL_ENGINES:
        _fail(job, task, "lost", f"{error}; whether the warehouse still works on an earlier try is not known")
    else:
        _fail(job, task, "failed", str(error))


def _fail(job: Job, task: Task, state: str, reason: str) -> None:
    ended = task._replace(state=state, ended_at=_now(job), reason=reason)
    job.world.ledger.end_task(ended, _now(job), None, frozenset())
    job.world.report(Event("backup", task.id, state, reason))


def _now(job: Job) -> datetime:
    return job.world.clock.now()
