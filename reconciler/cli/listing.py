"""What the two lists of tasks share: their filters, and the ledger that they read."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler import doors
from reconciler.cli import options
from reconciler.errors import Misuse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy import Connection


Command = TypeVar("Command", bound=Callable[..., Any])


def filters(states: tuple[str, ...]) -> Callable[[Command], Command]:
    """The options of a list, for the states that its tasks have."""

    def add(command: Command) -> Command:
        for option in (
            click.option("--until", type=options.INSTANT, help="Only those before this instant."),
            click.option("--since", type=options.INSTANT, help="Only those at or after this instant."),
            click.option("--state", "states", type=click.Choice(states), multiple=True, help="Only this state."),
            click.option("--warehouse", help="Only those of this warehouse."),
            options.status_file,
            options.ledger,
        ):
            command = option(command)
        return command

    return add


def within(instant: datetime | None, since: datetime | None, until: datetime | None) -> bool:
    if instant is None:
        return since is None and until is None
    return (since is None or instant >= since) and (until is None or instant < until)


@contextlib.contextmanager
def ledger(context: click.Context, given: dict[str, Any]) -> Iterator[Connection]:
    """The ledger, read only. Raises Misuse where there is none."""
    place = options.settings(context, given, needs_plans=False).paths.ledger
    with doors.ledger_for_reading(place) as connection:
        if connection is None:
            raise Misuse(f"no ledger {place}; a pass makes it, and --ledger names another")
        yield connection
