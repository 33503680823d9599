"""The one place that reads the clock: the real one, or one that began at `--now`."""

import time
from datetime import UTC, datetime, timedelta

BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # Linux's own counts time spent suspended as well


class SystemClock:
    """The Clock port."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(BOOT)

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)


class ShiftedClock(SystemClock):
    """Runs on from an instant that was given."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._began = time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._began)
