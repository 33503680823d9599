"""The ledger: the recorded state, in SQLite, PostgreSQL or MySQL by way of SQLAlchemy, one transaction a change.

Every change of the world is recorded here before it is begun and again after it (T1). Writes carry the
fencing number of the lease, so that a writer that lost it can change nothing any more (T3).
"""

from pathlib import Path

from reconciler.core.ledger_place import LedgerPlace
from reconciler.core.ports import Clock
from reconciler.effects.ledger.lease import Lease
from reconciler.effects.ledger.ledger import Ledger
from reconciler.effects.ledger.opening import (
    nothing_to_resolve,
    open_beside,
    open_to_read,
    open_to_write,
)
from reconciler.effects.ledger.server import Resolve
from reconciler.effects.ledger.server_lease import ServerLease
from reconciler.effects.ledger.words import NotInLedger, allow, approve, wish_to_cancel

__all__ = [
    "Lease",
    "Ledger",
    "NotInLedger",
    "ServerLease",
    "allow",
    "approve",
    "lease_on",
    "open_beside",
    "open_to_read",
    "open_to_write",
    "wish_to_cancel",
]  # fmt: skip


def lease_on(place: LedgerPlace, clock: Clock, resolve: Resolve = nothing_to_resolve) -> Lease | ServerLease:
    """The kind of lease that the place has: the system's lock for a file, a row with an end on a server."""
    return Lease(place) if isinstance(place, Path) else ServerLease(place, clock, resolve)
