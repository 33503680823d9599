"""What others have left word of, as the writer hears it: things allowed, and ids to stop."""

from datetime import datetime

from sqlalchemy import Engine, delete, func, select

from reconciler.core.ledger_place import LedgerPlace
from reconciler.effects.ledger import reading, steps, tables
from reconciler.effects.ledger.faults import readable
from reconciler.effects.ledger.lease import Held
from reconciler.effects.ledger.listening import Listening
from reconciler.effects.ledger.transactions import Transactions


class Hearing(Transactions):
    """Asked every second, so it costs next to nothing while nobody has left word."""

    def __init__(self, engine: Engine, place: LedgerPlace, lease: Held) -> None:
        super().__init__(engine, place, lease)
        self._listening = Listening(engine)
        self._heard: tuple[frozenset[str], int] = (frozenset(), 0)

    def close(self) -> None:
        self._listening.close()
        super().close()

    def is_allowed(self, what: str, since: datetime | None = None) -> bool:
        """Whether somebody allowed it, later than `since`."""
        with self._reading() as connection:
            return steps.allowed(connection, what, since)

    def use_allowance(self, what: str, now: datetime) -> None:
        """It has served; the next time needs another."""
        with self._writing() as connection:
            if steps.allowed(connection, what, None):
                connection.execute(delete(tables.allowances).where(tables.allowances.c.what == what))
                steps.log(connection, now, f"allowance of {what} used", what, None)

    def words(self) -> tuple[frozenset[str], int]:
        """What others have left word of: the ids to stop, and how many things are allowed.

        Of a file, asked anew only after some connection has written.
        """
        with self._lock, readable(self._place):
            news = self._listening.has_news()
        if news:
            self._heard = (self.wishes(), self._allowances())
        return self._heard

    def _allowances(self) -> int:
        with self._reading() as connection:
            return int(connection.execute(select(func.count()).select_from(tables.allowances)).scalar_one())

    def wishes(self) -> frozenset[str]:
        """Ids that somebody wants stopped."""
        with self._reading() as connection:
            return frozenset(connection.execute(reading.CANCELLATIONS).scalars())
