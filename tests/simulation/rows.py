"""What the ledger says, held against what was seen before and what really happened."""

import json
import sqlite3
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import naive
from evidence import Evidence
from in_force import InForce
from verdict import SLACK, Verdict

PASSED_OVER = {"missed", "skipped", "disabled"}
ENDED = {"succeeded", "failed", "cancelled", "lost", "missed", "skipped", "disabled"}
RESTORE_OPEN = {"pending", "needs_approval", "running"}
PASSES = {"statement lost before", "statement lost after", "statement refused for now", "storage error before",
          "storage throttled", "storage request repeated", "job slow", "local time changes", "restore asked"}  # fmt: skip


class Rows:
    def __init__(self, life: Any, verdict: Verdict, evidence: Evidence, in_force: InForce) -> None:
        self.life, self.hold_true = life, verdict.hold_true
        self.evidence, self.in_force = evidence, in_force
        self.states: dict[str, str] = {}  # of backup tasks, in the ledger that lives
        self.restore_states: dict[str, str] = {}
        self.running_since: dict[str, datetime] = {}
        self.must_return: set[tuple] = set()  # what a ledger that was lost knew and the next must
        self.open_subjects: set[str] = set()
        self.latest = life.hub.now  # the latest time that a wrong clock has shown at a pass
        self._looked = life.hub.now
        self._steady: tuple[tuple, datetime] = ((), life.hub.now)
        self._ledger: sqlite3.Connection | None = None

    def connected(self) -> sqlite3.Connection:
        if self._ledger is None:
            self._ledger = sqlite3.connect(f"file:{self.life.paths.ledger}?mode=ro", uri=True)
        return self._ledger

    def died(self, process: Any) -> None:
        """What its clock showed may be settled."""
        self.latest = max(self.latest, process.clock.now())
        self._close()

    def _close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    def ledger_lost(self) -> None:
        """What of it must come back is read just before it is gone."""
        self.must_return = self._restorable(self.connected())
        self._close()
        self.states.clear()
        self.restore_states.clear()

    def look(self, process: Any) -> None:
        """After each beat."""
        if process.clock.skew > timedelta(minutes=1):
            self.latest = max(self.latest, process.clock.now())
        ledger = self.connected()
        self._check_rebuilt(ledger)
        tasks = ledger.execute("SELECT id, state, warehouse FROM tasks").fetchall()
        restores = ledger.execute("SELECT id, state FROM restores").fetchall()
        self._check_wanted(restores)
        self._check_restored(ledger, [name for name, state in restores if state == "succeeded"])
        self._check_given_back(self.states.keys() - {task for task, _, _ in tasks})
        self._check_tasks(tasks, self._steady_since(process))
        self._check_restores(restores)
        self._check_open(tasks, restores)

    def _check_tasks(self, tasks: list[tuple[str, str, str]], steady: datetime) -> None:
        for task, state, _ in tasks:
            before = self.states.get(task)
            anew = before in PASSED_OVER and naive.slot_of(task) <= self.latest  # given back and begun between two looks
            right = before in (None, state) or before not in ENDED or anew
            self.hold_true("D2", right, f"task {task} was {before}, is {state}")
            if before != state:
                self._changed(task, state, steady)
            self.states[task] = state
            self._check_time(task, state, steady)

    def _check_restores(self, restores: list[tuple[str, str]]) -> None:
        for restore, state in restores:
            before = self.restore_states.get(restore)
            ended = before not in (None, state) and before not in RESTORE_OPEN
            self.hold_true("R1", not ended or restore not in self.evidence.claims, f"restore {restore} was {before}, is {state}")
            self.restore_states[restore] = state

    def _check_open(self, tasks: list[tuple[str, str, str]], restores: list[tuple[str, str]]) -> None:
        busy = Counter(warehouse for _, state, warehouse in tasks if state not in ENDED)
        self.hold_true("D3", max(busy.values(), default=0) <= 1, f"two open tasks in one warehouse: {busy}")
        unknown = [task for task, state, _ in tasks if state == "succeeded" and task not in self.evidence.known]
        self.hold_true("S1", not unknown, f"{unknown[:1]} succeeded without a set")
        self.open_subjects = {task for task, state, _ in tasks if state not in ENDED}
        self.open_subjects |= {name for name, state in restores if state in RESTORE_OPEN}

    def _check_wanted(self, restores: list[tuple[str, str]]) -> None:
        """R5: what has begun since the last look was in a configuration that stood since then, or may have."""
        wanted = self.in_force.wanted_since(self._looked)
        self._looked = self.life.hub.now
        begun = {name for name, state in restores
                 if state == "running" and self.restore_states.get(name) not in ("running", None)}  # fmt: skip
        self.hold_true("R5", begun <= wanted, f"{sorted(begun - wanted)} runs, though its entry was removed")

    def _check_restored(self, ledger: sqlite3.Connection, succeeded: list[str]) -> None:
        """R2: what a restore is said to have restored is what a warehouse has come to have by it."""
        for name in succeeded:
            if self.restore_states.get(name) != "succeeded":
                (entry,) = ledger.execute("SELECT entry FROM restores WHERE id = ?", (name,)).fetchone()
                said = {target for _, target in json.loads(entry)["$Restore"]["databases"]}
                placed = {target for house in self.life.houses.values() for by, target in house.placements if by == name}
                self.hold_true("R2", said == placed, f"restore {name} is said to have restored {said}, and has {placed}")

    def _steady_since(self, process: Any) -> datetime:
        """Since when one process has had no trouble, under one configuration."""
        state = (id(process), process.stumbles, len(self.in_force.accepted))
        if state != self._steady[0] or abs(process.clock.skew) > timedelta(minutes=1):
            self._steady = (state, self.life.hub.now)
        return self._steady[1]

    def _changed(self, task: str, state: str, steady: datetime) -> None:
        if task not in self.states and state != "disabled" and (slot := naive.slot_of(task)) > steady:
            self.hold_true("P6", self.life.hub.now - slot < SLACK, f"task {task} came {self.life.hub.now - slot} late, {state}")
        if state in ("failed", "cancelled"):
            working = [house.name for house in self.life.houses.values() for job in house.jobs.values()
                       if job.task == task and job.state == "RUNNING"]  # fmt: skip
            self.hold_true("D4", not working, f"task {task} is {state}, while {working[:1]} works on it")
        if state == "failed" and task in self.running_since and self.life.had_only(PASSES):
            took = self.life.hub.now - self.running_since[task]
            self.hold_true("D6", took > timedelta(minutes=30), f"task {task} failed after {took}, of what passes")

    def _check_time(self, task: str, state: str, steady: datetime) -> None:
        """D4: the longest timeout is six hours."""
        if state != "running":
            self.running_since.pop(task, None)
            return
        since = max(steady, self.running_since.setdefault(task, self.life.hub.now))
        self.hold_true("D4", self.life.hub.now - since < timedelta(hours=8), f"task {task} runs since {since}")

    def _check_given_back(self, gone: set[str]) -> None:
        """S5: only what was never begun, and was passed by a clock ahead, is no more."""
        for task in gone:
            passed = self.states[task] in PASSED_OVER and naive.slot_of(task) <= self.latest
            self.hold_true("S5", passed, f"task {task} was {self.states[task]}, is no more")
            del self.states[task]

    def _restorable(self, ledger: sqlite3.Connection) -> set[tuple]:
        """Sets and used ids, as a ledger knows them."""
        sets = ledger.execute("SELECT id, warehouse, home, engine, storage, slot, completed_at, size_bytes FROM sets "
                              "WHERE state = 'present'").fetchall()  # fmt: skip
        claims = ledger.execute("SELECT id, backup_set FROM restores WHERE claimed_at IS NOT NULL "
                                "AND backup_set IS NOT NULL").fetchall()  # fmt: skip
        return {(row[0], self.in_force.first_name(row[1]), *row[2:]) for row in sets} | set(claims)

    def _check_rebuilt(self, ledger: sqlite3.Connection) -> None:
        """T2: once every storage was looked into, all that was restorable is known again."""
        looked = {name for (name,) in ledger.execute("SELECT name FROM storages").fetchall()}
        if not self.must_return or not looked >= self.life.buckets.keys():
            return
        known = self._restorable(ledger)
        gone = {row for row in self.must_return - known if row[0] in self.evidence.present or row[0] in self.evidence.claims}
        self.hold_true("T2", not gone, f"a rebuilt ledger does not know {sorted(gone)[:2]}")
        self.must_return = set()
