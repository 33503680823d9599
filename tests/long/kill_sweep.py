"""A kill at each call that changes a file, in each thing that is done: backup, restore, retention, reload, status.

First each is watched to its end with strace, and its calls are counted; then it is done again and killed at one of
them, in whichever process or thread makes that call first as the so-many-th of its own (strace counts for each). What
comes after must settle it. `python tests/long/kill_sweep.py N` takes N points, spread evenly (`make kill-sweep`).
"""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

sys.path.extend(str(Path(__file__).parents[1] / room) for room in ("", "long", "servers", "processes"))
from lives import rows
from sites import Site, asked, printed, states

from reconciler.core import instants

RECONCILE = Path(sys.executable).with_name("reconcile")
CALLS = (
    "write,pwrite64,writev,pwritev,fsync,fdatasync,ftruncate,rename,renameat,renameat2,link,linkat,symlink,unlink,"
    "unlinkat,mkdir,mkdirat,rmdir,fchmod,chmod"
)  # fmt: skip
FIRST, SECOND = "shop-20261123T020000Z", "shop-20261126T020000Z"

BETWEEN = {"shop-20261124T020000Z", "shop-20261125T020000Z"}  # nobody was there to run them


class Deed(NamedTuple):
    """What is done, in which state of things, at what instant; `words` are the command's."""

    name: str
    prepare: Callable[[Site], None]
    now: str
    sets: list[str]
    words: tuple[str, ...] = ("apply",)


class Point(NamedTuple):
    deed: Deed
    call: str
    number: int


def _new(site: Site) -> None: ...


def _plain(site: Site) -> None:
    site.apply("2026-11-23T00:00:00Z")


def _with_a_set(site: Site) -> None:
    _plain(site)
    site.apply("2026-11-23T02:00:00Z")
    assert site.set_folders == [FIRST]


def _with_a_request(site: Site) -> None:
    _with_a_set(site)
    site.restore("r-1", databases={"sales": "copy"})


def _with_an_old_set(site: Site) -> None:
    _with_a_set(site)
    site.apply("2026-11-26T02:00:00Z")
    assert site.set_folders == [FIRST, SECOND]


def _with_other_plans(site: Site) -> None:
    _with_a_set(site)
    site.plan["periodic"]["start_time"] = "03:00"
    site.write()


DEEDS = (
    Deed("first pass", _new, "2026-11-23T02:30:00Z", []),
    Deed("backup", _plain, "2026-11-23T02:00:00Z", [FIRST]),
    Deed("restore", _with_a_request, "2026-11-23T03:00:00Z", [FIRST]),
    Deed("retention", _with_an_old_set, "2026-11-26T04:30:00Z", [SECOND]),
    Deed("reload", _with_other_plans, "2026-11-23T02:30:00Z", [FIRST]),
    Deed("status", _with_a_set, "2026-11-23T02:30:00Z", [FIRST], ("status",)),
)


