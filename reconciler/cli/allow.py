"""`reconcile allow`."""

import re
from typing import Any

import click

from reconciler.cli import options, writing

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@click.group()
def command() -> None:
    """Allow what a guard refused; the ledger keeps it. The refusal prints the command to use."""


@command.command()
@click.option("--config", "digest", required=True, help="The digest that the refusal printed: sha256:…")
@options.ledger
@options.status_file
@options.now
@click.pass_context
def removals(context: click.Context, /, digest: str, **given: Any) -> None:
    """Let this very configuration end plans or drop storages. Any other is still refused."""
    from reconciler.effects.ledger import allow  # noqa: PLC0415

    if DIGEST.fullmatch(digest) is None:
        raise click.BadParameter("a digest is sha256: and 64 hexadecimal digits", param_hint="--config")
    settings = options.settings(context, given, needs_plans=False)
    with writing.ledger(settings) as engine:
        allow(engine, "removals", digest, settings.now)
    click.echo(f"removals are allowed for configuration {digest}; the next pass takes it over")
