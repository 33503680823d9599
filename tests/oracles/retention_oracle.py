"""Which sets may go, said a second time: over a log of what every pass took over, day by day and rule by rule.

Random histories (sets, edits, holds, restores, plans that end and come again, sets of nobody) go through the real
decisions, pass by pass; this account of the same life must name the same sets each time (S2, S3).
`python tests/oracles/retention_oracle.py HISTORIES [FIRST SEED]` lives many and prints counts (`make verify-retention`).
"""

import random
import sys
import time
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
from core_values import DAY, MONDAY, Memory, a_plan, a_set, at, desired, hold, warehouse

from reconciler.core.actions import Actions
from reconciler.core.model import FromStorage, FromWarehouse, OneTime, Restore
from reconciler.core.record import BackupSet

NAMES = ("a", "b")
NEVER = OneTime(at("2100-01-01 00:00"))  # a schedule that makes no task: the sets are put here by hand


class Standing(NamedTuple):
    """What one pass took over, and so what stood until the next."""

    since: datetime
    plans: dict[str, tuple[int, int]]  # days and keep_last of each warehouse that has a plan
    holds: dict[str, datetime | None]


class Account:
    """The second opinion. It knows what the passes took over and which sets there are, and no product rule."""

    def __init__(self) -> None:
        self.log: list[Standing] = []

    def take(self, standing: Standing) -> None:
        """A plan that ended keeps its last retention, so it stays in the log under its name."""
        former = self.log[-1].plans if self.log else {}
        self.log.append(standing._replace(plans=former | standing.plans))

    def standing(self, now: datetime) -> list[Standing]:
        """All that stood at some moment of the last day; what came before the first pass is nobody's rule."""
        ends = [item.since for item in self.log[1:]] + [None]
        return [item for item, end in zip(self.log, ends, strict=True) if end is None or end > now - DAY]

    def first_plan(self, name: str) -> datetime | None:
        return next((one.since for one in self.log if name in one.plans), None)

    def is_by_its_own(self, item: BackupSet, now: datetime) -> bool:
        """Whether, at some moment of the last day, no plan of its warehouse was known, but the set was."""
        first = self.first_plan(item.warehouse)
        return first is None or (first > now - DAY and item.completed_at < first)

    def reasons(self, item: BackupSet, sets: list[BackupSet], needed: set[str], now: datetime) -> set[str]:
        """Everything that keeps a set; it may go when there is nothing."""
        found = {"restore"} & {"restore" for name in needed if name == item.id}
        for one in self.standing(now):
            until = one.holds.get(item.id, MONDAY)
            if until is None or until > now:
                found.add("hold")
            if item.warehouse in one.plans and item.completed_at + one.plans[item.warehouse][0] * DAY > now:
                found.add("days")
        if self.is_by_its_own(item, now) and item.completed_at + item.retention_days * DAY > now:
            found.add("days")
        own = [other for other in sets if other.warehouse == item.warehouse]
        newer = [other for other in own if (other.completed_at, other.id) > (item.completed_at, item.id)]
        good = [other for other in newer if other.state == "present"]
        if len(good) < self.keep_last(item.warehouse, own, now):
            found.add("keep_last")
        return found

    def keep_last(self, name: str, own: list[BackupSet], now: datetime) -> int:
        """The most that any rule of the last day said."""
        said = [one.plans[name][1] for one in self.standing(now) if name in one.plans]
        return max([0, *said, *(other.keep_last for other in own if self.is_by_its_own(other, now))])

    def only_by_grace(self, item: BackupSet, now: datetime) -> bool:
        """Whether the newest rules alone would let it go."""
        days, keep_last = self.log[-1].plans.get(item.warehouse, (item.retention_days, item.keep_last))
        return item.completed_at + days * DAY <= now and keep_last == 0 and item.id not in self.log[-1].holds


