"""Status documents and ledger records as tables for a terminal, and the details of one task."""

from collections.abc import Iterable, Iterator
from typing import Any

from reconciler.core.rebuild import Adoption
from reconciler.core.record import BackupSet, RestoreTask, Task
from reconciler.report.words import moment, safe, size

Row = tuple[str, ...]


def table(head: Row, rows: Iterable[Row]) -> Iterator[str]:
    """Columns two spaces apart, as wide as their widest cell; the last one is as long as it is."""
    cells = [head, *(tuple(safe(cell) for cell in row) for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(head))]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def status(document: dict[str, Any]) -> Iterator[str]:
    """The status file at a glance."""
    configuration = document["configuration"]
    yield f"installation {document['installation'] or '-'}, written {document['written_at']}"
    yield f"configuration {configuration['path']} {configuration['state']}"
    yield from (f"  {safe(message)}" for message in configuration["messages"])
    yield ""
    yield from table(
        ("WAREHOUSE", "PLAN", "READY", "LAST SUCCESSFUL", "NEXT RUN", "SETS", "STORAGE USED"),
        map(_warehouse, document["warehouses"]),
    )
    running = [task for item in document["warehouses"] for task in item["backup_tasks"]
               if task["state"] in ("waiting", "running")]  # fmt: skip
    running += [task for task in document["restore_tasks"] if task["ended_at"] is None]
    if running:
        yield ""
        yield from table(("TASK", "STATE", "PROGRESS"),
                         ((task["id"], task["state"], _percent(task)) for task in running))  # fmt: skip
    if document["attention"]:
        yield ""
        yield "needs attention:"
        yield from (f"  {safe(item)}" for item in document["attention"])


def adoptions(found: Iterable[Adoption], *, said: bool) -> Iterator[str]:
    """What each storage held; `said` where it has come into the ledger, and only what was new to it is shown."""
    for item in found:
        yield f"storage {item.storage}: {'came into the ledger' if said else 'holds'}"
        yield from table(("  SET", "WAREHOUSE", "COMPLETED", "SIZE"),
                         ((f"  {made.id}", made.warehouse, moment(made.completed_at), size(made.size_bytes))
                          for made in item.sets))  # fmt: skip
        yield from (f"  restore id {task.id} is used: {task.state}" for task in item.restores)
        yield from (f"  leftover: attempt {row.attempt} of {row.task_id}, removed after {moment(row.removable_at)}"
                    for row in item.attempts if row.state == "leftover")  # fmt: skip
        yield from (f"  left alone: {safe(stray.key)}: {safe(stray.reason)}" for stray in item.strays)


def _warehouse(item: dict[str, Any]) -> Row:
    sets = sum(task["backup_set"] is not None for task in item["backup_tasks"])
    following = item["next_run"]
    return (
        item["name"],
        "orphaned" if item["orphaned"] else item["plan"]["state"] if item["plan"] else "none",
        item["conditions"][0]["reason"],
        item["last_successful_backup"] or "-",
        "-" if following is None else following["local"] or following["utc"],
        str(sets),
        size(item["total_storage_bytes"]),
    )


def _percent(task: dict[str, Any]) -> str:
    return "-" if task["progress_percent"] is None else f"{task['progress_percent']} %"


def backups(tasks: Iterable[Task], sets: dict[str, BackupSet]) -> Iterator[str]:
    """The console's list of backup tasks."""
    return table(
        ("TASK", "WAREHOUSE", "STATE", "SIZE", "STARTED", "ENDED", "SET", "MESSAGE"),
        (
            (task.id, task.warehouse, task.state, size(task.size_bytes), moment(task.started_at),
             moment(task.ended_at), sets[task.id].state if task.id in sets else "-", task.reason or "")
            for task in tasks
        ),
    )  # fmt: skip


def restores(tasks: Iterable[RestoreTask]) -> Iterator[str]:
    """The console's list of restore tasks."""
    return table(
        ("RESTORE", "STATE", "BACKUP SET", "TO", "SIZE", "STARTED", "ENDED", "MESSAGE"),
        (
            (task.id, task.state, task.backup_set or "-", task.entry.warehouse, size(task.size_bytes),
             moment(task.started_at), moment(task.ended_at), task.reason or "")
            for task in tasks
        ),
    )  # fmt: skip


def details(fields: Iterable[tuple[str, object]]) -> Iterator[str]:
    """One thing, a line a field; fields with nothing in them are left out."""
    shown = [(name, safe(value)) for name, value in fields if value not in (None, "", "-", ())]
    width = max((len(name) for name, _ in shown), default=0)
    return (f"{name.ljust(width)}  {value}" for name, value in shown)


def history(logged: Iterable[Any]) -> Iterator[tuple[str, object]]:
    """Fields for what the ledger noted, by time."""
    return ((moment(item.at), with_reason(item.kind, item.detail)) for item in logged)


def with_reason(text: str, reason: str | None) -> str:
    return f"{text}: {reason}" if reason else text
