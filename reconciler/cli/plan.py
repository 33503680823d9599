"""`reconcile plan`, which is `reconcile --dry-run`."""

import gc
import json
from typing import Any

import click

from reconciler import once
from reconciler.cli import options
from reconciler.cli.options import Settings
from reconciler.errors import ConfigInvalid
from reconciler.report import plan_json, plan_text

FAULTY, CHANGES, REFUSED = 1, 2, 4


@click.command()
@options.plans
@options.ledger
@options.status_file
@options.now
@options.review
@click.pass_context
def command(context: click.Context, /, output: str, detailed_exitcode: bool, **given: Any) -> None:
    """Show what a pass would do, and change nothing.

    Compares with the ledger where there is one, else with nothing. Opens no connection and needs no secret.
    """
    show(options.settings(context, given), output, detailed=detailed_exitcode)


def show(settings: Settings, output: str, *, detailed: bool) -> None:
    """Prints the plan and ends the command with its code."""
    gc.disable()  # the process ends before a collection could free anything
    now = settings.now
    try:
        review = once.review(settings.paths, now)
    except ConfigInvalid as error:
        if output == "json":
            click.echo(json.dumps(plan_json.problems(error.problems), indent=2))
        raise
    for warning in review.warnings:
        click.echo(warning, err=True)
    if output == "json":
        base = "ledger" if review.compared else "nothing"
        document = plan_json.document(review.decision, review.refusals, review.desired, now, base=base)
        click.echo(json.dumps(document, indent=2))
    else:
        base = f"the ledger {settings.paths.ledger}" if review.compared else "nothing: there is no ledger"
        lines = plan_text.render(review.decision, review.refusals, now, compared_with=base,
                                 plans=len(review.desired.planned))  # fmt: skip
        click.echo("\n".join(lines))
    click.get_current_context().exit(_code(review, detailed=detailed))


def _code(review: once.Review, *, detailed: bool) -> int:
    if review.refusals:
        return REFUSED
    if review.decision.faults:
        return FAULTY
    return CHANGES if detailed and not review.decision.is_idle else 0
