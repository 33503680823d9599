"""The status file: what the vendor's console shows and more, for people and programs (schemas/status.schema.json).

Instants are UTC, sizes bytes, durations seconds. Readers ignore keys that they do not know: a minor step of
`format_version` adds some.
"""

from datetime import datetime
from typing import Any

import reconciler
from reconciler.core import instants
from reconciler.core.model import WEEKDAYS, LocalStorage, OneTime, Periodic, Plan
from reconciler.core.record import RestoreTask, Task
from reconciler.core.retention import Verdict
from reconciler.core.status import Status, WarehouseStatus, unhealthy
from reconciler.report import words

FORMAT = "1.0"


def document(status: Status) -> dict[str, Any]:
    desired = status.desired
    attention = unhealthy(status)
    return {
        "format_version": FORMAT,
        "tool_version": reconciler.__version__,
        "written_at": instants.text(status.written_at),
        "next_write_by": _at(status.next_write_by),
        "installation": desired.installation if desired else None,
        "configuration": {
            "path": status.configuration.path,
            "digest": status.configuration.digest,
            "revision": status.configuration.revision,
            "state": status.configuration.state,
            "messages": list(status.configuration.messages),
            "digest_in_force": desired.digest if desired else None,
            "revision_in_force": desired.revision if desired else None,
        },
        "healthy": not attention,
        "attention": list(attention),
        "warnings": list(status.warnings),
        "pauses": [item._asdict() for item in status.pauses],
        "summary": _summary(status),
        "storages": _storages(status),
        "warehouses": [_warehouse(item, status) for item in status.warehouses],
        "restore_tasks": [_restore(item, status) for item in status.restores],
    }


def _summary(status: Status) -> dict[str, int]:
    ready = [item.conditions[0].status for item in status.warehouses if item.plan_state != "none"]
    return {
        "plans": sum(item.plan_state not in ("none", "ended") for item in status.warehouses),
        "ready": ready.count("True"),
        "not_ready": ready.count("False"),
        "backup_sets": sum(len(item.verdicts) for item in status.warehouses),
        "size_bytes": sum(_total(item) for item in status.warehouses),
        "running_backups": sum(task.state == "running" for item in status.warehouses for task in item.tasks),
        "open_restores": sum(task.ended_at is None for task in status.restores),
    }


def _storages(status: Status) -> list[dict[str, Any]]:
    declared = status.desired.storages if status.desired else {}
    sets = [verdict.backup_set for item in status.warehouses for verdict in item.verdicts]
    return [
        {
            "name": name,
            "kind": None if name not in declared else
            "local" if isinstance(declared[name], LocalStorage) else "s3",
            "backup_sets": sum(item.storage == name for item in sets),
            "size_bytes": sum(item.size_bytes for item in sets if item.storage == name),
        }
        for name in sorted({*declared, *(item.storage for item in sets)})
    ]  # fmt: skip


def _warehouse(item: WarehouseStatus, status: Status) -> dict[str, Any]:
    plan = item.revision.plan if item.revision else None
    return {
        "name": item.name,
        "engine": item.engine,
        "storage": item.storage,
        "orphaned": item.orphaned,
        "conditions": [{**entry._asdict(), "since": _at(entry.since)} for entry in item.conditions],
        "last_successful_backup": _at(item.last_successful_backup),
        "next_run": None if item.next_run is None else {
            "utc": instants.text(item.next_run), "local": words.local(item.next_run, plan) if plan else None,
        },
        "total_storage_bytes": _total(item),
        "plan": _plan(item),
        "backup_tasks": [_task(task, item, status) for task in reversed(item.tasks)],
    }  # fmt: skip


def _plan(item: WarehouseStatus) -> dict[str, Any] | None:
    if item.revision is None or item.revision.plan is None:
        return None
    plan = item.revision.plan
    return {
        "state": item.plan_state,
        "revision": item.revision.revision,
        "taken_over_at": instants.text(item.revision.taken_over_at),
        "git_revision": item.revision.git_revision,
        **_schedule(plan),
        "objects": {name: list(patterns) for name, patterns in plan.objects._asdict().items()},
        "retention_days": plan.retention_days,
        "keep_last": plan.keep_last,
        "backup_cluster": plan.backup_cluster,
        "catch_up_seconds": plan.catch_up,
        "timeout_seconds": plan.timeout,
    }


def _schedule(plan: Plan) -> dict[str, Any]:
    match plan.schedule:
        case OneTime(start_time):
            return {"periodic": None, "one_time": {"start_time": instants.text(start_time)}}
        case Periodic(enabled, days, start, zone):
            return {
                "periodic": {"enabled": enabled, "backup_every": [WEEKDAYS[day] for day in days],
                             "start_time": start, "time_zone": zone},
                "one_time": None,
            }  # fmt: skip


def _task(task: Task, item: WarehouseStatus, status: Status) -> dict[str, Any]:
    verdict = next((found for found in item.verdicts if found.backup_set.id == task.id), None)
    return {
        "id": task.id,
        "state": task.state,
        "progress_percent": _percent(task.state, status.progress.get(task.id)),
        "slot": instants.text(task.slot),
        "started_at": _at(task.started_at),
        "ended_at": _at(task.ended_at),
        "attempts": task.attempt,
        "plan_revision": task.plan_revision,
        "size_bytes": task.size_bytes,
        "objects": list(task.objects),
        "skipped_objects": list(task.skipped_objects),
        "error": None if task.state == "succeeded" else task.reason,
        "backup_set": _set(verdict) if verdict else None,
    }


def _set(verdict: Verdict) -> dict[str, Any]:
    held = verdict.backup_set
    return {
        "state": held.state,
        "storage": held.storage,
        "retention_days": (verdict.expires_at - held.completed_at).days,
        "expires_at": instants.text(verdict.expires_at),
        "kept_by": verdict.kept_by,
    }


def _restore(task: RestoreTask, status: Status) -> dict[str, Any]:
    entry = task.entry
    return {
        "id": task.id,
        "state": task.state,
        "progress_percent": _percent(task.state, status.progress.get(task.id)),
        "backup_set": task.backup_set,
        "from_warehouse": task.source_warehouse or getattr(entry.source, "warehouse", None),
        "from_storage": task.storage or getattr(entry.source, "storage", None),
        "to_warehouse": entry.warehouse,
        "to_cluster": entry.cluster,
        "databases": None if entry.databases is None else dict(entry.databases),
        "replaces": list(entry.replace or ()),
        "seen_at": instants.text(task.seen_at),
        "claimed_at": _at(task.claimed_at),
        "started_at": _at(task.started_at),
        "ended_at": _at(task.ended_at),
        "size_bytes": task.size_bytes,
        "message": task.reason,
    }


def _percent(state: str, running: int | None) -> int | None:
    return 100 if state == "succeeded" else running if state == "running" else None


def _total(item: WarehouseStatus) -> int:
    return sum(verdict.backup_set.size_bytes for verdict in item.verdicts)


def _at(instant: datetime | None) -> str | None:
    return None if instant is None else instants.text(instant)
