"""The plan of a pass for programs. A minor step of `format_version` adds fields; a major one may break."""

from datetime import datetime
from typing import Any

import reconciler
from reconciler.core import diff, instants
from reconciler.core.guard import Refusal
from reconciler.core.model import Desired
from reconciler.core.plan import Decision
from reconciler.core.record import BackupSet
from reconciler.errors import Problem

FORMAT = "1.0"


def document(
    decision: Decision, refusals: tuple[Refusal, ...], desired: Desired, now: datetime, *, base: str
) -> dict[str, Any]:
    """`base` is `ledger` or `nothing`: what the configuration was compared with."""
    actions = decision.actions
    return {
        "format_version": FORMAT,
        "tool_version": reconciler.__version__,
        "generated_at": instants.text(now),
        "configuration": {"digest": desired.digest, "revision": desired.revision, "base": base},
        "changes": [_change(item) for item in decision.changes],
        "looks": list(actions.looks),
        "backups": [
            {"task": item.task.id, "warehouse": item.task.warehouse, "slot": instants.text(item.task.slot),
             "state": item.task.state} for item in actions.backups
        ],
        "settled": [
            {"task": task.id, "state": task.state, "reason": task.reason}
            for task in decision.rows.tasks if not task.is_open
        ],
        "restores": [
            {"restore": item.task.id, "backup_set": item.backup_set.id, "warehouse": item.task.entry.warehouse,
             "replaces": list(item.task.entry.replace or ())} for item in actions.restores
        ],
        "removals": [_set(item) for item in actions.removals],
        "spared": [_set(item) for item in actions.spared],
        "removable_sooner": [_set(item.backup_set) for item in decision.sooner],
        "refusals": [refusal._asdict() for refusal in refusals],
        "faults": [fault._asdict() for fault in decision.faults],
        "warnings": list(decision.warnings),
    }  # fmt: skip


def problems(found: tuple[Problem, ...]) -> dict[str, Any]:
    """What a configuration that cannot be used gives instead of a plan."""
    return {
        "format_version": FORMAT,
        "tool_version": reconciler.__version__,
        "problems": [problem._asdict() for problem in found],
    }


def _change(change: diff.Change) -> dict[str, Any]:
    match change:
        case diff.Create(entry, sets):
            return {"action": "create", "warehouse": entry.name, "sets": sets, "fields": []}
        case diff.Update(entry, previous, fields):
            return {
                "action": "update", "warehouse": entry.name, "overwrites": previous.revision,
                "fields": [
                    {"path": list(item.path), "before": _plain(item.before), "after": _plain(item.after)}
                    for item in fields
                ],
            }  # fmt: skip
        case diff.End(previous, sets):
            return {"action": "end", "warehouse": previous.warehouse, "sets": sets, "fields": []}


def _set(item: BackupSet) -> dict[str, Any]:
    return {"backup_set": item.id, "warehouse": item.warehouse, "size_bytes": item.size_bytes}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return instants.text(value)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
