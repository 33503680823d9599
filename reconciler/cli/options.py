"""Options that several commands share, and what they come to."""

from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import click

from reconciler.cli.clock import ShiftedClock, SystemClock
from reconciler.core import instants, ledger_place
from reconciler.core.ledger_place import LedgerPlace, LedgerServer
from reconciler.errors import Misuse
from reconciler.once import Paths

PATH = click.Path(path_type=Path)


class InstantType(click.ParamType[datetime]):
    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return instants.parse_moment(value) if len(value) == len("2026-01-01") else instants.parse(value)
        except ValueError:
            self.fail(f"{value!r} is no instant with an offset, such as 2026-11-23T01:30:00Z", param, ctx)


class LedgerType(click.ParamType[LedgerPlace]):
    name = "path or url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> LedgerPlace:
        if isinstance(value, Path | LedgerServer):
            return value
        try:
            return ledger_place.parse(value)
        except Misuse as error:
            self.fail(str(error), param, ctx)


INSTANT = InstantType()


class Settings(NamedTuple):
    """What a command works with. `simulated`: the time was given with --now."""

    paths: Paths
    clock: SystemClock
    simulated: bool

    @property
    def now(self) -> datetime:
        return self.clock.now().replace(microsecond=0)


plans = click.option(
    "-f", "--file", type=PATH, envvar="RECONCILE_FILE", show_envvar=True, help="The plans: a file or a folder."
)
ledger = click.option(
    "--ledger", type=LedgerType(), envvar="RECONCILE_LEDGER", show_envvar=True,
    help="The recorded state: a file, postgresql://… or mysql://…. Default: ledger.sqlite beside the status file.",
)  # fmt: skip
status_file = click.option(
    "--status-file", type=PATH, envvar="RECONCILE_STATUS_FILE", show_envvar=True,
    help="Default: status.json in the current folder.",
)  # fmt: skip
now = click.option(
    "--now", type=INSTANT, help="Pretend it is this instant, to try things out; with a ledger of its own."
)


def review(command: Any) -> Any:
    command = click.option(
        "--connect", is_flag=True,
        help="Ask the warehouses as well, read-only: reachable, rights to snapshots, what plans match and miss.",
    )(command)  # fmt: skip
    command = click.option(
        "--detailed-exitcode", is_flag=True, help="End with 2 where there are changes or actions."
    )(command)
    return click.option(
        "--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True,
        help="The form of the plan.",
    )(command)  # fmt: skip


def settings(context: click.Context, given: dict[str, Any], *, needs_plans: bool = True) -> Settings:
    """The command's own options, else those given before the command, else the defaults."""
    before = context.find_root().obj or {}

    def chosen(name: str) -> Any:
        own = given.get(name)
        return before.get(name) if own is None else own

    if needs_plans and chosen("file") is None:
        raise click.UsageError("name the plans with -f FILE, or in RECONCILE_FILE")
    status = chosen("status_file") or Path("status.json")
    paths = Paths(chosen("file") or Path("plans.yaml"), chosen("ledger") or status.parent / "ledger.sqlite", status)
    pretended = chosen("now")
    if pretended is None:
        return Settings(paths, SystemClock(), simulated=False)
    click.echo(f"--now: pretending that it is {instants.text(pretended)}", err=True)
    return Settings(paths, ShiftedClock(pretended), simulated=True)
