"""A ledger for the commands that leave a word for the writer: they need no lease."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from reconciler import doors
from reconciler.errors import Misuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from reconciler.cli.options import Settings


@contextlib.contextmanager
def ledger(settings: Settings) -> Iterator[Engine]:
    """The ledger that exists. Raises Misuse where there is none."""
    place = settings.paths.ledger
    with doors.ledger_for_a_word(place, simulated=settings.simulated) as engine:
        if engine is None:
            raise Misuse(f"no ledger {place}; a pass makes it, and --ledger names another")
        yield engine
