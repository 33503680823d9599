"""What every verb of the ledger stands in: one transaction under the held lease, safe from any thread."""

import contextlib
import threading
from collections.abc import Iterator

from sqlalchemy import Connection, Engine

from reconciler.core.ledger_place import LedgerPlace
from reconciler.effects.ledger import lease_row, steps
from reconciler.effects.ledger.faults import readable
from reconciler.effects.ledger.lease import Held
from reconciler.effects.ledger.server import begin_snapshot
from reconciler.errors import LeaseHeld


class Transactions:
    """Made under a held lease, whose fencing number it writes under.

    Raises LedgerAway where its server may answer again, and LedgerUnusable where it will not, from every verb.
    """

    def __init__(self, engine: Engine, place: LedgerPlace, lease: Held) -> None:
        self._engine = engine
        self._place = place
        self._lease = lease
        self._lock = threading.Lock()
        with readable(place), self._engine.begin() as connection:
            self._fence = lease.number(connection)
            self.id = steps.meta_of(connection, "ledger_id")
            self.is_simulated = steps.meta_of(connection, "simulated") == "1"

    def close(self) -> None:
        self._engine.dispose()

    def check_lease(self) -> None:
        """Asked just before each change of a storage. Raises LeaseHeld, or LeaseLapsed for what may pass."""
        self._lease.check()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._lock, readable(self._place), self._engine.connect() as connection:
            begin_snapshot(connection)
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        """The row of the lease stays locked to the end, so that nobody takes it over before that."""
        with self._lock, readable(self._place), self._engine.begin() as connection:
            self._lease.check()
            if lease_row.lock(connection) != self._fence:
                raise LeaseHeld("another reconciler has taken this ledger over; this one writes no more")
            yield connection
