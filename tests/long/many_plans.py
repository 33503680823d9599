"""A whole fleet that is due at one instant: every plan starts, none is lost, and no more run at once than may.

The daemon's own beat over a simulated kind of warehouse, and real files in a local storage. `python
tests/long/many_plans.py PLANS JOBS` prints the figures (`make load`).
"""

import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from reconciler import doors
from reconciler.cli.clock import ShiftedClock
from reconciler.core import instants
from reconciler.core.manifest import Snapshot
from reconciler.core.ports import AttemptFolder, BackupOrder, BackupResult, Watch
from reconciler.daemon import Beat, Rhythm
from reconciler.effects.world import Doors
from reconciler.errors import EngineFailed
from reconciler.once import Pass, Paths

BEFORE = instants.parse("2026-11-23T01:59:00Z")
DUE = instants.parse("2026-11-23T02:00:00Z")
REFUSED = 20  # one in so many is refused at its first try


class Crowd:
    """Warehouses that work only when as many work as may, so that a cap that is not reached shows as a halt."""

    def __init__(self, plans: int, jobs: int) -> None:
        self._changed = threading.Condition()
        self._left, self._jobs, self._running = plans, jobs, 0
        self.most = self.refusals = 0
        self._tried: set[str] = set()

    def open(self, entry: Any) -> "Crowd":
        return self

    def backup(self, order: BackupOrder, number: int, folder: AttemptFolder, watch: Watch) -> BackupResult:
        self._refuse_once(order.entry.name)
        with self._changed:
            self._running += 1
            self.most = max(self.most, self._running)
            self._changed.notify_all()
            if not self._changed.wait_for(lambda: self.most >= min(self._jobs, self._left), 120):
                raise EngineFailed(f"{self._running} run, and {self._jobs} might")
        watch.progress(50)
        path = folder.staging() / "data"
        path.write_bytes(order.entry.name.encode() * 100)
        size = path.stat().st_size
        stored = folder.put(path, "data")
        with self._changed:
            self._running -= 1
            self._left -= 1
            self._changed.notify_all()
        return BackupResult("simulated 1.0", (Snapshot("sales", number, stored, size, 1, 1),))

    def _refuse_once(self, name: str) -> None:
        if int(name.removeprefix("w")) % REFUSED == 0 and name not in self._tried:
            self._tried.add(name)
            self.refusals += 1
            raise EngineFailed("another job runs on this database", passing=True)


class Figures(NamedTuple):
    """Seconds, bytes, and numbers of plans."""

    started: int
    succeeded: int
    sets: int
    refusals: int
    most_at_once: int
    last_start: float
    took: float
    resident: int

    def __str__(self) -> str:
        return (
            f"{self.started:,} started, {self.succeeded:,} succeeded, {self.sets:,} sets, "
            f"{self.refusals:,} refused at first; {self.most_at_once} at once at the most; the last started "
            f"{self.last_start:.0f} s after it was due, all had ended after {self.took:.0f} s; "
            f"{self.resident / 2**20:.0f} MiB resident at the most"
        )


def load(folder: Path, plans: int, jobs: int) -> Figures:
    """One instant at which all are due, lived through by the daemon's beat."""
    paths = declared(folder, plans, jobs)
    crowd, clock = Crowd(plans, jobs), ShiftedClock(BEFORE)
    opened = Doors(crowd.open, doors.open_storage)
    with doors.ledger_to_write(paths.ledger, clock, simulated=True) as ledger:
        passing = Pass(paths, clock, ledger, lambda _: None, opened=opened)
        beat = Beat(passing, Rhythm())
        beat.once(reload=True)
        while passing.runner.wait(1):
            pass
        clock._start += DUE - clock.now()  # the minutes before it are not waited for
        began = time.monotonic()
        tasks = _until_ended(beat, passing, ledger, plans)
        took = time.monotonic() - began
    states = Counter(task.state for task in tasks)
    return Figures(
        len({task.id for task in tasks if task.started_at}), states["succeeded"], len([*folder.glob("backups/load/*/*/manifest.json")]),
        crowd.refusals, crowd.most, max((task.started_at - DUE).total_seconds() for task in tasks), took, resident(),
    )  # fmt: skip


def _until_ended(beat: Beat, passing: Pass, ledger: Any, plans: int) -> tuple[Any, ...]:
    """The tasks, as the ledger has them."""
    end = time.monotonic() + 3600
    while time.monotonic() < end:
        beat.once(reload=False)
        passing.runner.wait(1.0)
        tasks = ledger.recent_tasks(BEFORE - timedelta(days=1))
        if len(tasks) == plans and all(task.ended_at for task in tasks):
            return tasks
    raise AssertionError(f"after an hour {sum(bool(task.ended_at) for task in tasks)} of {plans} had ended")


def declared(folder: Path, plans: int, jobs: int) -> Paths:
    """As JSON, which is YAML. Nothing is imported here that the daemon is without: its memory is what is measured."""
    plan = {
        "periodic": {"backup_every": ["monday"], "start_time": "02:00", "time_zone": "UTC"},
        "objects": {"databases": ["*"]}, "retention_days": 7,
    }  # fmt: skip
    document = {
        "version": 1, "installation": "load", "storages": {"disk": {"local": {"path": "backups"}}},
        "warehouses": {
            f"w{number}": {"engine": "duckdb", "path": f"w{number}", "storage": "disk", "plan": plan}
            for number in range(plans)
        },
        "limits": {"running_tasks": jobs, "local_exports": jobs},
    }  # fmt: skip
    paths = Paths(folder / "plans.yaml", folder / "ledger.sqlite", folder / "status.json")
    paths.plans.write_text(json.dumps(document))
    return paths


def resident() -> int:
    """The most memory that this process had, in bytes (proc(5), VmHWM)."""
    with open(f"/proc/{os.getpid()}/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    plans, jobs = (int(word) for word in sys.argv[1:3])
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        figures = load(Path(folder), plans, jobs)
    print(f"{plans:,} plans due at once, {jobs} jobs at once: {figures}")
    lost = plans - figures.succeeded
    sys.exit(f"{lost} were lost" if lost or figures.sets != plans or figures.most_at_once != jobs else 0)


if __name__ == "__main__":
    main()
