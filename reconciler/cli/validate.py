"""`reconcile validate`."""

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options
from reconciler.config.load import load
from reconciler.report.words import count

INVALID = 3


@click.command()
@click.argument("files", nargs=-1, type=options.PATH)
@options.plans
@click.pass_context
def command(context: click.Context, /, files: tuple[Path, ...], **given: Any) -> None:
    """Check FILES, each a file or a folder of plans on its own; without any, the one of -f.

    Offline: no ledger, no secret, no connection, no clock.
    """
    failed = False
    for path in files or (options.settings(context, given).paths.plans,):
        loaded = load(path)
        for problem in loaded.problems:
            click.echo(str(problem))
        failed = failed or loaded.desired is None
        if loaded.desired is not None:
            click.echo(f"{path}: valid, {count(len(loaded.desired.planned), 'plan')}, {loaded.digest}")
    context.exit(INVALID if failed else 0)
