"""What becomes of each slot: run, missed, skipped or disabled, and never anything twice (D2 to D5, P3, P4)."""

import pytest
from core_values import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    SECOND,
    Memory,
    a_plan,
    a_restore,
    a_set,
    at,
    daily,
    desired,
    once,
    warehouse,
)

from reconciler.core import plan
from reconciler.core.actions import StartBackup
from reconciler.core.plan import Rows
from reconciler.core.record import Task

SLOT = MONDAY + 2 * HOUR
SHOP = warehouse(a_plan())
WANTED = desired(SHOP)


def name(slot) -> str:
    return f"shop-{slot:%Y%m%dT%H%M%SZ}"


def since_monday(entry=SHOP) -> Memory:
    """A ledger that took the plan over on Monday at 00:00."""
    memory = Memory()
    memory.take(desired(entry), MONDAY)
    return memory


def test_a_slot_that_is_due_becomes_a_task_that_waits_and_is_started():
    """D1, D2."""
    memory = since_monday()

    decision = memory.take(WANTED, SLOT)

    task = Task("shop-20261123T020000Z", "shop", SLOT, "waiting", 1, created_at=SLOT)
    assert decision.rows.tasks == (task,)
    assert decision.actions.backups == (StartBackup(task, SHOP),)


def test_a_second_before_its_slot_nothing_is_due():
    """D1."""
    assert since_monday().take(WANTED, SLOT - SECOND).is_idle


def test_a_slot_counts_only_after_the_takeover():
    """P3: neither run nor missed."""
    memory = Memory()
    assert memory.take(WANTED, SLOT).rows.tasks == ()
    assert memory.take(WANTED, SLOT + HOUR).rows.tasks == ()
    memory.take(WANTED, SLOT + DAY)
    assert memory.states() == {name(SLOT + DAY): "waiting"}


@pytest.mark.parametrize(("late", "state"), [(12 * HOUR, "waiting"), (12 * HOUR + SECOND, "missed")])
def test_a_slot_runs_late_within_catch_up_and_is_missed_after_it(late, state):
    """D3."""
    memory = since_monday()
    memory.take(WANTED, SLOT + late)
    assert memory.states() == {name(SLOT): state}


def test_catch_up_is_the_plans_own():
    """D3."""
    memory = since_monday(entry := warehouse(a_plan(catch_up=60)))
    memory.take(desired(entry), SLOT + 61 * SECOND)
    task = memory.tasks[name(SLOT)]
    assert (task.state, task.reason) == ("missed", "not started within 1m of its slot (`catch_up`)")


def test_after_downtime_the_newest_slot_runs_and_the_others_are_missed():
    """D3."""
    memory = since_monday()

    decision = memory.take(WANTED, SLOT + 3 * DAY + HOUR)

    assert memory.states() == {
        name(SLOT): "missed", name(SLOT + DAY): "missed", name(SLOT + 2 * DAY): "missed",
        name(SLOT + 3 * DAY): "waiting",
    }  # fmt: skip
    assert {task.reason for task in decision.rows.tasks[:-1]} == {"a newer slot was due as well"}
    assert {task.ended_at for task in decision.rows.tasks[:-1]} == {SLOT + 3 * DAY + HOUR}
    assert [start.task.slot for start in decision.actions.backups] == [SLOT + 3 * DAY]


def test_of_several_slots_within_catch_up_only_the_newest_runs():
    """D3."""
    memory = since_monday(entry := warehouse(a_plan(catch_up=7 * 86_400)))

    decision = memory.take(desired(entry), SLOT + 2 * DAY)

    assert [(task.state, task.reason) for task in decision.rows.tasks] == [
        ("missed", "a newer slot was due as well"), ("missed", "a newer slot was due as well"), ("waiting", None),
    ]  # fmt: skip


def test_after_long_downtime_every_slot_is_missed():
    """D3: none is lost without a word, none fired."""
    memory = since_monday()
    decision = memory.take(WANTED, SLOT + 3 * DAY - HOUR)
    assert [task.state for task in decision.rows.tasks] == ["missed"] * 3
    assert decision.actions.backups == ()


def test_a_waiting_task_keeps_waiting_until_catch_up_is_over():
    """D3: for the cap, or for a restore in the same warehouse."""
    memory = since_monday()
    memory.take(WANTED, SLOT)
    assert memory.take(WANTED, SLOT + 12 * HOUR).rows.tasks == ()
    memory.take(WANTED, SLOT + 12 * HOUR + SECOND)
    assert memory.tasks[name(SLOT)] == Task(
        name(SLOT), "shop", SLOT, "missed", 1, created_at=SLOT, ended_at=SLOT + 12 * HOUR + SECOND,
        reason="not started within 12h of its slot (`catch_up`)",
    )  # fmt: skip


