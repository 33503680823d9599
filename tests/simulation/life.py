"""One life: weeks of an installation with faults, then days without, all from one seed."""

import gc
import hashlib
import os
import re
import shutil
import tempfile
import traceback
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from bucket import Bucket
from chance import Chance
from ending import Ending
from fleet import House
from hub import Hub
from judge import Judge
from people import People
from process import Process
from verdict import Violated

from reconciler.once import Paths

DRAWN = re.compile(r"\b[0-9a-f]{32}\b")  # a ledger's id, which every ledger draws anew
HOUR, DAY = 3600.0, 86_400.0
LEASE = 15.0  # seconds
BUG = re.compile(r"[A-Z]\w+: |.* holds what no release writes")  # how an exception that nobody expected is told
CALM = 5  # days without faults at the end
STARTS = (  # a few days before local clocks change, the year, or February
    ("2027-03-26", "Europe/Berlin"), ("2026-10-23", "Europe/Berlin"), ("2027-03-12", "America/New_York"),
    ("2026-10-30", "America/New_York"), ("2027-04-01", "Australia/Lord_Howe"), ("2026-12-29", "Africa/Casablanca"),
    ("2028-02-26", "America/Santiago"),
)  # fmt: skip
BASE = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(tempfile.gettempdir())


class Lease:
    """One of a server: it ends a while after its holder was heard last, which a paused or killed one is not."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.holder: Process | None = None

    def take(self, process: Process) -> bool:
        held = self.holder is not None and (
            not (self.holder.dead or self.holder.paused) or self._hub.time < self.holder.silent_since + LEASE
        )
        if not held:
            self.holder = process
        return not held


class Result(NamedTuple):
    seed: int
    violation: str | None
    weeks: float
    faults: Counter[str]
    checks: Counter[str]
    trace: str  # a digest of all that happened


class Life:
    def __init__(
        self, seed: int, weeks: float = 2.0, kinds: frozenset[str] | None = None, lose_at: int = -1, often: int = 1
    ) -> None:  # fmt: skip
        """`lose_at`: just after so many ledger writes the process is killed and the ledger gone. `kinds` and `often`: of faults."""
        self.seed, self.weeks, self.lose_at, self.commits = seed, weeks, lose_at, 0
        self.chance = Chance(seed, kinds, often)
        day, self.zone = self.chance.random.choice(STARTS)
        start = datetime.fromisoformat(day).replace(tzinfo=UTC)
        self.hub = Hub(start + timedelta(minutes=self.chance.random.randrange(1440)))
        self.folder = Path(tempfile.mkdtemp(prefix=f"simulation-{seed}-", dir=BASE))
        self.paths = Paths(self.folder / "plans.yaml", self.folder / "ledger.sqlite", self.folder / "status.json")
        lock = timedelta(days=2) if self.chance.strikes("object lock") else None
        self.buckets = {"plain": Bucket("plain", lambda: self.hub.now, None), "vault": Bucket("vault", lambda: self.hub.now, lock)}
        self.houses: dict[str, House] = {}
        self.trace = hashlib.sha256()
        self.lines: list[str] = []
        self.processes: list[Process] = []
        self.lease = Lease(self.hub)
        self.judge = Judge(self)
        self._wrong: dict[int, float] = {}
        self.first_jump = datetime.max.replace(tzinfo=UTC)  # true time of it
        for bucket in self.buckets.values():
            bucket.watch = self.judge.evidence
        self.people = People(self)

    # ---- the run ----

    def run(self) -> Result:
        before, os.environ["TMPDIR"] = os.environ.get("TMPDIR"), str(self.folder)
        tempfile.tempdir = None
        violation = None
        try:
            self._live()
        except Violated as error:
            violation = str(error)
        except Exception as error:  # noqa: BLE001  whatever ends a pass or a worker by surprise is one
            place = traceback.extract_tb(error.__traceback__)[-1]
            violation = f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
            self.lines.append(traceback.format_exc())
        finally:
            self._clear_away()
            tempfile.tempdir = before
            os.environ.pop("TMPDIR") if before is None else os.environ.update(TMPDIR=before)
            tempfile.tempdir = None
        return Result(self.seed, violation, self.hub.time / DAY / 7, self.chance.counts, self.judge.verdict.checks,
                      self.trace.hexdigest()[:16])  # fmt: skip

    def _live(self) -> None:
        self._start(timedelta())
        if "stand-by takes over" in self.chance.active:
            self._start(self._skew())
        self.hub.after(HOUR, self._hour)
        self.hub.after(6 * HOUR, self._attend)
        faults_end = self.weeks * 7 * DAY - CALM * DAY
        self.hub.run_until(faults_end)
        self.chance.calm()
        self.set_clocks_right()
        self.people.settle()
        for house in self.houses.values():
            house.restart()
        if not self.processes:
            self._start(timedelta())
        self.hub.run_until(faults_end + CALM * DAY)
        Ending(self.judge).check(self.hub.start + timedelta(seconds=faults_end))

    def _hour(self) -> None:
        self.people.hour()
        self._clocks()
        writer = self.writer
        if writer is not None and self.chance.strikes("stopped by SIGTERM"):
            writer.stop()
        elif writer is not None and self.chance.strikes("writer paused"):
            writer.pause(self.chance.random.choice((5.0, 40.0, 2 * HOUR)))
        self.hub.after(HOUR, self._hour)

    def _attend(self) -> None:
        self.people.attend()
        self.hub.after(6 * HOUR, self._attend)

    # ---- clocks ----

    def _clocks(self) -> None:
        for kind, sign in (("clock jumps ahead", 1), ("clock jumps back", -1)):
            if self.writer is not None and self.chance.strikes(kind):
                amount = timedelta(seconds=sign * self.chance.random.choice((130, 3 * HOUR, 2 * DAY, 40 * DAY)))
                self._set_clock(self.writer, self.writer.clock.skew + amount)
                self.hub.after(self.chance.random.uniform(HOUR, 12 * HOUR), self.set_clocks_right)

    def set_clocks_right(self) -> None:
        for process in self.processes:
            self._set_clock(process, timedelta())

    def _set_clock(self, process: Process, skew: timedelta) -> None:
        process.stumbles += process.clock.skew != skew
        process.clock.skew = skew
        if abs(skew) < timedelta(minutes=1):
            self._wrong.pop(id(process), None)
        else:
            self._wrong.setdefault(id(process), self.hub.time)
            self.first_jump = min(self.first_jump, self.hub.now)
        process.nudge(1.0)

    def seconds_wrong(self, process: Process) -> float:
        """For how long a machine's clock has been off by more than a minute."""
        return self.hub.time - self._wrong.get(id(process), self.hub.time)

    def _skew(self) -> timedelta:
        differs = self.chance.strikes("clocks of two machines differ")
        return timedelta(seconds=self.chance.random.uniform(-25, 25) if differs else 0)

    # ---- processes ----

    @property
    def writer(self) -> Process | None:
        return next((process for process in self.processes if process is self.lease.holder and process.heart is not None and not process.dead), None)

    def _start(self, skew: timedelta) -> None:
        process = Process(self, skew)
        self.processes.append(process)
        process.begin()

    def bury(self, process: Process) -> None:
        self.note("process", "died")
        process.clear_away()
        self.processes.remove(process)
        self.judge.died(process)
        if self.commits == self.lose_at or self.chance.strikes("ledger lost"):
            self._lose_ledger()
        down = self.chance.random.uniform(10, 600)
        if self.chance.strikes("down for days"):
            down = self.chance.random.uniform(0.5, 4) * DAY
        self.hub.after(down, lambda: self._start(self._skew()))

    def _lose_ledger(self) -> None:
        if self.writer is None and self.paths.ledger.exists():
            self.judge.ledger_lost()
            for path in self.folder.glob("ledger.sqlite*"):
                path.unlink()
            self.chance.counts["ledger lost"] += self.commits == self.lose_at
            self.note("ledger", "lost")

    def files_changed(self) -> None:
        """Processes look every ten seconds, and take what they saw twice."""
        for process in self.processes:
            for seconds in (11.0, 12.5):
                self.hub.after(seconds, lambda process=process: process.nudge(0.0), process)

    def house_of(self, name: str) -> House:
        first = self.judge.in_force.first_name(name)
        return self.houses.setdefault(first, House(first, self))

    # ---- what happened ----

    def made(self, task: str, days: int) -> None:
        """A set has come; somebody may want it when its time is over."""
        if self.chance.strikes("restore asked as its set goes"):
            source = task.rpartition("-")[0]
            self.hub.after(days * DAY + self.chance.random.uniform(-60, 60), lambda: self.people.ask_for(source, task))

    def had(self, *kinds: str) -> bool:
        return any(self.chance.counts[kind] for kind in kinds)

    def had_only(self, kinds: set[str]) -> bool:
        return {kind for kind, amount in self.chance.counts.items() if amount} <= kinds

    def said(self, happened: Any) -> None:
        self.note("said", str(happened))
        if happened.action == "work" and BUG.match(happened.detail or ""):
            self.judge.verdict.fail(str(happened))

    def note(self, kind: str, words: str) -> None:
        line = f"{self.hub.now:%m-%d %H:%M:%S} {kind} {words}"
        self.trace.update(DRAWN.sub("", line.replace(str(self.folder), "")).encode())
        self.lines.append(line)

    def _clear_away(self) -> None:
        for process in self.processes:
            process.dead = True
            process.clear_away()
        shutil.rmtree(self.folder, ignore_errors=True)


def live(seed: int, weeks: float) -> Result:
    gc.set_threshold(100_000, 10, 10)  # looking for cycles at the default rate takes an eighth of the time
    return Life(seed, weeks).run()


def live_losing(step: int, seed: int, weeks: float) -> Result:
    """A life without other faults, but for edits and restores, whose ledger is lost after that many writes."""
    kinds = frozenset({"restore asked", "plan edited", "plan renamed", "hold set or taken away", "job slow"})
    return Life(seed, weeks, kinds, step).run()


def writes_of(seed: int, weeks: float) -> int:
    """How many ledger writes such a life has when none is lost."""
    kinds = frozenset({"restore asked", "plan edited", "plan renamed", "hold set or taken away", "job slow"})
    life = Life(seed, weeks, kinds)
    life.run()
    return life.commits
