"""`reconcile apply`."""

import signal
import threading
from types import FrameType
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
    interrupted = _on_interrupt()

    def tick(running: dict[str, int]) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        progress.show(running)

    outcome = once.apply(settings.paths, settings.clock, progress.say, tick, simulated=settings.simulated)
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


def _on_interrupt() -> threading.Event:
    """Set by the first Ctrl-C, which is seen within half a second; a second one interrupts whatever is going on.

    Python's own KeyboardInterrupt would be lost where it strikes inside a callback of a library.
    """
    interrupted = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  the handler's form
        interrupted.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, note)
    return interrupted


def _code(outcome: once.Outcome) -> int:
    if outcome.loaded.desired is None:
        return INVALID
    if outcome.refusals:
        return REFUSED
    return FAILED if outcome.failures else 0