def test_a_waiting_task_gives_way_to_a_newer_slot():
    """D3."""
    memory = since_monday(entry := warehouse(a_plan(catch_up=7 * 86_400)))
    memory.take(desired(entry), SLOT)

    decision = memory.take(desired(entry), SLOT + DAY)

    assert memory.states() == {name(SLOT): "missed", name(SLOT + DAY): "waiting"}
    assert memory.tasks[name(SLOT)].reason == "a newer slot was due as well"
    assert [start.task.id for start in decision.actions.backups] == [name(SLOT + DAY)]


def test_a_slot_that_comes_while_a_backup_runs_is_skipped():
    """D4."""
    memory = since_monday()
    memory.take(WANTED, SLOT)
    memory.begin(name(SLOT), SLOT)

    decision = memory.take(WANTED, SLOT + DAY)

    assert decision.rows.tasks == (Task(
        name(SLOT + DAY), "shop", SLOT + DAY, "skipped", 1, created_at=SLOT + DAY, ended_at=SLOT + DAY,
        reason=f"{name(SLOT)} still runs",
    ),)  # fmt: skip
    assert [start.task.id for start in decision.actions.backups] == [name(SLOT)]


def test_the_backup_of_another_warehouse_skips_nothing():
    """D4."""
    wanted = desired(SHOP, warehouse(a_plan(), "other"))
    memory = Memory()
    memory.take(wanted, MONDAY)
    memory.take(wanted, SLOT)
    memory.begin(name(SLOT), SLOT)
    memory.take(wanted, SLOT + DAY)
    assert {task.state for task in memory.tasks.values() if task.slot == SLOT + DAY} == {"skipped", "waiting"}


def test_once_a_backup_has_ended_the_next_slot_runs():
    """D4."""
    memory = since_monday()
    memory.take(WANTED, SLOT)
    memory.begin(name(SLOT), SLOT)
    memory.succeed(name(SLOT), SLOT + HOUR)
    memory.take(WANTED, SLOT + DAY)
    assert memory.states() == {name(SLOT): "succeeded", name(SLOT + DAY): "waiting"}


@pytest.mark.parametrize("state", ["failed", "cancelled", "lost", "succeeded"])
def test_an_ended_slot_is_never_fired_again(state):
    """D2."""
    memory = since_monday()
    memory.take(WANTED, SLOT)
    memory.begin(name(SLOT), SLOT)
    memory.end(name(SLOT), state, SLOT + HOUR)
    decision = memory.take(WANTED, SLOT + 2 * HOUR)
    assert decision.rows.tasks == ()
    assert decision.actions.backups == ()


def test_a_clock_set_back_fires_nothing_again():
    """S5."""
    memory = since_monday()
    memory.take(WANTED, SLOT + DAY)
    assert memory.take(WANTED, SLOT).rows.tasks == ()
    assert memory.take(WANTED, MONDAY - DAY).rows.tasks == ()
    assert memory.take(WANTED, SLOT + DAY).rows.tasks == ()


def test_slots_inside_a_disabled_span_are_disabled_and_not_made_up_for():
    """P4."""
    memory = since_monday()
    disabled = desired(warehouse(a_plan(daily(enabled=False))))
    memory.take(disabled, MONDAY + HOUR)

    decision = memory.take(disabled, SLOT + DAY)

    assert memory.states() == {name(SLOT): "disabled", name(SLOT + DAY): "disabled"}
    assert {task.reason for task in memory.tasks.values()} == {"the plan is disabled"}
    assert decision.actions.backups == ()
    memory.take(WANTED, SLOT + DAY + HOUR)
    memory.take(WANTED, SLOT + 2 * DAY)
    assert memory.states() == {
        name(SLOT): "disabled", name(SLOT + DAY): "disabled", name(SLOT + 2 * DAY): "waiting",
    }  # fmt: skip


def test_slots_before_a_plan_was_disabled_are_settled_as_of_the_enabled_one():
    """P3, P4: the commit that disables is only seen after a slot."""
    memory = since_monday()
    memory.take(desired(warehouse(a_plan(daily(enabled=False)))), SLOT + HOUR)
    assert memory.states() == {name(SLOT): "waiting"}


def test_slots_before_a_plan_was_enabled_again_are_settled_as_disabled():
    """P3, P4."""
    disabled = warehouse(a_plan(daily(enabled=False)))
    memory = since_monday(disabled)
    memory.take(WANTED, SLOT + HOUR)
    assert memory.states() == {name(SLOT): "disabled"}


