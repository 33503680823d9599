"""`reconcile apply`."""

import signal
from types import FrameType
from typing import Any

import click

from reconciler import once
from reconciler.cli import options
from reconciler.cli.progress import Progress
from reconciler.report.words import safe

FAILED, INVALID, REFUSED, TERMINATED = 1, 3, 4, 143


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
    stops = _stops()

    def tick(running: dict[str, int]) -> None:
        if stops:
            raise KeyboardInterrupt
        progress.show(running)

    try:
        outcome = once.apply(settings.paths, settings.clock, progress.say, tick, simulated=settings.simulated)
    except KeyboardInterrupt:
        if signal.SIGTERM not in stops:
            raise
        click.echo("terminated; what was begun is recorded, and the next pass goes on with it", err=True)
        context.exit(TERMINATED)
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


def _stops() -> list[int]:
    """Gets the first Ctrl-C or SIGTERM, which is seen within half a second; a second one stops what is going on.

    Python's own KeyboardInterrupt would be lost where it strikes inside a callback of a library. SIGTERM without a
    handler would have no effect on process 1, which a container's command is.
    """
    stops: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  the handler's form
        stops.append(number)
        signal.signal(number, signal.default_int_handler)

    signal.signal(signal.SIGINT, note)
    signal.signal(signal.SIGTERM, note)
    return stops


def _code(outcome: once.Outcome) -> int:
    if outcome.loaded.desired is None:
        return INVALID
    if outcome.refusals:
        return REFUSED
    return FAILED if outcome.failures else 0