class History:
    """One random history. `counts` says what it met; `differences` must stay empty."""

    def __init__(self, seed: int) -> None:
        self.seed, self.chance = seed, random.Random(seed)
        self.memory, self.account = Memory(), Account()
        self.now = MONDAY
        self.plans: dict[str, tuple[int, int] | None] = {"a": self._retention(), "b": None}
        self.held: dict[str, datetime | None] = {}
        self.restores: dict[str, Restore] = {}
        self.reading: dict[str, str] = {}  # restores that run and the set of each
        self.done: set[str] = set()
        self.numbers = iter(range(1_000))
        self.counts: Counter[str] = Counter()
        self.differences: list[str] = []
        self.orphan = self._retention()

    def run(self) -> "History":
        for _ in range(self.chance.randint(5, 18)):
            self.now += timedelta(minutes=self.chance.choice((1, 90, 720, 1440, 1440, 1441, 2880)))
            for _ in range(self.chance.randint(0, 3)):
                self.chance.choice((
                    self.backup, self.backup, self.backup, self.edit, self.edit, self.end_plan, self.hold, self.let_go,
                    self.restore, self.withdraw, self.finish_restore, self.orphaned,
                ))()  # fmt: skip
            self.a_pass()
        self.counts["histories"] += 1
        return self

    def _retention(self) -> tuple[int, int]:
        return self.chance.randint(0, 4), self.chance.choice((0, 0, 1, 1, 2))

    def _sets(self) -> list[BackupSet]:
        return [item for item in self.memory.sets.values() if item.state != "removed"]

    def _any(self) -> str | None:
        return self.chance.choice(sorted(item.id for item in self._sets()) or [None])

    def backup(self) -> None:
        name = self.chance.choice(NAMES)
        if self.plans[name] is not None:
            days, keep_last = self.plans[name]
            self._add(name, days, keep_last)

    def orphaned(self) -> None:
        """A set that the storage showed of a warehouse that no file ever named, or none yet."""
        unplanned = all("b" not in one.plans for one in self.account.log) and self.plans["b"] is None
        self._add(self.chance.choice(("nobody", "b")) if unplanned else "nobody", *self.orphan)

    def _add(self, name: str, days: int, keep_last: int) -> None:
        made_at = self.now - timedelta(seconds=next(self.numbers))
        self.memory.remember(a_set(made_at, name, retention_days=days, keep_last=keep_last,
                                   storage=self.chance.choice(("disk",) * 9 + ("gone",))))  # fmt: skip
        self.counts["sets"] += 1

    def edit(self) -> None:
        name = self.chance.choice(NAMES)
        self.counts["edits"] += self.plans[name] is not None
        self.plans[name] = self._retention()

    def end_plan(self) -> None:
        self.plans[self.chance.choice(NAMES)] = None
        self.counts["plans ended"] += 1

    def hold(self) -> None:
        if name := self._any():
            self.held[name] = self.chance.choice((None, None, self.now + timedelta(hours=self.chance.randint(-9, 60))))
            self.counts["holds"] += 1

    def let_go(self) -> None:
        if self.held:
            del self.held[self.chance.choice(sorted(self.held))]
            self.counts["holds taken out"] += 1

    def restore(self) -> None:
        home = self.chance.choice((*NAMES, "nobody"))
        source = self.chance.choice((
            FromWarehouse(home, "latest"), FromWarehouse(home, self._any() or "none"),
            FromWarehouse(home, None, self.now - timedelta(hours=self.chance.randint(0, 70))),
            FromStorage("disk", self._any() or "none"),
        ))  # fmt: skip
        name = f"r{next(self.numbers)}"
        self.restores[name] = Restore(name, source, "other")
        self.counts["restores"] += 1

    def withdraw(self) -> None:
        waiting = sorted(self.restores.keys() - self.reading.keys())
        if waiting:
            del self.restores[self.chance.choice(waiting)]

    def finish_restore(self) -> None:
        if self.reading:
            name = self.chance.choice(sorted(self.reading))
            del self.reading[name]
            self.done.add(name)
            self.memory.restores[name] = self.memory.restores[name]._replace(state="succeeded", ended_at=self.now)

    def a_pass(self) -> None:
        """The product decides and its rows are kept; the account says the same from its own log."""
        wanted = desired(
            *(warehouse(a_plan(NEVER, retention_days=kept[0], keep_last=kept[1]), name)
              for name, kept in self.plans.items() if kept),
            warehouse(name="other"), restores=tuple(self.restores.values()),
            holds=tuple(hold(name, until=until) for name, until in self.held.items()),
        )  # fmt: skip
        sets = self._sets()
        decision = self.memory.take(wanted, self.now)
        self.account.take(Standing(self.now, {name: kept for name, kept in self.plans.items() if kept}, dict(self.held)))
        self._compare(decision.actions, sets)
        self.counts["passes"] += 1
        for item in decision.actions.removals:
            state = self.chance.choice(("removed", "removed", "removed", "removing"))
            self.memory.sets[item.id] = self.memory.sets[item.id]._replace(state=state)
        for item in decision.actions.spared:
            state = self.chance.choice(("present", "removed", "removing"))
            self.memory.sets[item.id] = self.memory.sets[item.id]._replace(state=state)
        for start in decision.actions.restores:
            if start.task.state == "pending" and self.chance.random() < 0.5:
                self.reading[start.task.id] = start.backup_set.id
                self.memory.restores[start.task.id] = start.task._replace(
                    state="running", claimed_at=self.now, backup_set=start.backup_set.id)  # fmt: skip

    def _compare(self, actions: Actions, sets: list[BackupSet]) -> None:
        needed = self._needed(sets)
        expected, spared = [], []
        for item in sorted(sets, key=lambda item: (item.completed_at, item.id)):
            reasons = self.account.reasons(item, sets, needed, self.now)
            self.counts.update(f"kept by {reason}" for reason in reasons)
            if reasons and self.account.only_by_grace(item, self.now) and item.id not in needed:
                self.counts["kept by the day of grace alone"] += 1
            if not reasons and item.storage == "gone":
                self.counts["kept as its storage is not declared"] += 1
            elif not reasons:
                expected.append(item.id)
                self.counts["removals gone on with" if item.state == "removing" else "removed"] += 1
            elif item.state == "removing" and item.storage != "gone":
                spared.append(item.id)
                self.counts["removals taken back"] += 1
        found = [item.id for item in actions.removals], sorted(item.id for item in actions.spared)
        if found != (expected, sorted(spared)):
            self.differences.append(f"seed {self.seed} at {self.now}: {found}, and the rules say {expected}, {spared}")

    def _needed(self, sets: list[BackupSet]) -> set[str]:
        """What running restores read, and what each waiting one would choose now."""
        whole = sorted((item for item in sets if item.state == "present"), key=lambda item: (item.completed_at, item.id))
        found = set(self.reading.values())
        for name, entry in self.restores.items():
            if name in self.reading or name in self.done:
                continue
            match entry.source:
                case FromStorage(storage, wanted):
                    fits = [item.id for item in whole if item.storage == storage and item.id == wanted]
                case FromWarehouse(home, "latest"):
                    fits = [item.id for item in whole if item.warehouse == home]
                case FromWarehouse(home, None, before):
                    fits = [item.id for item in whole if item.warehouse == home and item.completed_at < before]
                case FromWarehouse(home, wanted):
                    fits = [item.id for item in whole if item.warehouse == home and item.id == wanted]
            found |= set(fits[-1:])
        return found


def lives(first: int, count: int) -> tuple[Counter[str], list[str]]:
    counts: Counter[str] = Counter()
    differences: list[str] = []
    for seed in range(first, first + count):
        done = History(seed).run()
        counts.update(done.counts)
        differences += done.differences
    return counts, differences


def main(histories: int, first: int = 0) -> int:
    began = time.monotonic()
    step = 250
    counts: Counter[str] = Counter()
    differences: list[str] = []
    with Pool(2) as pool:
        for some, wrong in pool.imap_unordered(partial(lives, count=step), range(first, first + histories, step)):
            counts.update(some)
            differences += wrong
    print("\n".join(f"{count:10,} {name}" for name, count in sorted(counts.items())))
    print(f"{len(differences):10,} differences; {time.monotonic() - began:.0f} s")
    print("\n".join(differences[:20]))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