def test_retention_and_restores_go_on_while_a_plan_is_disabled():
    """P4."""
    disabled = warehouse(a_plan(daily(enabled=False), keep_last=0))
    memory = since_monday(disabled)
    old, new = a_set(MONDAY - 30 * DAY), a_set(MONDAY - DAY)
    memory.remember(old, new)

    decision = memory.take(desired(disabled, warehouse(name="other"), restores=(a_restore(),)), MONDAY + HOUR)

    assert decision.actions.removals == (old,)
    assert [start.backup_set for start in decision.actions.restores] == [new]


def test_a_running_backup_goes_on_under_the_plan_it_began_with():
    """P3."""
    memory = since_monday()
    memory.take(WANTED, SLOT)
    memory.begin(name(SLOT), SLOT)
    changed = warehouse(a_plan(retention_days=30))

    first = memory.take(desired(changed), SLOT + HOUR)
    second = memory.take(desired(changed), SLOT + 2 * HOUR)

    assert [start.entry for start in first.actions.backups] == [SHOP]
    assert [start.entry for start in second.actions.backups] == [SHOP]


def test_a_running_backup_is_reached_the_way_the_newest_entry_says():
    """P3: a host that moved, a password that changed."""
    moved = SHOP._replace(connection=SHOP.connection._replace(path="/moved"))
    memory = since_monday()
    memory.take(WANTED, SLOT)
    memory.begin(name(SLOT), SLOT)
    assert [start.entry for start in memory.take(desired(moved), SLOT + HOUR).actions.backups] == [moved]


@pytest.mark.parametrize("later", [DAY, 3 * DAY])
def test_a_backup_whose_plan_has_ended_goes_on_to_its_end(later):
    """P3, P5: also where the name has been declared again since, in whatever form."""
    memory = since_monday()
    memory.take(WANTED, SLOT)
    memory.begin(name(SLOT), SLOT)
    ended = memory.take(desired(), SLOT + HOUR)
    again = warehouse(a_plan(retention_days=30))
    declared = memory.take(desired(again), SLOT + later)
    assert [start.entry for start in ended.actions.backups] == [SHOP]
    assert [start.entry for start in declared.actions.backups] == [SHOP]
    assert memory.revisions["shop", 2].plan == again.plan


@pytest.mark.parametrize("ended", [desired(), desired(warehouse(None))], ids=["gone", "without a plan"])
def test_a_task_that_waits_after_its_plan_has_ended_is_missed_once_catch_up_is_over(ended):
    """D3, P5: a slot is not fired a week late because nobody asks any more."""
    memory = since_monday()
    memory.take(WANTED, SLOT)
    within = memory.take(ended, SLOT + 12 * HOUR)
    after = memory.take(ended, SLOT + 12 * HOUR + SECOND)
    assert [start.task.id for start in within.actions.backups] == [name(SLOT)]
    assert [(task.id, task.state, task.reason) for task in after.rows.tasks] == [
        (name(SLOT), "missed", "not started within 12h of its slot (`catch_up`)")
    ]
    assert after.actions.backups == ()
    assert memory.take(ended, SLOT + DAY).rows.tasks == ()


def test_backups_start_in_the_order_of_their_slots():
    """D3."""
    early, late = warehouse(a_plan(daily("01:00:00")), "late-name"), warehouse(a_plan(), "a-name")
    wanted = desired(late, early)
    memory = Memory()
    memory.take(wanted, MONDAY)
    decision = memory.take(wanted, SLOT)
    assert [start.task.warehouse for start in decision.actions.backups] == ["late-name", "a-name"]


# ---- one-time plans ----

START = MONDAY + 2 * HOUR


def test_a_one_time_start_runs_once_and_the_plan_is_then_completed():
    """D5."""
    wanted = desired(warehouse(once(START)))
    memory = since_monday(warehouse(once(START)))
    memory.take(wanted, START - SECOND)
    assert memory.states() == {}
    memory.take(wanted, START)
    memory.begin(name(START), START)
    memory.succeed(name(START), START + HOUR)
    for later in (START + HOUR, START + DAY, START + 400 * DAY):
        decision = memory.take(wanted, later)
        assert decision.rows.tasks == ()
        assert decision.faults == ()
        assert decision.warnings == ()
    assert memory.states() == {name(START): "succeeded"}


