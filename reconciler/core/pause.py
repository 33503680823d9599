"""When removals and restores wait although they are due: another ledger, a clock that cannot be trusted (T5, S5).

Asked just before the act, with what the storage says then: a pause must never rest on an old look.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from reconciler.core import instants

TOLERANCE = timedelta(minutes=1)  # clocks that differ by less agree (S5)
AFTER_REBUILD = timedelta(days=1)  # edits that the lost ledger knew of have taken their day by then (S2)


class Pause(NamedTuple):
    """`what` waits: removals, or restores. `allowed_by` is the command that ends it; None where time does."""

    what: str
    reason: str
    allowed_by: str | None


class Mark(NamedTuple):
    """The one ledger of an installation, as a storage names it."""

    ledger: str
    marked_at: datetime


class Clocks(NamedTuple):
    """What is known of the time at one moment. `now` is wall time; `drift` is how far it moved beyond what the
    monotonic clock counted since it was last trusted; `last_seen` is the newest instant in the ledger; `storage` is
    the storage's own time, where it has one.
    """

    now: datetime
    drift: timedelta
    last_seen: datetime | None
    storage: datetime | None


def clock_pause(clocks: Clocks) -> Pause | None:
    """A storage's own clock proves ours right or wrong; without one, a jump stays one until somebody allows it."""
    if clocks.storage is not None:
        off = clocks.now - clocks.storage
        return _paused(f"this machine's clock is {_apart(off)} of the storage's") if abs(off) > TOLERANCE else None
    if abs(clocks.drift) > TOLERANCE:
        return _paused(f"the clock jumped by {_seconds(clocks.drift)} s beyond what passed")
    return behind(clocks.last_seen, clocks.now)


def behind(last_seen: datetime | None, now: datetime) -> Pause | None:
    """A clock that shows less than what the ledger has seen is wrong, or was."""
    if last_seen is None or now + TOLERANCE >= last_seen:
        return None
    return _paused(f"it is {instants.text(now)}, but the ledger has seen {instants.text(last_seen)}")


def ledger_pause(what: str, storage: str, mark: Mark | None, own: str) -> Pause | None:
    """A storage that was looked into has a mark; one without is not the one that it was."""
    if mark is None:
        reason = f"storage {storage} has lost the mark of its ledger: is it the right one, and mounted?"
        return Pause(what, reason, "reconcile allow ledger")
    if mark.ledger == own:
        return None
    return Pause(
        what,
        f"storage {storage} names another ledger ({mark.ledger}, since {instants.text(mark.marked_at)}) as this "
        f"installation's; if that one is no more, allow this one ({own}) in its place",
        "reconcile allow ledger",
    )


def rebuild_pause(rebuilt_at: datetime | None, now: datetime) -> Pause | None:
    """Edits and holds that only the lost ledger knew of would have counted for a day (S2)."""
    if rebuilt_at is None or rebuilt_at + AFTER_REBUILD <= now:
        return None
    until = instants.text(rebuilt_at + AFTER_REBUILD)
    return Pause("removals", f"the ledger was rebuilt from storage; nothing is removed before {until}", None)


def _paused(reason: str) -> Pause:
    return Pause("removals", f"{reason}; set the clock right, or allow it as it is", "reconcile allow clock")


def _apart(off: timedelta) -> str:
    return f"{_seconds(abs(off))} s {'ahead' if off > timedelta(0) else 'behind'}"


def _seconds(amount: timedelta) -> str:
    return f"{amount.total_seconds():,.0f}"
