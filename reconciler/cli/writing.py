"""A ledger for the commands that leave a word for the writer: they need no lease."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from reconciler.errors import Misuse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from reconciler.cli.options import Settings


@contextlib.contextmanager
def ledger(settings: Settings) -> Iterator[Engine]:
    """The ledger that exists. Raises Misuse where there is none."""
    from reconciler.effects.ledger import open_to_write  # noqa: PLC0415

    path = settings.paths.ledger
    if not path.exists():
        raise Misuse(f"no ledger {path}; a pass makes it, and --ledger names another")
    engine = open_to_write(path, simulated=settings.simulated)
    try:
        yield engine
    finally:
        engine.dispose()