@pytest.mark.parametrize(("late", "states"), [
    (0 * HOUR, {name(START): "waiting"}), (12 * HOUR, {name(START): "waiting"}), (12 * HOUR + SECOND, {}),
])  # fmt: skip
def test_a_start_before_the_takeover_counts_within_catch_up(late, states):
    """P3, D5."""
    memory = Memory()
    decision = memory.take(desired(warehouse(once(START))), START + late)
    assert memory.states() == states
    memory.take(desired(warehouse(once(START))), START + 30 * HOUR)
    assert list(memory.tasks) == list(states)
    assert decision.warnings == (() if states else ("one_time.start_time of shop is already past",))


def test_a_start_that_was_past_at_its_takeover_waits_until_every_storage_was_looked_into():
    """D2, T2: its set may be in any of them, whatever the plan says now."""
    wanted, late = desired(warehouse(once(START))), START + HOUR
    unseen = Memory().recorded(wanted, late)._replace(storages={})
    first = plan.decide(wanted, unseen, late)
    assert (first.rows.tasks, first.actions.looks) == ((), ("disk",))

    then = plan.decide(wanted, first.after._replace(configuration=wanted, storages={}), late + HOUR)
    assert then.rows.tasks == ()
    seen = plan.decide(wanted, first.after._replace(configuration=wanted, storages=None), late + HOUR)
    assert [(task.id, task.state) for task in seen.rows.tasks] == [(name(START), "waiting")]


def test_a_start_that_is_past_is_a_fault_only_in_the_review_of_a_new_plan():
    """D5."""
    memory = Memory()
    wanted = desired(warehouse(once(START)))
    (fault,) = memory.decide(wanted, START, review=True).faults
    assert (fault.subject, fault.advice) == ("shop", True)
    assert fault.message == "one_time.start_time of shop is already past; choose one that is still to come"
    assert memory.decide(wanted, START, review=True).warnings == ()
    assert memory.decide(wanted, START - SECOND, review=True).faults == ()
    memory.take(wanted, START + DAY)
    assert memory.decide(wanted, START + 2 * DAY, review=True).faults == ()


def test_a_start_that_has_had_its_task_is_a_fault_that_names_the_task():
    """D5."""
    memory = since_monday()
    memory.take(WANTED, SLOT)
    memory.begin(name(SLOT), SLOT)
    memory.succeed(name(SLOT), SLOT + HOUR)

    decision = memory.take(desired(warehouse(once(SLOT))), SLOT + 2 * HOUR)

    (fault,) = decision.faults
    assert (fault.subject, fault.advice) == ("shop", False)
    assert name(SLOT) in fault.message
    assert decision.changes == ()
    assert memory.revisions["shop", 1].plan == SHOP.plan
    assert memory.states() == {name(SLOT): "succeeded"}


@pytest.mark.parametrize("schedule", [daily(), daily(enabled=False)], ids=["enabled", "disabled"])
def test_a_start_equal_to_a_slot_that_is_settled_in_the_same_pass_is_that_fault_too(schedule):
    """D5, P3: it must not matter whether a pass came between the slot and the commit."""
    entry = warehouse(a_plan(schedule))
    wanted = desired(warehouse(once(SLOT)))
    one, two = since_monday(entry), since_monday(entry)

    at_once = one.take(wanted, SLOT + MINUTE)
    two.take(desired(entry), SLOT + MINUTE)
    after = two.take(wanted, SLOT + MINUTE)

    assert at_once.faults == after.faults
    assert len(at_once.faults) == 1
    assert one.states() == two.states() == {name(SLOT): "waiting" if schedule.enabled else "disabled"}


def test_an_edit_of_a_one_time_plan_that_has_run_does_not_run_it_again():
    """D5, D2: within catch_up of its start, and in the very pass in which it falls due."""
    for edit in (START, START + HOUR):
        memory = since_monday(warehouse(once(START)))
        edited = desired(warehouse(once(START, retention_days=30)))
        if edit > START:
            memory.take(desired(warehouse(once(START))), START)
            memory.begin(name(START), START)
            memory.succeed(name(START), START + MINUTE)
        memory.take(edited, edit)
        memory.take(edited, edit + HOUR)
        assert memory.states() == {name(START): "succeeded" if edit > START else "waiting"}
        assert memory.revisions["shop", 2].plan.retention_days == 30


def test_a_slot_due_under_the_plan_in_force_runs_by_that_plan_though_an_edit_comes_in_the_same_pass():
    """P3."""
    memory = since_monday(warehouse(once(START)))
    decision = memory.take(desired(warehouse(once(START, retention_days=30))), START)
    assert [start.entry.plan.retention_days for start in decision.actions.backups] == [7]


