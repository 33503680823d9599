"""The ledger: the recorded state, in SQLite by way of SQLAlchemy, one transaction a change.

Every change of the world is recorded here before it is begun and again after it (T1). Writes carry the
fencing number of the lease, so that a writer that lost it can change nothing any more (T3).
"""

from reconciler.effects.ledger.lease import Lease
from reconciler.effects.ledger.ledger import Ledger, NotInLedger, allow, wish_to_cancel
from reconciler.effects.ledger.opening import ledger_exists, open_to_read, open_to_write

__all__ = [
    "Lease",
    "Ledger",
    "NotInLedger",
    "allow",
    "ledger_exists",
    "open_to_read",
    "open_to_write",
    "wish_to_cancel",
]  # fmt: skip
