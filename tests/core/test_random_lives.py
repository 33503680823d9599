"""Random lives of an installation: time passes, people edit, backups and restores end somehow.

What must hold (P2 to P8, D2 to D5, R1, S3) is said by a second, naive account of the same life.
"""

from datetime import datetime
from typing import NamedTuple

import hypothesis
from core_values import DAY, HOUR, MONDAY, Memory, a_plan, a_restore, daily, desired, hold, once, warehouse
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reconciler.core import plan
from reconciler.core.actions import Actions
from reconciler.core.model import Desired, FromWarehouse, OneTime, Plan, Restore
from reconciler.core.plan import Decision, Rows

CATCH_UP = 6 * HOUR
ENDS = ("succeeded", "succeeded", "failed", "cancelled", "lost")
numbers = st.integers(0, 1)
weekdays = st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days)))
mostly = st.sampled_from((True, True, True, False))
retentions = st.fixed_dictionaries({"retention_days": st.integers(0, 4), "keep_last": st.integers(0, 2)})


class Span(NamedTuple):
    """One plan was in force after `since`, up to and with `until`."""

    plan: Plan | None
    since: datetime
    until: datetime | None = None


def naive_slots(span: Span, now: datetime) -> list[datetime]:
    """Hour by hour."""
    if span.plan is None:
        return []
    schedule, end = span.plan.schedule, span.until or now
    if isinstance(schedule, OneTime):
        in_time = span.since - CATCH_UP <= schedule.start_time <= end
        return [schedule.start_time] if in_time else []
    passed = [span.since + amount * HOUR for amount in range(1, (end - span.since) // HOUR + 1)]
    chosen = [hour for hour in passed if hour.weekday() in schedule.backup_every]
    return [hour for hour in chosen if hour.hour == int(schedule.start_time[:2])]


class House:
    """A warehouse through all its names; `name` is the one that the YAML says, `recorded` the ledger's."""

    def __init__(self, name: str) -> None:
        self.name = self.recorded = name
        self.declared = False
        self.plan: Plan | None = None
        self.spans: list[Span] = []
        self.renamed = 0


class Life(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory()
        self.now = MONDAY
        self.houses = [House("a"), House("b")]
        self.restores: dict[str, Restore] = {}
        self.held: set[str] = set()
        self.begun: list[tuple[int, datetime]] = []
        self.claims: list[str] = []
        self.last: Decision | None = None

    # ---- what people do ----

    @initialize()
    def first_plan(self) -> None:
        self.houses[0].declared, self.houses[0].plan = True, a_plan(catch_up=int(CATCH_UP.total_seconds()))
        self.a_pass()

    @rule(number=numbers, hour=st.integers(0, 23), days=weekdays, enabled=mostly, kept=retentions)
    def plan_periodic(self, number, hour, days, enabled, kept) -> None:
        schedule = daily(f"{hour:02}:00:00", enabled=enabled, backup_every=days)
        self._edit(number, a_plan(schedule, catch_up=int(CATCH_UP.total_seconds()), **kept))

    @rule(number=numbers, offset=st.integers(-9, 30), kept=retentions)
    def plan_one_time(self, number, offset, kept) -> None:
        planned = once(self.now + offset * HOUR, catch_up=int(CATCH_UP.total_seconds()), **kept)
        if not (self.houses[number].renamed and self._is_behind(number, planned)):
            self._edit(number, planned)

    @rule(number=numbers, kept=retentions)
    def change_retention(self, number, kept) -> None:
        if self.houses[number].plan is not None:
            self._edit(number, self.houses[number].plan._replace(**kept))

    @rule(number=numbers)
    def toggle(self, number) -> None:
        known = self.houses[number].plan
        if known is not None and not isinstance(known.schedule, OneTime):
            self._edit(number, known._replace(schedule=known.schedule._replace(enabled=not known.enabled)))

    @rule(number=numbers, whole=st.booleans())
    def end_plan(self, number, whole) -> None:
        self.houses[number].plan = None
        self.houses[number].declared = not whole

    @rule(number=numbers)
    def rename(self, number) -> None:
        house = self.houses[number]
        behind = any(self._is_behind(number, planned) for planned in (house.plan, *(s.plan for s in house.spans[-1:])))
        if house.declared and house.name == house.recorded and house.spans and not behind:
            house.renamed += 1
            house.name = f"{'ab'[number]}{house.renamed}"

    @rule(name=st.sampled_from(("r1", "r2")), number=numbers, cluster=st.none() | st.just("etl"),
          cancel=st.sampled_from((False, False, True)), valid=st.none() | st.integers(0, 48))  # fmt: skip
    def ask_for_restore(self, name, number, cluster, cancel, valid) -> None:
        self.restores[name] = a_restore(
            name, source=FromWarehouse(self.houses[number].name, "latest"), cluster=cluster, cancel=cancel,
            valid_until=None if valid is None else self.now + valid * HOUR,
        )  # fmt: skip

    @precondition(lambda self: self.restores)
    @rule(data=st.data())
    def withdraw(self, data) -> None:
        del self.restores[data.draw(st.sampled_from(sorted(self.restores)))]

    @precondition(lambda self: self.memory.sets)
    @rule(data=st.data())
    def hold_or_let_go(self, data) -> None:
        self.held ^= {data.draw(st.sampled_from(sorted(self.memory.sets)))}

    # ---- what time and the world do ----

    @rule(amount=st.integers(1, 12))
    def hours_pass(self, amount) -> None:
        self.now += amount * HOUR
        self.a_pass()

    @rule(amount=st.integers(1, 5), odd=st.integers(0, 23))
    def days_pass_without_anybody(self, amount, odd) -> None:
        self.now += amount * DAY + odd * HOUR
        self.a_pass()

    @rule()
    def look_again(self) -> None:
        self.a_pass()

    @precondition(lambda self: any(task.is_open for task in self.memory.tasks.values()))
    @rule(data=st.data(), end=st.sampled_from((None, *ENDS)))
    def a_backup_goes_on(self, data, end) -> None:
        """Only what the last pass asked for; a cap may hold it back."""
        asked = [start.task.id for start in self.last.actions.backups if self.memory.tasks[start.task.id].is_open]
        if not asked:
            return
        name = data.draw(st.sampled_from(asked))
        task = self.memory.tasks[name]
        if task.state == "waiting":
            self.begun.append((self._number_of(task.warehouse), task.slot))
            self.memory.begin(name, self.now)
        if end == "succeeded":
            self.memory.succeed(name, self.now)
        elif end is not None:
            self.memory.end(name, end, self.now)

    @rule(data=st.data(), end=st.sampled_from((None, "succeeded", "failed", "cancelled", "unknown")))
    def a_restore_goes_on(self, data, end) -> None:
        asked = [start for start in self.last.actions.restores
                 if self.memory.restores[start.task.id].state in ("pending", "running")]  # fmt: skip
        if not asked:
            return
        start = data.draw(st.sampled_from(asked))
        known = self.memory.restores[start.task.id]
        if known.claimed_at is None:
            self.claims.append(known.id)
        self.memory.restores[known.id] = known._replace(
            state=end or "running", backup_set=start.backup_set.id, storage="disk",
            claimed_at=known.claimed_at or self.now, started_at=known.started_at or self.now,
            ended_at=self.now if end else None,
        )  # fmt: skip

    @rule(whole=st.booleans())
    def removals_are_carried_out(self, whole) -> None:
        """As the ledger does: none that a restore has come to need meanwhile."""
        needed = {task.backup_set for task in self.memory.restores.values() if task.state == "running"}
        for item in self.last.actions.removals:
            if item.id not in needed and self.memory.sets[item.id].state != "removed":
                state = "removed" if whole else "removing"
                self.memory.sets[item.id] = self.memory.sets[item.id]._replace(state=state)

    # ---- one pass, and what must hold after it ----

    def a_pass(self) -> None:
        wanted = self._desired()
        before = self.memory.recorded(wanted, self.now)
        decision = self.memory.decide(wanted, self.now)
        assert self.memory.decide(wanted, self.now) == decision
        assert self.memory.take(wanted, self.now) == decision
        self.last = decision
        self._account(decision)
        self._check_again(wanted, decision)
        self._check_removals(wanted, decision)
        self._check_restores(before.restores, decision)

    def _account(self, decision: Decision) -> None:
        faulty = {fault.subject for fault in decision.faults}
        for house in self.houses:
            house.recorded = house.name if house.declared else house.recorded
            if house.name in faulty:
                continue
            in_force = house.spans[-1] if house.spans and house.spans[-1].until is None else None
            planned = house.plan if house.declared else None
            if (in_force.plan if in_force else None) != planned:
                if in_force:
                    house.spans[-1] = in_force._replace(until=self.now)
                if planned:
                    house.spans.append(Span(planned, self.now))
            elif house.name in {item.new for item in decision.rows.renamings} and in_force:
                house.spans[-1] = in_force._replace(until=self.now)
                house.spans.append(Span(planned, self.now))

    def _check_again(self, wanted: Desired, decision: Decision) -> None:
        """What is recorded is what was decided, and at the same instant nothing more follows from it."""
        for again in (self.memory.decide(wanted, self.now), plan.decide(wanted, decision.after, self.now)):
            notes = decision.actions.notes if again.after.notes else ()  # the memory takes them for written
            expected = decision.actions._replace(notes=notes)
            assert again.rows == Rows()
            assert again.changes == ()
            assert again.actions == expected
            assert again.verdicts == decision.verdicts
            assert again.is_idle == (expected == Actions())

    def _check_removals(self, wanted: Desired, decision: Decision) -> None:
        going = {item.id for item in decision.actions.removals if item.state == "present"}
        assert not going & wanted.holds.keys()
        assert not going & {start.backup_set.id for start in decision.actions.restores}
        for name, entry in wanted.planned.items():
            if name in {fault.subject for fault in decision.faults}:
                continue
            sets = [item for item in self.memory.sets.values() if item.warehouse == name and item.state == "present"]
            left = [item for item in sets if item.id not in going]
            assert len(left) >= min(len(sets), entry.plan.keep_last)

    def _check_restores(self, before, decision: Decision) -> None:
        for task in decision.rows.restores:
            known = before.get(task.id)
            assert known is None or known.claimed_at is None
        for start in decision.actions.restores:
            assert start.task.state in ("pending", "running")

    @invariant()
    def every_slot_has_its_one_task(self) -> None:
        """D2, P3, P4: neither lost, nor doubled, nor of a time before the takeover."""
        for number, house in enumerate(self.houses):
            wanted: dict[datetime, bool] = {}
            for span in house.spans:
                for slot in naive_slots(span, self.now if self.last else MONDAY):
                    wanted.setdefault(slot, span.plan.enabled)
            own = [task for task in self.memory.tasks.values() if self._number_of(task.warehouse) == number]
            tasks = {task.slot: task for task in own}
            assert len(tasks) == len(own)
            assert sorted(tasks) == sorted(wanted)
            assert {slot for slot, task in tasks.items() if task.state == "disabled"} == {
                slot for slot, enabled in wanted.items() if not enabled
            }

    @invariant()
    def nothing_is_fired_twice(self) -> None:
        """D2, R1."""
        assert len(set(self.begun)) == len(self.begun)
        assert len(set(self.claims)) == len(self.claims)

    @invariant()
    def at_most_one_task_of_a_warehouse_waits_or_runs(self) -> None:
        """D3, D4."""
        open_tasks = [task.warehouse for task in self.memory.tasks.values() if task.is_open]
        assert len(set(open_tasks)) == len(open_tasks)

    # ---- small things ----

    def _edit(self, number: int, planned: Plan) -> None:
        self.houses[number].declared, self.houses[number].plan = True, planned

    def _desired(self) -> Desired:
        entries = [
            warehouse(house.plan, house.name, previous_name=house.recorded if house.recorded != house.name else None)
            for house in self.houses if house.declared
        ]  # fmt: skip
        return desired(
            *entries, warehouse(name="other"), restores=tuple(self.restores.values()),
            holds=tuple(hold(name) for name in sorted(self.held)),
        )

    def _is_behind(self, number: int, planned: Plan | None) -> bool:
        """Whether a one-time start is older than a slot that has its task; a ledger finds such a start by name only."""
        slots = [task.slot for task in self.memory.tasks.values() if self._number_of(task.warehouse) == number]
        starts = isinstance(planned.schedule, OneTime) if planned else False
        return starts and planned.schedule.start_time < max(slots, default=MONDAY)

    def _number_of(self, name: str) -> int:
        return "ab".index(name[0])


TestLife = Life.TestCase
TestLife.settings = hypothesis.settings(max_examples=150, stateful_step_count=40)
