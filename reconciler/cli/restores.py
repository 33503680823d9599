"""`reconcile restores`."""

from datetime import datetime
from typing import Any

import click

from reconciler.cli import listing
from reconciler.core.record import RESTORE_STATES, RestoreTask
from reconciler.errors import Misuse
from reconciler.report import tables
from reconciler.report.words import moment, size


@click.command()
@click.argument("id", required=False)
@listing.filters(RESTORE_STATES)
@click.pass_context
def command(
    context: click.Context, /, id: str | None, warehouse: str | None, states: tuple[str, ...],  # noqa: A002
    since: datetime | None, until: datetime | None, **given: Any,
) -> None:  # fmt: skip
    """List restore tasks from the ledger, newest first; with ID, show one with its history.

    --warehouse means source or target; --since and --until look at when the request was first seen.
    """
    from reconciler.effects.ledger import reading  # noqa: PLC0415

    with listing.ledger(context, given) as connection:
        tasks = reading.all_restores(connection)
        if id is not None:
            task = next((task for task in tasks if task.id == id), None)
            if task is None:
                raise Misuse(f"no restore {id} in this ledger")
            _show(task, reading.logged(connection, id))
            return
    shown = [
        task for task in reversed(tasks)
        if warehouse in (None, task.entry.warehouse, task.source_warehouse)
        and (not states or task.state in states) and listing.within(task.seen_at, since, until)
    ]  # fmt: skip
    click.echo("\n".join(tables.restores(shown)))


def _show(task: RestoreTask, logged: Any) -> None:
    entry = task.entry
    names = entry.databases and ", ".join(f"{source} as {target}" for source, target in entry.databases)
    fields = [
        ("restore", task.id), ("state", task.state), ("backup set", task.backup_set),
        ("from warehouse", task.source_warehouse), ("storage", task.storage), ("to warehouse", entry.warehouse),
        ("to cluster", entry.cluster), ("databases", names or "all"),
        ("may replace", ", ".join(entry.replace or ())), ("seen", moment(task.seen_at)),
        ("claimed", moment(task.claimed_at)), ("started", moment(task.started_at)),
        ("ended", moment(task.ended_at)), ("size", size(task.size_bytes)), ("message", task.reason),
    ]  # fmt: skip
    click.echo("\n".join(tables.details([*fields, *tables.history(logged)])))
