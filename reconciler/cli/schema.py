"""`reconcile schema`."""

import click

from reconciler.config import schema


@click.command()
@click.argument("name", type=click.Choice(["plans", "status"]), default="plans")
def command(name: str) -> None:
    """Print the JSON Schema (draft-07) of the plans, or of the status file."""
    click.echo(schema.text(name), nl=False)
