"""`reconcile backups`."""

from datetime import datetime
from typing import Any

import click

from reconciler.cli import listing
from reconciler.core.record import TASK_STATES, BackupSet, Task
from reconciler.errors import Misuse
from reconciler.report import tables
from reconciler.report.words import moment, size


@click.command()
@click.argument("id", required=False)
@listing.filters(TASK_STATES)
@click.pass_context
def command(
    context: click.Context, /, id: str | None, warehouse: str | None, states: tuple[str, ...],  # noqa: A002
    since: datetime | None, until: datetime | None, **given: Any,
) -> None:  # fmt: skip
    """List backup tasks from the ledger, newest first; with ID, show one with its attempts and history.

    --since and --until look at the slot.
    """
    from reconciler.effects.ledger import reading  # noqa: PLC0415

    with listing.ledger(context, given) as connection:
        sets = {item.id: item for item in reading.all_sets(connection)}
        tasks = reading.all_tasks(connection)
        if id is not None:
            task = next((task for task in tasks if task.id == id), None)
            if task is None:
                raise Misuse(f"no backup task {id} in this ledger")
            _show(task, sets.get(id), reading.attempts(connection, id), reading.logged(connection, id))
            return
    shown = [
        task for task in reversed(tasks)
        if warehouse in (None, task.warehouse) and (not states or task.state in states)
        and listing.within(task.slot, since, until)
    ]  # fmt: skip
    click.echo("\n".join(tables.backups(shown, sets)))


def _show(task: Task, made: BackupSet | None, attempts: Any, logged: Any) -> None:
    fields = [
        ("task", task.id), ("warehouse", task.warehouse), ("state", task.state), ("slot", moment(task.slot)),
        ("started", moment(task.started_at)), ("ended", moment(task.ended_at)),
        ("plan revision", task.plan_revision), ("size", size(task.size_bytes)),
        ("objects", ", ".join(task.objects)), ("left out", ", ".join(task.skipped_objects)),
        ("message", task.reason),
    ]  # fmt: skip
    if made is not None:
        fields += [("set", made.state), ("storage", made.storage), ("retention days", made.retention_days)]
    fields += [
        (f"attempt {item.attempt}", tables.with_reason(f"{item.state}, begun {moment(item.begun_at)}", item.reason))
        for item in attempts
    ]
    click.echo("\n".join(tables.details([*fields, *tables.history(logged)])))