class Stage:
    """One folder, in which a deed is prepared once and laid out anew for each point: a ledger knows its paths."""

    def __init__(self, folder: Path, deed: Deed) -> None:
        self.folder, self.deed = folder / deed.name, deed
        self._kept = folder / f"{deed.name}-as-it-was"
        self.folder.mkdir()
        self.site = Site(self.folder)
        self.site.plan["retention_days"] = 3
        self.site.write()
        self.site.database(rows=100)
        deed.prepare(self.site)
        shutil.copytree(self.folder, self._kept)

    def lay_out(self) -> None:
        shutil.rmtree(self.folder)
        shutil.copytree(self._kept, self.folder)

    def strace(self, *words: str) -> int:
        command = ["strace", "-f", "-qq", *words, str(RECONCILE), "--now", self.deed.now]
        process = subprocess.Popen(
            [*command, *self.deed.words], cwd=self.folder, start_new_session=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env=os.environ | {"RECONCILE_FILE": "plans.yaml"},
        )  # fmt: skip
        try:
            return process.wait(90)
        except subprocess.TimeoutExpired:  # a traced process that hangs is a kill as well
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait()
        finally:
            self._wait_for_lock()

    def _wait_for_lock(self) -> None:
        """What strace followed may end a little after it: until then it holds the ledger, as it should."""
        end = time.monotonic() + 30
        with self.site.paths.ledger.with_name("ledger.sqlite.lock").open("ab") as lock:
            while time.monotonic() < end:
                with contextlib.suppress(BlockingIOError):
                    return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                threading.Event().wait(0.01)
        raise AssertionError("a process that was killed holds the ledger after 30 s")

    def points(self) -> list[Point]:
        """Each call, once for each number that one of the threads reaches."""
        self.lay_out()
        log = self.folder.with_suffix(".calls")
        assert self.strace("-e", f"trace={CALLS}", "-o", str(log)) == 0
        counts: Counter[tuple[str, str]] = Counter(re.findall(r"^(\d+) +(\w+)\(", log.read_text(), re.MULTILINE))
        most: dict[str, int] = {}
        for (_, call), count in counts.items():
            most[call] = max(most.get(call, 0), count)
        return [Point(self.deed, call, number) for call in sorted(most) for number in range(1, most[call] + 1)]

    def kill_at(self, point: Point) -> str:
        """How the process ended; then it is settled, and looked at."""
        self.lay_out()
        code = self.strace("-o", "/dev/null", "-e", f"trace={point.call}", "-e",
                           f"inject={point.call}:signal=KILL:when={point.number}")  # fmt: skip
        self._check_nothing_torn()
        for minutes in (10, 20):
            failures = self.site.apply(instants.parse(self.deed.now) + timedelta(minutes=minutes)).failures
            assert failures == (), failures
        self._check_settled()
        return "killed" if code == -signal.SIGKILL else f"ended with {code}, its child killed"

    def _check_nothing_torn(self) -> None:
        """As a reader finds it at once: the status whole, and a copy only when it is one."""
        if self.site.paths.status.exists():
            states(self.site)
        if (copy := self.folder / "other/copy.duckdb").exists():
            assert rows(copy) == rows(self.folder / "shop/sales.duckdb"), "half a restore in place"

    def _check_settled(self) -> None:
        found = states(self.site)
        assert {name for name, state in found.items() if state != "succeeded"} <= BETWEEN, found
        assert self.site.set_folders == self.deed.sets
        attempts = [name.split("/")[2:4] for name in self.site.files if name.count("/") > 3]
        assert sorted({task for task, _ in attempts}) == self.deed.sets, "the old set is gone"
        assert len({tuple(attempt) for attempt in attempts}) == len(self.deed.sets), "leftovers are cleaned"
        others = sorted(path.name for path in (self.folder / "other").iterdir())
        assert others == (["copy.duckdb"] if self.deed.name == "restore" else []), others


def spread(points: list[Point], count: int) -> list[Point]:
    """So many of them, evenly."""
    wanted = min(count, len(points))
    return [points[at * len(points) // wanted] for at in range(wanted)]


def sweep(folder: Path, count: int, say: Callable[[str], None] = print) -> Counter[str]:
    stages = {deed.name: Stage(folder, deed) for deed in DEEDS}
    points = [point for stage in stages.values() for point in stage.points()]
    counts: Counter[str] = Counter({"points there are": len(points)})
    for point in spread(points, count):
        try:
            end = stages[point.deed.name].kill_at(point)
        except AssertionError as error:
            raise AssertionError(f"{point.deed.name}, {point.call} number {point.number}: {error}") from error
        counts[f"points in {point.deed.name}"] += 1
        counts[f"processes {end}"] += 1
        say(f"{point.deed.name}, {point.call} number {point.number}: {end}")
    return counts


def main() -> None:
    (count,) = asked(sys.argv[1:], 500)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        counts = sweep(Path(folder), count, lambda text: print(text, flush=True))
    print(printed(counts))
    print(f"{time.monotonic() - began:.0f} s: 0 slots with two sets, 0 torn files, 0 leftovers")


if __name__ == "__main__":
    main()
