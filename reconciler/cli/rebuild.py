"""`reconcile rebuild`."""

from typing import Any

import click

from reconciler import once
from reconciler.cli import log, options
from reconciler.report import tables


@click.command()
@options.plans
@options.ledger
@options.status_file
@options.now
@click.option("--dry-run", is_flag=True, help="List what the storages hold, and change nothing.")
@click.pass_context
def command(context: click.Context, /, dry_run: bool, **given: Any) -> None:
    """Read every declared storage anew, and add what the ledger does not know: sets, tasks, used restore ids.

    An empty ledger does so by itself before it starts anything. This is for a ledger that came back from an older
    copy, and for seeing what is there. What is damaged or foreign is listed and left alone.
    """
    settings = options.settings(context, given)
    say = log.writer("text", settings.clock)
    if dry_run:
        found = once.inventory(settings.paths, settings.now)
    else:
        found = once.rebuild(settings.paths, settings.clock, say, simulated=settings.simulated)
    click.echo("\n".join(tables.adoptions(found, said=not dry_run)))
