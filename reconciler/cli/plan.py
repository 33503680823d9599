"""`reconcile plan`, which is `reconcile --dry-run`."""

import gc
import json
from typing import Any

import click

from reconciler import once
from reconciler.cli import options
from reconciler.cli.options import Settings
from reconciler.core.ports import Finding
from reconciler.errors import ConfigInvalid
from reconciler.report import plan_json, plan_text
from reconciler.report.words import safe

FAULTY, CHANGES, REFUSED = 1, 2, 4


@click.command()
@options.plans
@options.ledger
@options.status_file
@options.now
@options.review
@click.pass_context
def command(
    context: click.Context, /, output: str, detailed_exitcode: bool, connect: bool, **given: Any
) -> None:
    """Show what a pass would do, and change nothing.

    Compares with the ledger where there is one, else with nothing. Without --connect it opens no connection but
    to a ledger on a server, and needs no other secret.
    """
    show(options.settings(context, given), output, detailed=detailed_exitcode, connect=connect)


def show(settings: Settings, output: str, *, detailed: bool, connect: bool) -> None:
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
        click.echo(safe(warning), err=True)
    found = _findings(review) if connect else ()
    if output == "json":
        base = "ledger" if review.compared else "nothing"
        document = plan_json.document(review.decision, review.refusals, review.desired, now, base=base)
        if connect:
            document["findings"] = [item._asdict() for item in found]
        click.echo(json.dumps(document, indent=2))
    else:
        base = f"the ledger {settings.paths.ledger}" if review.compared else "nothing: there is no ledger"
        lines = plan_text.render(review.decision, review.refusals, now, compared_with=base,
                                 plans=len(review.desired.planned))  # fmt: skip
        click.echo("\n".join((*plan_text.findings(found), *lines)))
    click.get_current_context().exit(_code(review, found, detailed=detailed))


def _findings(review: once.Review) -> tuple[Finding, ...]:
    from reconciler.preflight import preflight  # noqa: PLC0415  it opens the doors

    return preflight(review.desired, review.decision)


def _code(review: once.Review, found: tuple[Finding, ...], *, detailed: bool) -> int:
    if review.refusals:
        return REFUSED
    if review.decision.faults or any(item.level == "error" for item in found):
        return FAULTY
    return CHANGES if detailed and not review.decision.is_idle else 0
