"""What others leave word of for the writer, who reads it at the next pass: no lease is needed for it."""

from datetime import datetime

from sqlalchemy import Connection, Engine, select

from reconciler.core.record import OPEN
from reconciler.effects.ledger import lease_row, steps, tables
from reconciler.errors import Misuse


class NotInLedger(Misuse):
    pass


def allow(engine: Engine, what: str, subject: str, now: datetime) -> None:
    """Needs no lease: one row that the writer's next pass reads."""
    with engine.begin() as connection:
        lease_row.lock(connection)
        _allow(connection, what, subject, now)


def approve(engine: Engine, restore: str, now: datetime) -> str:
    """Lets a restore go that waits for approval, and says the state of it. Needs no lease. Raises NotInLedger."""
    with engine.begin() as connection:
        lease_row.lock(connection)
        state = connection.execute(select(tables.restores.c.state).where(tables.restores.c.id == restore)).scalar()
        if state is None:
            raise NotInLedger(f"{restore} is no restore that this ledger knows")
        if state == "needs_approval":
            _allow(connection, "restore", restore, now)
        return str(state)


def _allow(connection: Connection, what: str, subject: str, now: datetime) -> None:
    tables.save(connection, tables.allowances, [{"what": what, "subject": subject, "at": now}])
    steps.log(connection, now, f"allowed {what}", subject, None)


def wish_to_cancel(engine: Engine, subject: str, now: datetime) -> str:
    """Records the wish and says the state of what it is about. Needs no lease. Raises NotInLedger."""
    with engine.begin() as connection:
        lease_row.lock(connection)
        state = next(
            (
                found
                for table in (tables.tasks, tables.restores)
                if (found := connection.execute(select(table.c.state).where(table.c.id == subject)).scalar())
            ),
            None,
        )
        if state is None:
            raise NotInLedger(f"{subject} is neither a backup task nor a restore that this ledger knows")
        if state in OPEN or state in ("pending", "needs_approval"):
            tables.save(connection, tables.cancellations, [{"subject": subject, "at": now, "done": False}])
            steps.log(connection, now, "cancel asked", subject, None)
        return str(state)
