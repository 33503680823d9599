"""One writer at a time (T3), for a ledger on a server: a row ending by the database's clock, renewed by a thread.

The holder counts by its own monotonic clock, from before each renewal was sent, and takes the lease for lapsed a
good while before the database does. No clock of two machines is ever compared.
"""

import contextlib
import os
import socket
import threading
from types import TracebackType
from typing import NamedTuple, Self

from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import IntegrityError, NoResultFound, OperationalError, ProgrammingError

from reconciler.core.ledger_place import LedgerServer
from reconciler.core.ports import Clock
from reconciler.effects.ledger import lease_row, server, tables
from reconciler.effects.ledger.faults import readable
from reconciler.errors import LeaseHeld, LeaseLapsed, LedgerUnusable


class Term(NamedTuple):
    """Seconds: from a renewal to the end, between renewals, before the end when the holder stops, and to another
    try after a renewal that failed.
    """

    length: float = 15.0
    renewal: float = 3.0
    margin: float = 5.0
    retry: float = 0.5


class ServerLease:
    """Held from `__enter__` to `__exit__`; after the process's end, until its time is over.

    `__enter__` raises LeaseHeld where another holds it, LedgerAway or LedgerUnusable as the server answers.
    """

    def __init__(self, place: LedgerServer, clock: Clock, resolve: server.Resolve, term: Term = Term()) -> None:  # noqa: B008  frozen
        self._place, self._clock, self._term = place, clock, term
        self._engine = server.open_engine(place, resolve)
        self._number = 0
        self._sure_until = float("-inf")  # by the monotonic clock
        self._lost: str | None = None
        self._ending = threading.Event()
        self._renewing = threading.Thread(target=self._renew_until_ended, name="lease", daemon=True)

    def __enter__(self) -> Self:
        try:
            self._take()
        except BaseException:
            self._engine.dispose()
            raise
        self._renewing.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Given back where the server can be reached; otherwise it ends by itself."""
        self._ending.set()
        self._renewing.join()
        with contextlib.suppress(LedgerUnusable), readable(self._place), self._engine.begin() as connection:
            lease_row.give_back(connection, self._number)
        self._engine.dispose()

    def check(self) -> None:
        """Raises LeaseHeld where another has taken it, LeaseLapsed where it was not renewed in time."""
        if self._lost is not None:
            raise LeaseHeld(self._lost)
        if self._clock.monotonic() >= self._sure_until:
            raise LeaseLapsed(
                f"the lease of ledger {self._place} could not be renewed in time; nothing is started or written "
                f"until it is"
            )

    def number(self, connection: Connection) -> int:
        """Raises LeaseHeld where another has come meanwhile."""
        if lease_row.lock(connection) != self._number:
            raise LeaseHeld(self._taken_over())
        return self._number

    def _take(self) -> None:
        sent = self._clock.monotonic()
        with readable(self._place):
            self._look()
            with self._engine.begin() as connection:
                lease_row.lock(connection)
                self._refuse_if_held(connection)
                self._number = lease_row.take(connection, _holder(), self._term.length)
        self._sure_until = sent + self._term.length - self._term.margin

    def _look(self) -> None:
        """Without a lock, since those who stand by look again and again. Makes the row where there is none."""
        try:
            with self._engine.connect() as connection:
                self._refuse_if_held(connection)
        except (ProgrammingError, NoResultFound):
            _prepare(self._engine, self._place)

    def _refuse_if_held(self, connection: Connection) -> None:
        standing = lease_row.standing(connection)
        if standing.seconds > 0:
            raise LeaseHeld(self._held_by(standing))

    def _renew_until_ended(self) -> None:
        seconds = self._term.renewal
        while not self._ending.wait(seconds) and self._lost is None:
            try:
                self._renew()
                seconds = self._term.renewal
            except LedgerUnusable:  # it lapses by itself, and those who ask are told
                seconds = self._term.retry

    def _renew(self) -> None:
        sent = self._clock.monotonic()
        with readable(self._place), self._engine.begin() as connection:
            held = lease_row.renew(connection, self._number, self._term.length)
        if held:
            self._sure_until = sent + self._term.length - self._term.margin
        else:
            self._lost = self._taken_over()

    def _taken_over(self) -> str:
        return f"another reconciler has taken ledger {self._place} over; this one writes no more"

    def _held_by(self, standing: lease_row.Standing) -> str:
        return (
            f"another reconciler ({standing.holder}) writes this ledger ({self._place}); its lease ends in "
            f"{standing.seconds:.0f} s unless it is renewed; try again when it has ended"
        )


def _holder() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"[:255]


def _prepare(engine: Engine, place: LedgerServer) -> None:
    """The row, in a database that is empty or has a ledger already. Raises LedgerUnusable in any other."""
    with engine.begin() as connection:
        server.check_release(connection, place)
        names = set(inspect(connection).get_table_names())
        if lease_row.lease.name not in names and names & set(tables.metadata.tables):
            raise LedgerUnusable(f"database {place} holds something else; give the ledger a database of its own")
    with contextlib.suppress(IntegrityError, OperationalError, ProgrammingError), engine.begin() as connection:
        lease_row.create(connection)
        return
    with engine.begin() as connection:  # somebody else made it at the same moment
        lease_row.create(connection)
