"""`reconcile status`."""

import json
from typing import Any

import click

from reconciler.cli import options
from reconciler.core import instants
from reconciler.errors import Misuse
from reconciler.report import tables

UNHEALTHY = 5


@click.command()
@options.status_file
@options.now
@click.option("--check", is_flag=True, help="End with 5 where something is not healthy.")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def command(context: click.Context, /, check: bool, output: str, **given: Any) -> None:
    """Show the status file. It is what the last pass wrote: nothing else is asked."""
    settings = options.settings(context, given, needs_plans=False)
    document = _read(settings)
    due = document["next_write_by"]
    if due is not None and instants.parse(due) < settings.now:
        document["attention"].append(f"this status should have been written again by {due}: is the daemon alive?")
        document["healthy"] = False
    click.echo(json.dumps(document, indent=2) if output == "json" else "\n".join(tables.status(document)))
    context.exit(UNHEALTHY if check and not document["healthy"] else 0)


def _read(settings: options.Settings) -> Any:
    path = settings.paths.status
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Misuse(f"no status file {path}; a pass writes it, and --status-file names another") from None
    except ValueError as error:
        raise Misuse(f"{path} is no status file: {error}") from None
