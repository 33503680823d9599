"""A process that holds a ledger's lease and does what it is told, a line at a time: `write NAME`, `begin`, `end`."""

import sys
import traceback
from datetime import UTC, datetime, timedelta

from reconciler.cli.clock import SystemClock
from reconciler.config import secrets
from reconciler.core import ledger_place
from reconciler.core.plan import Rows
from reconciler.core.record import Task
from reconciler.effects.ledger import Ledger, ServerLease, open_to_write, server
from reconciler.effects.ledger.server_lease import Term
from reconciler.errors import LeaseHeld, LedgerUnusable

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
SHORT = Term(length=4.0, renewal=0.25, margin=1.5)


class WithoutACalendar(SystemClock):
    """Nobody may ask it for the time of day, and its seconds began long ago."""

    def now(self) -> datetime:
        raise AssertionError("a lease asks no machine for the time")

    def monotonic(self) -> float:
        return super().monotonic() + 1e8


def main() -> None:
    server.IDLE = 2
    place = ledger_place.parse(sys.argv[1])
    with ServerLease(place, WithoutACalendar(), secrets.resolve, SHORT) as lease:
        ledger = Ledger(open_to_write(place, simulated=False, resolve=secrets.resolve), place, lease)
        say("held")
        for number, line in enumerate(sys.stdin):
            verb, _, name = line.strip().partition(" ")
            try:
                with ledger._writing() as connection:
                    if verb == "begin":
                        say("begun")
                        sys.stdin.readline()
                    task = Task(name or "begun", "shop", NOW + timedelta(hours=number), "waiting", 1, created_at=NOW)
                    ledger._record(connection, Rows(tasks=(task,)), NOW)
                say("written")
            except (LeaseHeld, LedgerUnusable) as error:
                say(type(error).__name__)
        ledger.close()


def say(word: str) -> None:
    print(word, flush=True)


if __name__ == "__main__":
    try:
        main()
    except LeaseHeld as error:
        say(f"LeaseHeld {error}")
    except Exception:  # noqa: BLE001  shown where a test fails
        traceback.print_exc()
