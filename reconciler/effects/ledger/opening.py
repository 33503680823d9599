"""Opening a ledger: to write, with its schema brought up to date; to leave a word for the writer; or to read."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect

from reconciler.core.ledger_place import LedgerPlace, LedgerServer
from reconciler.core.model import SecretReference
from reconciler.effects.ledger import lease_row, schema, server, sqlite, tables
from reconciler.effects.ledger.faults import readable
from reconciler.effects.ledger.server import Resolve
from reconciler.errors import SecretUnresolved


def nothing_to_resolve(reference: SecretReference) -> str:
    """For a ledger in a file."""
    raise SecretUnresolved(f"nothing reads {reference.kind} {reference.name} here")


def open_to_write(place: LedgerPlace, *, simulated: bool, resolve: Resolve = nothing_to_resolve) -> Engine:
    """Creates or migrates the ledger, under its lease. `simulated`: made for, and only used with, `--now`."""
    engine = sqlite.open_engine(place) if isinstance(place, Path) else server.open_engine(place, resolve)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_disposed(engine))
        with readable(place), engine.begin() as connection:
            if isinstance(place, LedgerServer):
                lease_row.lock(connection)
            schema.bring_up_to_date(connection, place, simulated=simulated)
        stack.pop_all()
    return engine


@contextlib.contextmanager
def open_beside(
    place: LedgerPlace, *, simulated: bool, resolve: Resolve = nothing_to_resolve
) -> Iterator[Engine | None]:
    """For a word to the writer, which needs no lease; None where there is no ledger. Changes no table."""
    if isinstance(place, Path) and not place.exists():
        yield None
        return
    engine = sqlite.open_engine(place) if isinstance(place, Path) else server.open_engine(place, resolve)
    with _disposed(engine), readable(place):
        with engine.begin() as connection:
            found = _holds_a_ledger(connection, place)
            if found:
                schema.check_current(connection, place, simulated=simulated)
        yield engine if found else None


@contextlib.contextmanager
def open_to_read(place: LedgerPlace, resolve: Resolve = nothing_to_resolve) -> Iterator[Connection | None]:
    """A view of the ledger that changes nothing, of a file also in a folder that may be read-only; None where there
    is no ledger.
    """
    if isinstance(place, Path) and not place.exists():
        yield None
        return
    with contextlib.ExitStack() as stack:
        stack.enter_context(readable(place))
        if isinstance(place, Path):
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="reconcile-"))
            engine = sqlite.open_to_read(place, Path(scratch))
        else:
            engine = server.open_engine(place, resolve)
        stack.enter_context(_disposed(engine))
        connection = stack.enter_context(engine.connect())
        server.begin_snapshot(connection)
        found = _holds_a_ledger(connection, place)
        if found:
            schema.check_ledger(connection, place)
        yield connection if found else None


def _holds_a_ledger(connection: Connection, place: LedgerPlace) -> bool:
    """A file that is there is meant to be one; a database without its tables is one that no pass has met yet."""
    return isinstance(place, Path) or inspect(connection).has_table(tables.meta.name)


@contextlib.contextmanager
def _disposed(engine: Engine) -> Iterator[None]:
    try:
        yield
    finally:
        engine.dispose()
