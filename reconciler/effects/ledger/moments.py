"""The verbs of recorded time: the newest instant seen, and what happens once the clock is trusted again (S5)."""

from datetime import datetime

from reconciler.core import instants
from reconciler.effects.ledger import steps
from reconciler.effects.ledger.transactions import Transactions


class Moments(Transactions):
    """What the ledger has seen of the clock."""

    def moments(self) -> tuple[datetime | None, datetime | None]:
        """The newest instant that was recorded, and when the ledger was last rebuilt."""
        with self._reading() as connection:
            return steps.moment(connection, "seen_at"), steps.moment(connection, "rebuilt_at")

    def noted_at(self, now: datetime) -> datetime:
        """`now`, or the newest instant that was recorded where the clock went back behind it."""
        with self._reading() as connection:
            return steps.noted_at(connection, now)

    def trust_clock(self, now: datetime) -> None:
        """From here on `now` is the newest instant: the clock was proven right, or allowed.

        What a clock that was ahead has passed over counts again (S5).
        """
        with self._writing() as connection:
            if steps.noted_at(connection, now) > now:
                given_back = steps.give_back_slots(connection, now)
                steps.log(connection, now, "clock was ahead", "slots", f"{given_back} count again")
            steps.set_meta(connection, "seen_at", instants.text(now))
