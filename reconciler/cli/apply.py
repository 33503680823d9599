"""`reconcile apply`."""

from typing import Any

import click

from reconciler import once
from reconciler.cli import options
from reconciler.cli.progress import Progress
from reconciler.report.words import safe

FAILED, INVALID, REFUSED = 1, 3, 4


@click.command()
@options.plans
@options.ledger
@options.status_file
@options.now
@click.pass_context
def command(context: click.Context, /, **given: Any) -> None:
    """One pass: take over changes, run what is due, restore, remove what expired; wait for all of it.

    A configuration that is invalid or refused changes nothing: what was in force stays so and due backups run.
    """
    settings = options.settings(context, given)
    progress = Progress()
    outcome = once.apply(settings.paths, settings.clock, progress.say, progress.show, simulated=settings.simulated)
    progress.end()
    if outcome.idle:
        click.echo("nothing was due and nothing has changed", err=True)
    for problem in outcome.loaded.problems:
        click.echo(str(problem), err=True)
    for refusal in outcome.refusals:
        allowed = f"to allow it: {refusal.allowed_by}" if refusal.allowed_by else "this cannot be allowed"
        click.echo(f"refused: {safe(refusal.message)}; what was in force stays so; {allowed}", err=True)
    for failure in outcome.failures:
        click.echo(f"error: {safe(failure)}", err=True)
    context.exit(_code(outcome))


def _code(outcome: once.Outcome) -> int:
    if outcome.loaded.desired is None:
        return INVALID
    if outcome.refusals:
        return REFUSED
    return FAILED if outcome.failures else 0
