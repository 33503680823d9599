"""The server's time. It moves when told to, with each look at a job, or with real time at a speed."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .errors import Refused

HANDLER = 3.0  # seconds between two looks of the job handler at a database's last job


class Clock:
    """`source` is another clock's `now` to follow, such as that of the test's own clock."""

    def __init__(self, now: datetime | None = None, per_look: float = HANDLER, speed: float = 0.0,
                 source: Callable[[], datetime] | None = None) -> None:  # fmt: skip
        self.per_look, self.speed, self._ahead, self._since = per_look, speed, timedelta(), time.monotonic()
        start = now or datetime.now(UTC).replace(microsecond=0)
        self._source = source or (lambda: start)

    @property
    def now(self) -> datetime:
        passed = timedelta(seconds=(time.monotonic() - self._since) * self.speed)
        return self._source() + self._ahead + passed

    def advance(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)

    def looked(self) -> None:
        """Somebody asked for a job's state: then time goes on, so that a client that polls sees every state."""
        self.advance(self.per_look)


def zone(name: str) -> timezone | ZoneInfo:
    """`+08:00`, `UTC`, `Asia/Shanghai`."""
    if name[:1] in {"+", "-"} and name[1:].replace(":", "").isdigit():
        hours, minutes = (int(part) for part in name[1:].split(":"))
        offset = timedelta(hours=hours, minutes=minutes)
        return timezone(-offset if name[0] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise Refused(f"Unknown or incorrect time zone: '{name}'", 1298) from None


def shown(moment: datetime | None, name: str) -> str:
    """A time as SHOW gives it: text in a zone, or \\N (two characters) when there is none."""
    return moment.astimezone(zone(name)).strftime("%Y-%m-%d %H:%M:%S") if moment else "\\N"
