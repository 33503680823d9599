"""The plan of a pass for people: what changes, what follows from it, and a last line with the counts."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from reconciler.core import calendar, diff
from reconciler.core.guard import Refusal
from reconciler.core.model import Plan, Warehouse
from reconciler.core.plan import Decision
from reconciler.core.ports import Finding
from reconciler.report.words import both, count, moment, objects, safe, schedule, size


def render(
    decision: Decision, refusals: tuple[Refusal, ...], now: datetime, *, compared_with: str, plans: int
) -> Iterator[str]:
    """Lines in a stable order. `compared_with` names the ledger; `plans` is how many the YAML declares."""
    for refusal in refusals:
        yield f"refused: {safe(refusal.message)}"
        yield f"  to allow it: {refusal.allowed_by}" if refusal.allowed_by else "  this cannot be allowed"
    for fault in decision.faults:
        yield f"error: {safe(fault.message)}"
    for warning in decision.warnings:
        yield f"warning: {safe(warning)}"
    for change in decision.changes:
        yield from _change(change, decision, now)
    for name in decision.actions.looks:
        yield f"> storage {name}  is looked into first: what it holds of this installation comes into the ledger"
    yield from _tasks(decision)
    yield from _restores(decision)
    yield from _removals(decision)
    yield _last_line(decision, compared_with, plans)


def findings(found: Iterable[Finding]) -> Iterator[str]:
    """What the warehouses answered."""
    for item in found:
        yield f"{'' if item.level == 'note' else f'{item.level}: '}{safe(item.subject)}: {safe(item.message)}"


def _change(change: diff.Change, decision: Decision, now: datetime) -> Iterator[str]:
    match change:
        case diff.Create(entry, sets):
            yield f"+ {entry.name}  {_summary(entry, now)}"
            if sets:
                yield f"    known before: its {count(sets, 'backup set')} count again"
        case diff.Update(entry, previous, fields):
            yield f"~ {entry.name}  overwrites revision {previous.revision}"
            for field in fields:
                path = ".".join(field.path)
                yield f"    {path}: {_value(field.before)} -> {_value(field.after)}"
            yield from _consequences(entry, previous.plan, decision, now)
        case diff.End(previous, sets):
            yield f"- {previous.warehouse}  its plan ends"
            if sets:
                yield f"    its {count(sets, 'backup set')} stay as orphaned and expire as before"


def _summary(entry: Warehouse, now: datetime) -> str:
    plan = entry.plan
    if plan is None:
        return f"{entry.engine}, no plan: a restore target only"
    after = calendar.next_slot(plan.schedule, now)
    text = f"{schedule(plan)}; {safe(objects(plan))}; kept {count(plan.retention_days, 'day')}"
    return f"{text}; next run {both(after, plan)}"


def _consequences(entry: Warehouse, before: Plan | None, decision: Decision, now: datetime) -> Iterator[str]:
    if entry.plan is None:
        yield "    its plan ends; its backup sets stay as orphaned and expire as before"
        return
    if before is None or before.schedule != entry.plan.schedule:
        yield f"    next run {both(calendar.next_slot(entry.plan.schedule, now), entry.plan)}"
    shifted = [item for item in decision.shifts if item.backup_set.warehouse == entry.name]
    if shifted:
        first = min(shifted, key=lambda item: item.after)
        yield (f"    {count(len(shifted), 'backup set')} would expire sooner, the first at {moment(first.after)} "
               f"instead of {moment(first.before)}")  # fmt: skip
    going = [item for item in decision.sooner if item.backup_set.warehouse == entry.name]
    if going:
        total = size(sum(item.backup_set.size_bytes for item in going))
        yield f"    24 h from now {count(len(going), 'backup set')} ({total}) would go:"
        for item in going:
            yield f"      {item.backup_set.id}  {size(item.backup_set.size_bytes)}"


def _tasks(decision: Decision) -> Iterator[str]:
    for start in decision.actions.backups:
        word = "goes on" if start.task.state == "running" else "starts"
        yield f"> backup {start.task.id}  {word}; slot {moment(start.task.slot)}"
    for task in sorted(decision.rows.tasks, key=lambda task: task.id):
        if not task.is_open:
            yield f"  backup {task.id}  {task.state}: {safe(task.reason)}"


def _restores(decision: Decision) -> Iterator[str]:
    starting = {start.task.id for start in decision.actions.restores}
    for start in decision.actions.restores:
        task, chosen = start.task, start.backup_set
        word = "goes on" if task.state == "running" else "starts"
        names = "all databases" if task.entry.databases is None else ", ".join(
            f"{source} as {target}" for source, target in task.entry.databases
        )  # fmt: skip
        replaced = f", REPLACING {', '.join(task.entry.replace)}" if task.entry.replace else ""
        yield (f"> restore {task.id}  {word}: {safe(names)} of {chosen.id} ({size(chosen.size_bytes)}) into "
               f"{task.entry.warehouse}{safe(replaced)}")  # fmt: skip
    for task in decision.after.restores.values():
        if task.id not in starting and task.state in ("pending", "needs_approval"):
            yield f"  restore {task.id}  waits: {safe(task.reason or task.state)}"
    for task in decision.rows.restores:
        if task.ended_at is not None:
            yield f"  restore {task.id}  {task.state}: {safe(task.reason)}"


def _removals(decision: Decision) -> Iterator[str]:
    expiry = {item.backup_set.id: item.expires_at for item in decision.verdicts}
    for item in decision.actions.removals:
        yield f"x backup set {item.id}  removed: {size(item.size_bytes)}, expired {moment(expiry[item.id])}"
    for item in decision.actions.spared:
        yield f"  backup set {item.id}  kept if it is still whole: its removal has begun, and it is protected now"


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_value(item)}' for name, item in value.items() if item is not None)}}}"
    if isinstance(value, datetime):
        return moment(value)
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else safe(value)


def _last_line(decision: Decision, compared_with: str, plans: int) -> str:
    kinds = {"create": diff.Create, "update": diff.Update, "end": diff.End}
    counts = [(name, sum(isinstance(item, kind) for item in decision.changes)) for name, kind in kinds.items()]
    counts += [
        ("backup", len(decision.actions.backups)),
        ("restore", len(decision.actions.restores)),
        ("removal", len(decision.actions.removals)),
    ]
    told = ", ".join(count(number, name) for name, number in counts if number)
    against = f"{count(plans, 'plan')}, compared with {compared_with}"
    return f"{told} ({against})" if told else f"No changes ({against})"