def test_a_start_that_was_missed_stays_missed_though_the_edit_that_is_seen_with_it_would_catch_up():
    """P3: settled first, then taken over."""
    memory = since_monday(warehouse(once(START, catch_up=60)))
    memory.take(desired(warehouse(once(START, catch_up=86_400))), START + HOUR)
    assert memory.states() == {name(START): "missed"}


def test_a_completed_plan_that_ended_and_comes_back_needs_a_new_start():
    """D5: the start has its task, whatever lay between."""
    wanted = desired(warehouse(once(START)))
    memory = since_monday(warehouse(once(START)))
    memory.take(wanted, START)
    memory.begin(name(START), START)
    memory.succeed(name(START), START + HOUR)
    memory.take(desired(), START + 2 * HOUR)

    decision = memory.take(wanted, START + 3 * HOUR)

    assert [fault.subject for fault in decision.faults] == ["shop"]
    assert decision.changes == ()
    assert memory.states() == {name(START): "succeeded"}


def test_a_completed_plan_gets_a_new_start():
    """D5."""
    memory = since_monday(warehouse(once(START)))
    memory.take(desired(warehouse(once(START))), START)
    memory.begin(name(START), START)
    memory.succeed(name(START), START + HOUR)
    again = desired(warehouse(once(START + DAY)))
    memory.take(again, START + 2 * HOUR)
    memory.take(again, START + DAY)
    assert memory.states() == {name(START): "succeeded", name(START + DAY): "waiting"}


def test_a_start_that_comes_while_a_backup_runs_is_skipped():
    """D4, D5."""
    memory = since_monday()
    memory.take(WANTED, SLOT)
    memory.begin(name(SLOT), SLOT)
    memory.take(desired(warehouse(once(SLOT + HOUR))), SLOT + 30 * MINUTE)
    memory.take(desired(warehouse(once(SLOT + HOUR))), SLOT + HOUR)
    assert memory.states() == {name(SLOT): "running", name(SLOT + HOUR): "skipped"}


@pytest.mark.parametrize("passes", [1, 2])
def test_a_start_older_than_a_slot_that_waits_gives_way_to_it(passes):
    """D3: only the newest runs, whichever plan it is of."""
    memory = since_monday()
    if passes == 2:
        memory.take(WANTED, SLOT)
    memory.take(desired(warehouse(once(SLOT - HOUR))), SLOT + MINUTE)
    assert memory.states() == {name(SLOT - HOUR): "missed", name(SLOT): "waiting"}
    assert memory.tasks[name(SLOT - HOUR)].reason == "a newer slot was due as well"


@pytest.mark.parametrize("passes", [1, 2])
def test_a_slot_that_waits_gives_way_to_a_newer_start(passes):
    """D3."""
    memory = since_monday()
    if passes == 2:
        memory.take(WANTED, SLOT)
    memory.take(desired(warehouse(once(SLOT + HOUR))), SLOT + 2 * HOUR)
    assert memory.states() == {name(SLOT): "missed", name(SLOT + HOUR): "waiting"}


def test_a_start_at_the_slot_of_another_warehouse_is_one_of_its_own():
    """D2: a slot is a warehouse's."""
    memory = since_monday()
    memory.take(desired(SHOP, warehouse(once(SLOT), "other")), SLOT)
    assert memory.states() == {name(SLOT): "waiting", "other-20261123T020000Z": "waiting"}


def test_slots_follow_the_plans_zone_through_a_clock_change():
    """D1: Berlin, 2026-10-25, 02:30 comes twice."""
    entry = warehouse(a_plan(daily("02:30:00", time_zone="Europe/Berlin")))
    memory = Memory()
    memory.take(desired(entry), at("2026-10-24 12:00"))
    for minute in range(0, 36 * 60, 15):
        now = at("2026-10-24 12:00") + minute * MINUTE
        memory.take(desired(entry), now)
        for task in list(memory.tasks.values()):
            if task.is_open:
                memory.begin(task.id, now)
                memory.succeed(task.id, now)
    assert memory.states() == {"shop-20261025T003000Z": "succeeded"}


def test_a_one_time_start_on_a_slot_that_was_settled_in_this_very_pass_stays_a_fault():
    """D5: what a decision leaves behind knows the tasks that it made, so that the next one says the same."""
    memory = Memory()
    memory.take(desired(warehouse(a_plan())), MONDAY)
    later = MONDAY + 3 * DAY
    wanted = desired(warehouse(once(MONDAY + DAY + 2 * HOUR)))

    decision = memory.decide(wanted, later)

    assert [fault.subject for fault in decision.faults] == ["shop"]
    assert plan.decide(wanted, decision.after, later).faults == decision.faults
    assert plan.decide(wanted, decision.after, later).rows == Rows()
