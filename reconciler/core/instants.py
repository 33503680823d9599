"""Instants and durations as the texts people write and read: RFC 3339 in UTC, `30m`, `7d`."""

from datetime import UTC, datetime

UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def text(instant: datetime) -> str:
    """`2026-11-01T01:30:00Z`; fractions of a second are dropped."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def compact(instant: datetime) -> str:
    """`20261101T013000Z`, the form inside a task's id."""
    return text(instant).replace("-", "").replace(":", "")


def parse(written: str) -> datetime:
    """An instant with an offset, in UTC, without its fraction: an id and the ledger have whole seconds.

    RFC 3339 lets `t` and `z` be small. Raises ValueError for a text without an offset.
    """
    instant = datetime.fromisoformat(written.upper())
    if instant.tzinfo is None:
        raise ValueError(f"{written} has no offset")
    return instant.astimezone(UTC).replace(microsecond=0)


def parse_moment(written: str) -> datetime:
    """An instant, or a date, which ends at 24:00 UTC."""
    if len(written) == len("2026-11-01"):
        day = datetime.fromisoformat(written).replace(tzinfo=UTC)
        return datetime.fromtimestamp(day.timestamp() + UNITS["d"], UTC)
    return parse(written)


def seconds(written: str) -> int:
    """`90s`, `30m`, `12h` or `7d` in seconds."""
    return int(written[:-1]) * UNITS[written[-1]]


def duration(amount: int) -> str:
    """The largest unit that divides the seconds: 43200 is `12h`."""
    unit = next(name for name in "dhms" if amount % UNITS[name] == 0)
    return f"{amount // UNITS[unit]}{unit}"
