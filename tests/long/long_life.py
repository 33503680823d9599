"""One long life of one daemon: daily plans for many days, and what it holds of memory, files and threads.

The daemon's own beat on a clock that steps from hour to hour, with real databases, exports, sets and removals.
`python tests/long/long_life.py DAYS` prints what a day more costs (`make long-life`).
"""

import gc
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

sys.path.extend(str(Path(__file__).parents[1] / room) for room in ("", "long", "servers", "processes"))
from sites import Site, asked

from reconciler import doors
from reconciler.daemon import Beat, Rhythm
from reconciler.once import Pass

KEPT = 3  # days of retention
YEAR = 365
WARM = 3  # days after which memory is looked at: until then libraries are still being loaded


class Held(NamedTuple):
    """What this process holds; `resident` in bytes."""

    resident: int
    files: int
    threads: int


class Figures(NamedTuple):
    days: int
    succeeded: int
    sets: int
    ledger: int  # bytes
    held: tuple[Held, ...]  # at the end of each day

    @property
    def a_day(self) -> float:
        """Bytes of resident memory that a day adds: the slope by least squares once all is warm."""
        warm = [(day, held.resident) for day, held in enumerate(self.held) if day >= WARM]
        middle = sum(day for day, _ in warm) / len(warm)
        return sum((day - middle) * size for day, size in warm) / sum((day - middle) ** 2 for day, _ in warm)

    def __str__(self) -> str:
        first, last = self.held[min(WARM, len(self.held) - 1)], self.held[-1]
        return (
            f"{self.days} days: {self.succeeded} backups succeeded, {self.sets} sets kept, ledger "
            f"{self.ledger / 1024:.0f} KiB; resident {first.resident / 2**20:.1f} MiB on day {WARM} and "
            f"{last.resident / 2**20:.1f} MiB at the end, {self.a_day / 1024:+.1f} KiB a day "
            f"({self.a_day * YEAR / 2**20:+.1f} MiB a year); open files {first.files} and {last.files}, threads "
            f"{first.threads} and {last.threads}"
        )


def live(folder: Path, days: int) -> Figures:
    """A beat each hour; what it starts has ended before the next."""
    site = Site(folder)
    site.plan["retention_days"] = KEPT
    site.write()
    site.database(rows=100)
    held = []
    with doors.ledger_to_write(site.paths.ledger, site.clock, simulated=True) as ledger:
        passing = Pass(site.paths, site.clock, ledger, lambda _: None)
        beat = Beat(passing, Rhythm())
        for _ in range(days):
            for _ in range(24):
                _beat(beat, passing)
                site.clock.time += timedelta(hours=1)
            held.append(_held())
        states = Counter(task.state for task in ledger.recent_tasks(site.clock.time - timedelta(days=days + 1)))
    return Figures(days, states["succeeded"], len(site.set_folders), site.paths.ledger.stat().st_size, tuple(held))


def _beat(beat: Beat, passing: Pass) -> None:
    """Until a beat finds that nothing runs any more."""
    beat.once(reload=False)
    while passing.runner.wait(0.5):
        pass
    beat.once(reload=False)
    while passing.runner.wait(0.5):
        pass


def _held() -> Held:
    """By proc(5), once what is no longer used was given back."""
    gc.collect()
    with open("/proc/self/statm") as pages:
        resident = int(pages.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return Held(resident, len(os.listdir("/proc/self/fd")), threading.active_count())


def main() -> None:
    (days,) = asked(sys.argv[1:], 30)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="long-life-") as folder:
        figures = live(Path(folder), days)
    print(f"{figures}; {time.monotonic() - began:.0f} s")
    sys.exit(0 if figures.succeeded == days else f"{days - figures.succeeded} days are without a backup")


if __name__ == "__main__":
    main()
