"""Which sets may go, by example and against a second implementation that asks every hour of a day (S2, S3)."""

from datetime import datetime
from typing import NamedTuple

import pytest
from core_values import (
    DAY,
    HOUR,
    MONDAY,
    SECOND,
    Memory,
    a_plan,
    a_restore,
    a_set,
    desired,
    hold,
    revision,
    warehouse,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core import retention
from reconciler.core.model import Plan
from reconciler.core.record import BackupSet, HoldRecord, Leftover, PlanRevision
from reconciler.core.retention import Shift, Verdict

NONE_NEEDED: frozenset[str] = frozenset()
OLD = a_set(MONDAY - 20 * DAY)
NEW = a_set(MONDAY - DAY)


def verdicts(sets, revisions=(), holds=(), needed=NONE_NEEDED, now=MONDAY) -> tuple[Verdict, ...]:
    return retention.verdicts(sets, revisions, holds, needed, now)


def going(sets, revisions=(), holds=(), needed=NONE_NEEDED, now=MONDAY) -> list[str]:
    return [item.backup_set.id for item in verdicts(sets, revisions, holds, needed, now) if item.removable]


def only(plan: Plan, **fields) -> tuple[PlanRevision]:
    return (revision(plan, since=MONDAY - 90 * DAY, **fields),)


def overwritten(before: Plan, after: Plan, when: datetime) -> tuple[PlanRevision, ...]:
    return (
        revision(before, 1, MONDAY - 90 * DAY, ended_at=when),
        revision(after, 2, when),
    )


def kept(days: int = 7, keep_last: int = 0) -> Plan:
    return a_plan(retention_days=days, keep_last=keep_last)


def test_a_set_expires_whole_days_after_its_completion():
    """S2."""
    expires = NEW.completed_at + 7 * DAY
    before, then = (verdicts([NEW], only(kept(7)), now=now) for now in (expires - SECOND, expires))
    assert before == (Verdict(NEW, expires, None, False),)
    assert then == (Verdict(NEW, expires, None, True),)


def test_the_days_are_those_of_the_plan_in_force_whatever_the_set_was_made_under():
    """S2."""
    made_under_a_year = a_set(MONDAY - 20 * DAY, retention_days=365)
    assert going([made_under_a_year], only(kept(7))) == [made_under_a_year.id]


def test_no_days_expire_a_set_at_its_completion():
    """S2."""
    assert verdicts([NEW], only(kept(0))) == (Verdict(NEW, NEW.completed_at, None, True),)


def test_a_shorter_retention_takes_effect_a_day_later():
    """S2."""
    rules = overwritten(kept(30), kept(7), MONDAY)
    assert verdicts([OLD], rules) == (Verdict(OLD, MONDAY + DAY, None, False),)
    assert going([OLD], rules, now=MONDAY + DAY - SECOND) == []
    assert going([OLD], rules, now=MONDAY + DAY) == [OLD.id]


def test_a_longer_retention_takes_effect_at_once():
    """S2."""
    assert going([OLD], overwritten(kept(7), kept(30), MONDAY)) == []


def test_a_revert_within_the_day_saves_the_set():
    """S2."""
    rules = (
        revision(kept(30), 1, MONDAY - 90 * DAY, ended_at=MONDAY),
        revision(kept(7), 2, MONDAY, ended_at=MONDAY + 23 * HOUR),
        revision(kept(30), 3, MONDAY + 23 * HOUR),
    )
    assert [going([OLD], rules, now=MONDAY + amount * HOUR) for amount in (23, 24, 48, 200)] == [[], [], [], []]


def test_edits_in_a_row_give_no_more_than_a_day_after_the_last():
    """S2."""
    rules = (
        revision(kept(30), 1, MONDAY - 90 * DAY, ended_at=MONDAY),
        revision(kept(14), 2, MONDAY, ended_at=MONDAY + 12 * HOUR),
        revision(kept(7), 3, MONDAY + 12 * HOUR),
    )
    assert going([OLD], rules, now=MONDAY + DAY - SECOND) == []
    assert going([OLD], rules, now=MONDAY + DAY) == [OLD.id]


def test_a_set_that_was_past_its_days_anyway_gets_no_extra_day():
    """S2: the edit makes it removable no sooner."""
    assert going([OLD], overwritten(kept(14), kept(7), MONDAY)) == [OLD.id]


def test_the_newest_good_sets_stay():
    """S3."""
    sets = [a_set(MONDAY - amount * DAY) for amount in (40, 30, 20)]
    assert [item.kept_by for item in verdicts(sets, only(kept(7, keep_last=2)))] == [None, "keep_last", "keep_last"]
    assert going(sets, only(kept(7, keep_last=2))) == [sets[0].id]


def test_the_last_good_set_stays_by_default():
    """S3."""
    assert going([OLD], only(a_plan(retention_days=7))) == []


def test_none_need_be_kept():
    """S3: keep_last 0 is allowed."""
    assert going([OLD, NEW], only(kept(0, keep_last=0))) == [OLD.id, NEW.id]


def test_more_may_be_kept_than_there_are():
    """S3."""
    assert going([OLD, NEW], only(kept(0, keep_last=9))) == []


@pytest.mark.parametrize("state", ["removing", "retained_by_lock"])
def test_a_set_whose_removal_has_begun_is_not_counted_as_good(state):
    """S3, S4: it may be half gone; as the newest it would be kept itself, if it is whole."""
    half_gone = NEW._replace(state=state)
    found = verdicts([OLD, half_gone], only(kept(0, keep_last=1)))
    assert [(item.kept_by, item.removable) for item in found] == [("keep_last", False), ("keep_last", False)]
    found = verdicts([OLD._replace(state=state), NEW], only(kept(0, keep_last=1)))
    assert [(item.kept_by, item.removable) for item in found] == [(None, True), ("keep_last", False)]


def test_a_smaller_keep_last_takes_effect_a_day_later():
    """S2."""
    rules = overwritten(kept(7, keep_last=2), kept(7, keep_last=1), MONDAY)
    sets = [a_set(MONDAY - 30 * DAY), OLD]
    assert going(sets, rules, now=MONDAY + DAY - SECOND) == []
    assert going(sets, rules, now=MONDAY + DAY) == [sets[0].id]


def test_each_warehouse_keeps_its_own_newest():
    """S3."""
    other = a_set(MONDAY - 50 * DAY, "other")
    rules = (*only(kept(7, keep_last=1)), revision(None, entry=warehouse(kept(7, keep_last=1), "other")))
    assert [item.kept_by for item in verdicts([OLD, other], rules)] == ["keep_last", "keep_last"]


def test_of_two_completed_at_once_the_later_id_counts_as_newer():
    """S3: so that two passes agree."""
    twin = OLD._replace(id=OLD.id + "x")
    assert going([OLD, twin], only(kept(7, keep_last=1))) == [OLD.id]
    assert going([twin, OLD], only(kept(7, keep_last=1))) == [OLD.id]


def test_a_held_set_stays():
    """S3."""
    held = HoldRecord(OLD.id, "audit", None, MONDAY)
    assert verdicts([OLD], only(kept(7)), [held]) == (Verdict(OLD, MONDAY - 13 * DAY, "hold", False),)


def test_a_hold_that_is_gone_holds_for_another_day():
    """S2."""
    gone = HoldRecord(OLD.id, "audit", None, MONDAY - 5 * DAY, gone_at=MONDAY)
    assert going([OLD], only(kept(7)), [gone], now=MONDAY + DAY - SECOND) == []
    assert going([OLD], only(kept(7)), [gone], now=MONDAY + DAY) == [OLD.id]


def test_a_hold_ends_at_its_until_at_once():
    """S2: that was said beforehand."""
    held = HoldRecord(OLD.id, "audit", MONDAY, MONDAY - 5 * DAY)
    assert going([OLD], only(kept(7)), [held], now=MONDAY - SECOND) == []
    assert going([OLD], only(kept(7)), [held], now=MONDAY) == [OLD.id]


def test_a_hold_that_was_taken_out_ends_no_later_than_its_until():
    """S2."""
    gone = HoldRecord(OLD.id, "audit", MONDAY + HOUR, MONDAY - 5 * DAY, gone_at=MONDAY)
    assert going([OLD], only(kept(7)), [gone], now=MONDAY + HOUR - SECOND) == []
    assert going([OLD], only(kept(7)), [gone], now=MONDAY + HOUR) == [OLD.id]


def test_a_held_set_counts_among_the_newest():
    """S3."""
    held = HoldRecord(NEW.id, "audit", None, MONDAY)
    assert going([OLD, NEW], only(kept(0, keep_last=1)), [held]) == [OLD.id]


def test_a_set_that_a_restore_needs_stays():
    """S3."""
    assert verdicts([OLD], only(kept(7)), needed=frozenset({OLD.id})) == (
        Verdict(OLD, MONDAY - 13 * DAY, "restore", False),
    )


def test_the_sets_of_an_ended_plan_expire_by_its_last_rule():
    """S2."""
    ended = only(kept(14), ended_at=MONDAY - 60 * DAY)
    made_under_a_week = a_set(MONDAY - 10 * DAY, retention_days=7, keep_last=0)
    assert going([made_under_a_week], ended) == []
    assert going([made_under_a_week], ended, now=MONDAY + 4 * DAY) == [made_under_a_week.id]


def test_an_orphaned_warehouse_keeps_its_newest_sets():
    """S3: orphaned or not."""
    ended = only(kept(7, keep_last=1), ended_at=MONDAY - 60 * DAY)
    assert [item.kept_by for item in verdicts([OLD], ended)] == ["keep_last"]


def test_a_warehouse_that_is_now_a_target_only_keeps_the_rule_of_its_last_plan():
    """P1, S2."""
    rules = (
        revision(kept(30), 1, MONDAY - 90 * DAY, ended_at=MONDAY - 60 * DAY),
        revision(None, 2, MONDAY - 60 * DAY),
    )
    assert going([OLD], rules) == []
    assert going([OLD], rules, now=MONDAY + 10 * DAY) == [OLD.id]


def test_without_any_recorded_rule_the_sets_own_counts():
    """S2: it stands in the manifest."""
    own = a_set(MONDAY - 20 * DAY, retention_days=30, keep_last=0)
    assert going([own]) == []
    assert going([own], now=MONDAY + 10 * DAY) == [own.id]
    assert [item.kept_by for item in verdicts([own._replace(keep_last=1)], now=MONDAY + 10 * DAY)] == ["keep_last"]


@pytest.mark.parametrize("ended", [HOUR, 60 * DAY])
def test_a_warehouse_declared_again_with_a_shorter_retention_removes_nothing_for_a_day(ended):
    """S2, P8: the plan had ended, but its rule stood until now."""
    rules = (
        revision(kept(365, keep_last=3), 1, MONDAY - 90 * DAY, ended_at=MONDAY - ended),
        revision(kept(7, keep_last=0), 2, MONDAY),
    )
    assert going([OLD], rules) == []
    assert going([OLD], rules, now=MONDAY + DAY - SECOND) == []
    assert going([OLD], rules, now=MONDAY + DAY) == [OLD.id]


@pytest.mark.parametrize("ended", [HOUR, 60 * DAY])
def test_a_pass_that_declares_a_warehouse_again_removes_nothing_by_its_new_rule(ended):
    """S2, P8."""
    memory = Memory()
    memory.remember(OLD)
    memory.take(desired(warehouse(kept(365))), MONDAY - 90 * DAY)
    memory.take(desired(), MONDAY - ended)
    again = desired(warehouse(kept(7)))

    removed = [memory.take(again, now).actions.removals for now in (MONDAY, MONDAY + HOUR, MONDAY + DAY)]

    assert removed == [(), (), (OLD,)]


def test_a_pass_removes_the_oldest_first_and_only_from_storages_that_it_can_reach():
    """S4, P5."""
    memory = Memory()
    sets = [a_set(MONDAY - amount * DAY) for amount in (20, 40, 30)]
    memory.remember(*sets, a_set(MONDAY - 50 * DAY, storage="elsewhere"))
    wanted = desired(warehouse(kept(7)))
    memory.take(wanted, MONDAY - 90 * DAY)

    assert memory.take(wanted, MONDAY).actions.removals == (sets[1], sets[2], sets[0])


@pytest.mark.parametrize("state", ["removing", "retained_by_lock"])
def test_a_removal_that_has_begun_is_taken_back_where_something_protects_its_set_now(state):
    """S3, S4: whether anything of it is gone is looked at then."""
    memory = Memory()
    begun = OLD._replace(state=state)
    memory.remember(begun, NEW)
    wanted = desired(warehouse(kept(7)), holds=(hold(begun.id),))

    actions = memory.take(wanted, MONDAY).actions
    assert (actions.removals, actions.spared) == ((), (begun,))


def test_a_removal_that_has_begun_goes_on():
    """S4."""
    memory = Memory()
    begun = OLD._replace(state="removing")
    memory.remember(begun, NEW)
    wanted = desired(warehouse(kept(7)))
    memory.take(wanted, MONDAY - 90 * DAY)

    actions = memory.take(wanted, MONDAY).actions
    assert (actions.removals, actions.spared) == ((begun,), ())


def test_a_set_retained_by_a_lock_is_not_tried_at_every_pass():
    """S4."""
    memory = Memory()
    locked = OLD._replace(state="retained_by_lock", tried_at=MONDAY)
    memory.remember(locked)
    wanted = desired(warehouse(kept(7)))
    memory.take(wanted, MONDAY - 90 * DAY)

    assert memory.take(wanted, MONDAY + DAY - SECOND).actions.removals == ()
    assert memory.take(wanted, MONDAY + DAY).actions.removals == (locked,)


def test_a_new_hold_is_recorded_and_counts_at_once():
    """S3."""
    memory = Memory()
    memory.remember(OLD)
    plain = desired(warehouse(kept(7)))
    memory.take(plain, MONDAY - 90 * DAY)

    decision = memory.take(desired(warehouse(kept(7)), holds=(hold(OLD.id, until=MONDAY + DAY),)), MONDAY)

    assert decision.rows.holds == (HoldRecord(OLD.id, "audit", MONDAY + DAY, MONDAY),)
    assert decision.actions.removals == ()


def test_a_hold_taken_out_lets_go_a_day_later_and_says_so():
    """S2."""
    memory = Memory()
    memory.remember(OLD)
    plain = desired(warehouse(kept(7)))
    held = desired(warehouse(kept(7)), holds=(hold(OLD.id),))
    memory.take(held, MONDAY - 90 * DAY)

    decision = memory.take(plain, MONDAY)

    assert decision.rows.holds == (HoldRecord(OLD.id, "audit", None, MONDAY - 90 * DAY, MONDAY),)
    assert [item.backup_set for item in decision.sooner] == [OLD]
    assert [memory.take(plain, MONDAY + amount * HOUR).actions.removals for amount in (0, 23, 24)] == [(), (), (OLD,)]


def test_a_hold_put_back_within_the_day_saves_the_set():
    """S2."""
    memory = Memory()
    memory.remember(OLD)
    plain = desired(warehouse(kept(7)))
    held = desired(warehouse(kept(7)), holds=(hold(OLD.id),))
    memory.take(held, MONDAY - 90 * DAY)
    memory.take(plain, MONDAY)
    memory.take(held, MONDAY + 23 * HOUR)

    assert memory.take(held, MONDAY + 48 * HOUR).actions.removals == ()


def test_an_earlier_until_takes_effect_a_day_later():
    """S2: a hold cut short is a hold gone."""
    memory = Memory()
    memory.remember(OLD)
    long, short = (
        desired(warehouse(kept(7)), holds=(hold(OLD.id, until=until),)) for until in (MONDAY + 9 * DAY, MONDAY + HOUR)
    )
    memory.take(long, MONDAY - 90 * DAY)

    removed = [memory.take(short, MONDAY + amount * HOUR).actions.removals for amount in (0, 1, 23, 24)]

    assert removed == [(), (), (), (OLD,)]


def test_what_an_edit_makes_removable_is_told_and_what_goes_anyway_is_not():
    """S2: a shorter retention is a deletion, and the dry run shows it."""
    memory = Memory()
    going_anyway, going_by_edit, staying = (a_set(MONDAY - amount * DAY) for amount in (31, 20, 1))
    memory.remember(going_anyway, going_by_edit, staying)
    memory.take(desired(warehouse(kept(30))), MONDAY - 90 * DAY)

    decision = memory.decide(desired(warehouse(kept(7))), MONDAY)

    assert [item.backup_set for item in decision.sooner] == [going_by_edit]
    assert decision.actions.removals == (going_anyway,)


def test_what_an_edit_lets_expire_sooner_is_told_with_both_instants():
    """S2: also what stays for now."""
    memory = Memory()
    past, fresh = a_set(MONDAY - 20 * DAY), a_set(MONDAY - DAY)
    memory.remember(past, fresh)
    memory.take(desired(warehouse(kept(30))), MONDAY - 90 * DAY)

    assert memory.decide(desired(warehouse(kept(7))), MONDAY).shifts == (
        Shift(past, MONDAY + 10 * DAY, MONDAY + DAY),
        Shift(fresh, MONDAY + 29 * DAY, MONDAY + 6 * DAY),
    )
    assert memory.decide(desired(warehouse(kept(60))), MONDAY).shifts == ()
    assert memory.decide(desired(warehouse(kept(30))), MONDAY).shifts == ()


def test_the_set_that_a_pending_restore_would_choose_is_not_removed():
    """S3."""
    memory = Memory()
    memory.remember(OLD)
    plain = desired(warehouse(kept(7)), warehouse(name="other"))
    wanting = desired(warehouse(kept(7)), warehouse(name="other"), restores=(a_restore(),))
    memory.take(plain, MONDAY - 90 * DAY)

    decision = memory.take(wanting, MONDAY)

    assert [start.backup_set for start in decision.actions.restores] == [OLD]
    assert decision.actions.removals == ()
    assert memory.take(plain, MONDAY + HOUR).actions.removals == (OLD,)


def test_the_set_of_a_running_restore_is_not_removed_though_its_entry_is_gone():
    """S3, R5."""
    memory = Memory()
    memory.remember(OLD)
    plain = desired(warehouse(kept(7)), warehouse(name="other"))
    memory.take(plain._replace(restores={"r1": a_restore()}), MONDAY - HOUR)
    memory.restores["r1"] = memory.restores["r1"]._replace(
        state="running", backup_set=OLD.id, started_at=MONDAY - HOUR, claimed_at=MONDAY - HOUR
    )

    decision = memory.take(plain, MONDAY)

    assert [start.backup_set for start in decision.actions.restores] == [OLD]
    assert decision.actions.removals == ()


def test_leftovers_are_removed_when_their_time_has_come():
    """S4."""
    memory = Memory()
    due, later = (Leftover("shop-1", "shop", "disk", attempt, MONDAY + attempt * SECOND) for attempt in (0, 1))
    memory.leftovers = [due, later]

    assert memory.take(desired(), MONDAY).actions.leftovers == (due,)


# ---- a second implementation ----


class Change(NamedTuple):
    """From this hour on the warehouse has a plan with these days and this keep_last, or ended, or is a target."""

    hour: int
    days: int
    keep_last: int
    kind: str  # plan, ended or target


class Line(NamedTuple):
    """A hold's line in the YAML, from one hour until another, or for ever."""

    set_number: int
    since: int
    gone: int | None
    until: int | None


class History(NamedTuple):
    changes: tuple[Change, ...]
    completed: tuple[int, ...]
    half_removed: frozenset[int]
    lines: tuple[Line, ...]
    needed: frozenset[int]
    now: int


@st.composite
def histories(draw) -> History:
    hours = draw(st.lists(st.integers(0, 200), unique=True, max_size=6).map(sorted))
    changes = tuple(
        Change(hour, draw(st.integers(0, 8)), draw(st.integers(0, 3)),
               "plan" if number == 0 else draw(st.sampled_from(("plan", "plan", "plan", "ended", "target"))))
        for number, hour in enumerate(hours)
    )  # fmt: skip
    completed = tuple(sorted(draw(st.lists(st.integers(0, 200), unique=True, min_size=1, max_size=6))))
    numbers = st.integers(0, len(completed) - 1)
    lines = tuple(
        Line(draw(numbers), since, draw(st.none() | st.integers(since + 1, 240)), draw(st.none() | st.integers(0, 240)))
        for since in draw(st.lists(st.integers(0, 200), max_size=2))
    )  # fmt: skip
    latest = max((*hours, *completed, *(line.since for line in lines), *(line.gone or 0 for line in lines)))
    return History(
        changes, completed, draw(st.frozensets(numbers, max_size=1)), lines, draw(st.frozensets(numbers, max_size=1)),
        latest + draw(st.integers(0, 60)),
    )  # fmt: skip


def instant(hour: int) -> datetime:
    return MONDAY + hour * HOUR


def as_sets(history: History) -> list[BackupSet]:
    return [
        a_set(instant(hour), state="removing" if number in history.half_removed else "present",
              retention_days=OWN[0], keep_last=OWN[1])
        for number, hour in enumerate(history.completed)
    ]  # fmt: skip


def as_revisions(history: History) -> list[PlanRevision]:
    """As passes would have recorded them: an end closes the revision, whatever comes next opens another."""
    found: list[PlanRevision] = []
    for change in history.changes:
        if found and found[-1].ended_at is None:
            found[-1] = found[-1]._replace(ended_at=instant(change.hour))
        if change.kind != "ended":
            plan = None if change.kind == "target" else kept(change.days, change.keep_last)
            found.append(revision(plan, len(found) + 1, instant(change.hour)))
    return found


def as_holds(history: History, sets: list[BackupSet]) -> list[HoldRecord]:
    return [
        HoldRecord(sets[line.set_number].id, "audit", None if line.until is None else instant(line.until),
                   instant(line.since), None if line.gone is None else instant(line.gone))
        for line in history.lines
    ]  # fmt: skip


OWN = (2, 1)  # days and keep_last of each set, as `as_sets` makes them


def naive_rule(history: History, number: int, hour: int) -> tuple[int, int] | None:
    """Days and keep_last as they stood at an hour for a set; an end changes nothing about them.

    Before the first plan, a set that a storage shows has its own.
    """
    plans = [change for change in history.changes if change.kind == "plan"]
    stood = [change for change in plans if change.hour <= hour]
    if stood:
        return stood[-1].days, stood[-1].keep_last
    return OWN if not plans or history.completed[number] < plans[0].hour else None


def naive_rules(history: History, number: int, hour: int) -> list[tuple[int, int]]:
    """All that stood in the last day."""
    found = [naive_rule(history, number, earlier) for earlier in range(hour - 24, hour + 1)]
    return [rule for rule in found if rule]


def naive_days_are_over(history: History, number: int, hour: int) -> bool:
    return all(history.completed[number] + days * 24 <= hour for days, _ in naive_rules(history, number, hour))


def naive_is_newest(history: History, number: int, hour: int) -> bool:
    every = range(len(history.completed))
    rules = [rule for other in every for rule in naive_rules(history, other, hour)]
    newer = [other for other in every if other > number and other not in history.half_removed]
    return len(newer) < max(keep_last for _, keep_last in rules)


def naive_is_held(history: History, number: int, hour: int) -> bool:
    return any(
        line.set_number == number and (line.until is None or line.until > hour)
        and any(line.since <= earlier and (line.gone is None or earlier < line.gone)
                for earlier in range(hour - 24, hour + 1))
        for line in history.lines
    )  # fmt: skip


@given(histories())
@settings(max_examples=800)
def test_random_histories_end_as_a_second_implementation_says(history):
    """S2, S3: each rule followed hour by hour, apart from the others."""
    sets = as_sets(history)
    needed = frozenset(sets[number].id for number in history.needed)
    now = instant(history.now)

    found = retention.verdicts(sets, as_revisions(history), as_holds(history, sets), needed, now)

    for number, verdict in enumerate(found):
        held = naive_is_held(history, number, history.now)
        newest = naive_is_newest(history, number, history.now)
        why = "hold" if held else "restore" if number in history.needed else "keep_last" if newest else None
        over = naive_days_are_over(history, number, history.now)
        assert (verdict.backup_set, verdict.kept_by, verdict.removable) == (sets[number], why, why is None and over)
        ends = next(hour for hour in range(history.now, 1_000) if naive_days_are_over(history, number, hour))
        assert max(verdict.expires_at, now) == instant(ends)


@given(histories())
@settings(max_examples=200)
def test_no_edit_makes_a_set_removable_within_its_day(history):
    """S2: what could not go before an edit, and would not have gone without it, cannot go for a day after it."""
    *before, edit = history.changes or (Change(0, 1, 1, "plan"),)
    if not before:
        return
    unedited = history._replace(changes=tuple(before))
    for hour in range(edit.hour, edit.hour + 24):
        kept_without = naive_going(unedited, hour)
        assert naive_going(history._replace(changes=(*before, edit)), hour) <= kept_without
        assert real_going(history._replace(changes=(*before, edit)), hour) <= real_going(unedited, hour)


def naive_going(history: History, hour: int) -> set[int]:
    return {
        number for number in range(len(history.completed))
        if naive_days_are_over(history, number, hour) and not naive_is_newest(history, number, hour)
    }  # fmt: skip


def real_going(history: History, hour: int) -> set[str]:
    return set(going(as_sets(history), as_revisions(history), now=instant(hour)))
