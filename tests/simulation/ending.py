"""What must hold at the end of a life: after days without faults everything has converged."""

import json
import sqlite3
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import naive
from evidence import Set
from judge import Judge
from rows import ENDED, PASSED_OVER
from verdict import DAY, SLACK

from reconciler.core import instants

NOTE_UNWRITTEN = (  # what may keep a renaming's note from its storage until the ledger is lost
    "kill before a ledger write", "kill after a ledger write", "kill before a storage request",
    "kill after a storage request", "ledger disk full", "writer paused", "storage error before", "storage error after",
    "storage throttled", "storage slow", "storage hangs", "credentials expired",
)


class Ending:
    def __init__(self, judge: Judge) -> None:
        self.life, self.hold_true = judge.life, judge.verdict.hold_true
        self.in_force, self.evidence, self.rows = judge.in_force, judge.evidence, judge.rows

    def check(self, calm_since: datetime) -> None:
        """After days without faults everything has converged."""
        ledger = self.rows.connected()
        rows = ledger.execute("SELECT id, warehouse, slot, state, reason FROM tasks").fetchall()
        restores = ledger.execute("SELECT id, state, reason FROM restores").fetchall()
        document = json.loads(self.life.paths.plans.read_text())
        standing = self.in_force.accepted[-1].document["warehouses"].keys()
        self.hold_true("P6", standing | self.in_force.faulty >= document["warehouses"].keys() >= standing,
                       "the configuration is not in force")  # fmt: skip
        now = self.life.hub.now
        late = [task for task, _, slot, state, _ in rows if state not in ENDED and instants.parse(slot) < now - DAY / 2]
        self.hold_true("D4", not late, f"tasks without an end: {late}")
        running = [name for name, state, _ in restores if state in ("running", "needs_approval")]
        attended = now - self.evidence.ledger_began > DAY / 2  # by somebody who approves what a rebuilt ledger asks about
        self.hold_true("R1", not running or not attended, f"restores without an end: {running}")
        if self._names_were_noted():
            self._each_has_one_name(ledger)
        self._all_slots_ran(document, rows, calm_since, now)
        self._every_slot_has_its_task(rows, min(now, self.life.first_jump))
        young = self.evidence.ledgers_lost and now - self.evidence.ledger_began < 2 * DAY  # what it has found unfinished has a day
        if not young and not self.life.had("clock jumps ahead", "writer paused"):  # what these leave: docs/guarantees.md
            self._nothing_left_over(now)
        if self.rows.latest < now - 2 * DAY:  # what a clock ahead has written counts from the time that it showed
            self._nothing_overdue(document, now)

    def _names_were_noted(self) -> bool:
        """What a lost ledger has not told a storage before, sets bear their old name afterwards: docs/guarantees.md."""
        return not self.evidence.ledgers_lost or not self.life.had(*NOTE_UNWRITTEN)

    def _each_has_one_name(self, ledger: sqlite3.Connection) -> None:
        """P8: a renaming takes tasks and sets along."""
        found = ledger.execute("SELECT warehouse FROM tasks UNION SELECT warehouse FROM sets").fetchall()
        names = {(self.in_force.first_name(name), name) for (name,) in found}
        twice = [house for house, amount in Counter(house for house, _ in names).items() if amount > 1]
        self.hold_true("P8", not twice, f"{twice} has tasks and sets under more than one name: {sorted(names)}")

    def _all_slots_ran(self, document: dict[str, Any], rows: list, since: datetime, now: datetime) -> None:
        """D1: with nothing in the way each slot has a set."""
        done = {(self.in_force.first_name(house), slot): (state, reason) for _, house, slot, state, reason in rows}
        for name, entry in document["warehouses"].items():
            for slot in naive.slots(entry.get("plan"), max(since + DAY / 2, self.evidence.ledger_began), now - DAY / 2):
                state = done.get((self.in_force.first_name(name), instants.text(slot)))
                ran = state is not None and state[0] == "succeeded"
                early = state is not None and slot <= self.rows.latest and state[0] not in PASSED_OVER  # by a clock that was ahead
                self.hold_true("D1", ran or early, f"slot {slot} of {name}: {state}")

    def _every_slot_has_its_task(self, rows: list, now: datetime) -> None:
        """P3, P4, D3: neither lost nor made up, since the ledger began and as long as clocks were right."""
        wanted: set[tuple[str, datetime]] = set()
        begins = [item.at if abs(item.at - item.truly) < SLACK else item.truly for item in self.in_force.accepted]
        ends = [*begins[1:], now]
        for house in {self.in_force.first_name(name) for item in self.in_force.accepted for name in item.document["warehouses"]}:
            spans = naive.merged([(self.in_force.plan_of(item.document, house), begin, end)
                            for item, begin, end in zip(self.in_force.accepted, begins, ends, strict=True)])  # fmt: skip
            for plan, since, until in spans:
                wanted |= {(house, slot) for slot in naive.slots(plan, since, until, takeover=True, disabled=True)}
        found = {(self.in_force.first_name(house), instants.parse(slot)) for _, house, slot, _, _ in rows}
        odd = {item for item in wanted ^ found
               if self.in_force.counts_from < item[1] < now - timedelta(hours=37) and not self._is_fuzzy(item[1])}  # fmt: skip
        self.hold_true("P3", not odd, f"slots without a task, or tasks without a slot: {sorted(odd)[:3]}")

    def _is_fuzzy(self, slot: datetime) -> bool:
        return any(begin <= slot + timedelta(hours=36) and slot <= end for begin, end in self.in_force.fuzzy)

    def _nothing_left_over(self, now: datetime) -> None:
        for bucket in self.life.buckets.values():
            for key, version in bucket.versions("sim/"):
                parts = key.split("/")
                if len(parts) < 5 or version.content is None or (version.locked_until and version.locked_until > now - 2 * DAY):
                    continue
                standing = self.evidence.present.get(parts[2])
                good = standing is not None and int(parts[3]) in standing.attempts and standing.bucket == bucket.name
                busy = parts[2] in self.rows.open_subjects
                self.hold_true("S4", good or busy, f"{bucket.name}/{key} was left over")

    def _nothing_overdue(self, document: dict[str, Any], now: datetime) -> None:
        held = {item["backup_set"] for item in document.get("holds", ())}
        for item in self.evidence.present.values():
            if item.house in self.in_force.first_names.values() and not self._names_were_noted():
                continue
            plan = self.in_force.plan_of(document, item.house) or self.in_force.last_plans.get(item.house)
            days = max(item.days, plan["retention_days"] if plan else 0, *(
                known.days for known in self.evidence.known.values() if known.house == item.house))
            over = item.completed_at + days * DAY + 2 * DAY < now
            newer = sum((other.completed_at, other.task) > (item.completed_at, item.task)
                        for other in self.evidence.present.values() if other.house == item.house)
            kept = item.task in held or item.task in self.evidence.open_restores.values() or newer < 2
            locked = self._is_locked(item, now - 2 * DAY)
            waits = any(entry["from"]["backup_set"] == item.task or isinstance(entry["from"]["backup_set"], dict)
                        for entry in document["restores"])
            self.hold_true("S2", not over or kept or locked or waits, f"{item.task} is past its time and still there")

    def _is_locked(self, item: Set, since: datetime) -> bool:
        """Whether a lock has retained anything of it later than `since`: what is refused is tried again daily."""
        return any(version.locked_until and version.locked_until > since
                   for key, version in self.life.buckets[item.bucket].versions("sim/") if f"/{item.task}/" in key)  # fmt: skip
