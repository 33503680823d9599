"""How each warehouse is, decided from what is recorded: the conditions that the status file shows."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, TypeVar

from reconciler.core import calendar, due
from reconciler.core.model import Desired, Warehouse
from reconciler.core.pause import Pause
from reconciler.core.record import PlanRevision, Recorded, RestoreTask, Task
from reconciler.core.retention import Verdict

TELLING = frozenset({"succeeded", "failed", "cancelled", "lost", "missed"})
BAD_RESTORES = frozenset({"failed", "unknown"})
Item = TypeVar("Item")


class Condition(NamedTuple):
    """One answer to one question; `status` is "True", "False" or "Unknown", `since` what it follows from."""

    type: str
    status: str
    reason: str
    message: str
    since: datetime | None


class ConfigurationState(NamedTuple):
    """Which configuration stands and, where a newer one does not, why not."""

    path: str
    digest: str
    revision: str | None
    state: str  # accepted, invalid or refused
    messages: tuple[str, ...] = ()


class WarehouseStatus(NamedTuple):
    """One warehouse, declared or only remembered by its sets."""

    name: str
    engine: str
    storage: str | None
    revision: PlanRevision | None
    plan_state: str  # none, active, disabled, completed or ended
    orphaned: bool
    conditions: tuple[Condition, ...]
    last_successful_backup: datetime | None
    next_run: datetime | None
    tasks: tuple[Task, ...]
    verdicts: tuple[Verdict, ...]


class Status(NamedTuple):
    written_at: datetime
    next_write_by: datetime | None
    configuration: ConfigurationState
    desired: Desired | None
    warehouses: tuple[WarehouseStatus, ...]
    restores: tuple[RestoreTask, ...]
    progress: dict[str, int]
    warnings: tuple[str, ...]
    pauses: tuple[Pause, ...] = ()


def status(
    configuration: ConfigurationState,
    recorded: Recorded,
    tasks: Iterable[Task],
    verdicts: Iterable[Verdict],
    now: datetime,
    *,
    progress: dict[str, int] | None = None,
    warnings: tuple[str, ...] = (),
    next_write_by: datetime | None = None,
    pauses: tuple[Pause, ...] = (),
) -> Status:
    """The whole report; `tasks` in order of their slots. The last task of a warehouse is shown however old."""
    desired = recorded.configuration
    declared = desired.warehouses if desired else {}
    own_tasks = {name: [task] for name, task in recorded.last_tasks.items()}
    own_tasks |= _grouped((task.warehouse, task) for task in tasks)
    own_verdicts = _grouped((item.backup_set.warehouse, item) for item in verdicts)
    names = sorted({*declared, *own_tasks, *own_verdicts, *recorded.plans})
    return Status(
        now, next_write_by, configuration, desired,
        tuple(
            _warehouse(name, declared.get(name), recorded.plans.get(name), tuple(own_tasks.get(name, ())),
                       tuple(own_verdicts.get(name, ())), now)
            for name in names
        ),
        tuple(recorded.restores.values()), progress or {}, warnings, pauses,
    )  # fmt: skip


def unhealthy(report: Status) -> tuple[str, ...]:
    """What somebody should look at; empty where all is well."""
    declared = report.desired.restores if report.desired else {}
    found = []
    if report.configuration.state != "accepted":
        found.append(f"configuration {report.configuration.state}: {'; '.join(report.configuration.messages)}")
    found += [f"{item.what} wait: {item.reason}: `{item.allowed_by}`" for item in report.pauses if item.allowed_by]
    found += [
        f"restore {task.id} needs approval: {task.reason}" for task in report.restores
        if task.state == "needs_approval"
    ]  # fmt: skip
    for warehouse in report.warehouses:
        found += [
            f"{warehouse.name}: {item.message}" for item in warehouse.conditions
            if (item.type, item.status) in (("Ready", "False"), ("Overdue", "True"))
        ]  # fmt: skip
    found += [
        f"restore {task.id} {task.state}: {task.reason}" for task in report.restores
        if task.state in BAD_RESTORES and task.id in declared
    ]  # fmt: skip
    return tuple(found)


def plan_state(revision: PlanRevision | None, tasks: Iterable[Task]) -> str:
    if revision is None or revision.plan is None:
        return "none"
    if not revision.in_force:
        return "ended"
    if not revision.plan.enabled:
        return "disabled"
    return "completed" if due.is_completed(revision.plan, tasks) else "active"


def _warehouse(
    name: str, entry: Warehouse | None, revision: PlanRevision | None, tasks: tuple[Task, ...],
    verdicts: tuple[Verdict, ...], now: datetime,
) -> WarehouseStatus:  # fmt: skip
    known = entry or (revision.entry if revision else None)
    state = plan_state(revision, tasks)
    schedule = revision.plan.schedule if revision and revision.plan and state == "active" else None
    return WarehouseStatus(
        name=name,
        engine=known.engine if known else verdicts[0].backup_set.engine if verdicts else "",
        storage=known.storage if known else None,
        revision=revision,
        plan_state=state,
        orphaned=bool(verdicts) and state in ("none", "ended"),
        conditions=(_ready(state, tasks), _suspended(state, revision), _overdue(verdicts)),
        last_successful_backup=_last_success(tasks, verdicts),
        next_run=calendar.next_slot(schedule, now) if schedule else None,
        tasks=tasks,
        verdicts=verdicts,
    )


def _last_success(tasks: tuple[Task, ...], verdicts: tuple[Verdict, ...]) -> datetime | None:
    """By the tasks and by the sets, since either may outlive the other."""
    ends = [task.ended_at for task in tasks if task.state == "succeeded" and task.ended_at]
    return max((*ends, *(item.backup_set.completed_at for item in verdicts)), default=None)


def _ready(state: str, tasks: tuple[Task, ...]) -> Condition:
    telling = [task for task in tasks if task.state in TELLING]
    if state == "none":
        return Condition("Ready", "True", "NoPlan", "no plan: a restore target only", None)
    if not telling:
        return Condition("Ready", "Unknown", "NoBackupYet", "no backup yet", None)
    last = telling[-1]
    if last.state == "succeeded":
        return Condition("Ready", "True", "BackupSucceeded", f"{last.id} succeeded", last.ended_at)
    message = f"{last.id} {last.state}: {last.reason}"
    return Condition("Ready", "False", f"Backup{last.state.capitalize()}", message, last.ended_at)


def _suspended(state: str, revision: PlanRevision | None) -> Condition:
    if state == "disabled" and revision is not None:
        return Condition("Suspended", "True", "Disabled", "`enabled: false`", revision.taken_over_at)
    return Condition("Suspended", "False", "Enabled", "backups start as planned", None)


def _overdue(verdicts: tuple[Verdict, ...]) -> Condition:
    late = [item for item in verdicts if item.removable]
    if not late:
        return Condition("Overdue", "False", "RetentionKept", "no backup set is past its time", None)
    locked = [item for item in late if item.backup_set.state == "retained_by_lock"]
    reason = "RetainedByLock" if locked else "RemovalPending"
    names = ", ".join(item.backup_set.id for item in late)
    return Condition("Overdue", "True", reason, f"past their time: {names}", min(v.expires_at for v in late))


def _grouped(pairs: Iterable[tuple[str, Item]]) -> dict[str, list[Item]]:
    groups: dict[str, list[Item]] = {}
    for name, item in pairs:
        groups.setdefault(name, []).append(item)
    return groups
