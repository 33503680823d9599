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
    if DIGEST.fullmatch(digest) is None:
        raise click.BadParameter("a digest is sha256: and 64 hexadecimal digits", param_hint="--config")
    _allow(context, given, "removals", digest)
    click.echo(f"removals are allowed for configuration {digest}; the next pass takes it over")


@command.command()
@options.ledger
@options.status_file
@options.now
@click.pass_context
def ledger(context: click.Context, /, **given: Any) -> None:
    """Let this ledger take the place of the one that the storages name.

    Only when that one is lost: two ledgers at work would remove each other's backup sets.
    """
    _allow(context, given, "ledger", "storages")
    click.echo("this ledger is allowed in the place of the one that the storages name; after a rebuild removals "
               "still wait for a day, and restores for `reconcile allow restore ID`")  # fmt: skip


@command.command()
@options.ledger
@options.status_file
@options.now
@click.pass_context
def clock(context: click.Context, /, **given: Any) -> None:
    """Let removals go on with the clock as it is, although it jumped or differs from a storage's."""
    _allow(context, given, "clock", "now")
    click.echo("the clock is allowed as it is until it agrees again; removals go on")


@command.command()
@click.argument("id")
@options.ledger
@options.status_file
@options.now
@click.pass_context
def restore(context: click.Context, /, id: str, **given: Any) -> None:  # noqa: A002  the word of the design
    """Let the restore ID run, which waits as needs_approval since the ledger was rebuilt."""
    from reconciler.effects.ledger import approve  # noqa: PLC0415

    settings = options.settings(context, given, needs_plans=False)
    with writing.ledger(settings) as engine:
        state = approve(engine, id, settings.now)
    if state == "needs_approval":
        click.echo(f"restore {id} is approved; the next pass starts it, or says what else it waits for")
    else:
        click.echo(f"restore {id} is {state}; it does not wait for approval")


def _allow(context: click.Context, given: dict[str, Any], what: str, subject: str) -> None:
    from reconciler.effects.ledger import allow  # noqa: PLC0415

    settings = options.settings(context, given, needs_plans=False)
    with writing.ledger(settings) as engine:
        allow(engine, what, subject, settings.now)
