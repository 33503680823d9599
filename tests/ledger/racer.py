"""A process that claims slots as fast as it gets the lease, and never believes that it has lost it: only the ledger's
own check of the fencing number stands between it and another's claims. Prints each claim that was granted.
"""

import contextlib
import os
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from reconciler.cli.clock import SystemClock
from reconciler.config import secrets
from reconciler.core import ledger_place
from reconciler.effects.ledger import Lease, Ledger, ServerLease, open_to_write, tables
from reconciler.effects.ledger.server_lease import Term
from reconciler.errors import LeaseHeld, LedgerAway

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
OVERLAPPING = Term(length=1.0, renewal=60.0, margin=-3600.0)
BATCH = 60


def main(place: ledger_place.LedgerPlace) -> None:
    clock, left = SystemClock(), True
    while left:
        with contextlib.suppress(LeaseHeld, LedgerAway):
            left = claim_some(place, clock)
        threading.Event().wait(0.2)  # the others' turn


def claim_some(place, clock) -> bool:
    """Whether there was any left."""
    lease = Lease(place) if isinstance(place, Path) else ServerLease(place, clock, secrets.resolve, OVERLAPPING)
    with lease:
        ledger = Ledger(open_to_write(place, simulated=False, resolve=secrets.resolve), place, lease)
        try:
            waiting = select(tables.tasks.c.id).where(tables.tasks.c.state == "waiting")
            with ledger._reading() as connection:
                ids = connection.execute(waiting.order_by(func.random() if isinstance(place, Path) else
                                                          tables.tasks.c.id).limit(BATCH)).scalars().all()  # fmt: skip
            for task_id in ids:
                task = ledger.begin_task(task_id, "shop", "disk", NOW, go_on=False)
                print(os.getpid(), task_id, task.attempt, flush=True)
        finally:
            ledger.close()
    return bool(ids)


if __name__ == "__main__":
    main(ledger_place.parse(sys.argv[1]))
