"""`reconcile cancel`."""

from typing import Any

import click

from reconciler.cli import options, writing


@click.command()
@click.argument("id")
@options.ledger
@options.status_file
@options.now
@click.pass_context
def command(context: click.Context, /, id: str, **given: Any) -> None:  # noqa: A002  the word of the design
    """Stop the backup task or restore ID.

    The running reconciler sees it within a second; with none alive, the next pass does. What has ended stays
    as it is.
    """
    from reconciler.effects.ledger import wish_to_cancel  # noqa: PLC0415

    settings = options.settings(context, given, needs_plans=False)
    with writing.ledger(settings) as engine:
        state = wish_to_cancel(engine, id, settings.now)
    if state in ("waiting", "running", "pending", "needs_approval"):
        click.echo(f"{id} is {state} and will be cancelled by the running reconciler, or by the next pass")
    else:
        click.echo(f"{id} has ended as {state}; nothing is left to cancel")
