"""`previous_name` moves history and sets to a new name; ids, keys and rules stay what they were (P8)."""

import pytest
from core_values import DAY, HOUR, MINUTE, MONDAY, Memory, a_plan, a_restore, a_set, desired, once, warehouse

from reconciler.core import renaming, restore
from reconciler.core.diff import Create, End, Update
from reconciler.core.model import FromWarehouse
from reconciler.core.plan import Rows
from reconciler.core.record import NOTHING
from reconciler.core.renaming import Renaming

SLOT = MONDAY + 2 * HOUR
OLD = warehouse(a_plan(), "old")
NEW = warehouse(a_plan(), "new", connection=OLD.connection, previous_name="old")
MOVE = Renaming("old", "new")


def in_force() -> Memory:
    memory = Memory()
    memory.take(desired(OLD), MONDAY)
    return memory


def test_a_rename_moves_plans_tasks_and_sets():
    """P8."""
    memory = in_force()
    memory.take(desired(OLD), SLOT)
    memory.begin("old-20261123T020000Z", SLOT)
    made = memory.succeed("old-20261123T020000Z", SLOT + HOUR)

    decision = memory.take(desired(NEW), SLOT + 2 * HOUR)

    assert decision.rows.renamings == (MOVE,)
    assert [type(change) for change in decision.changes] == [Update]
    assert {item.warehouse for item in memory.revisions.values()} == {"new"}
    assert memory.tasks["old-20261123T020000Z"].warehouse == "new"
    assert memory.sets == {made.id: made._replace(warehouse="new")}
    assert memory.sets[made.id].home == "old"
    assert [item.backup_set.warehouse for item in decision.verdicts] == ["new"]


def test_a_rename_happens_once_and_its_line_may_stay_or_go():
    """P8."""
    memory = in_force()
    memory.take(desired(NEW), MONDAY + HOUR)
    assert memory.take(desired(NEW), MONDAY + HOUR).is_idle
    assert memory.take(desired(NEW._replace(previous_name=None)), MONDAY + HOUR).is_idle


def test_without_the_line_the_old_plan_ends_and_says_how_many_sets_stay():
    """P8."""
    memory = in_force()
    memory.remember(a_set(MONDAY - DAY, "old"))
    decision = memory.take(desired(NEW._replace(previous_name=None)), MONDAY + HOUR)
    assert [(type(change), change.sets) for change in decision.changes] == [(End, 1), (Create, 0)]


def test_a_slot_is_settled_once_across_a_rename():
    """P3, D2: due before it, it runs under the new name; due and run before it, it does not run again."""
    memory = in_force()
    memory.take(desired(NEW), SLOT + HOUR)
    assert memory.states() == {"new-20261123T020000Z": "waiting"}

    memory = in_force()
    memory.take(desired(OLD), SLOT)
    memory.take(desired(NEW), SLOT + HOUR)
    memory.take(desired(NEW), SLOT + 2 * HOUR)
    assert memory.states() == {"old-20261123T020000Z": "waiting"}


def test_a_one_time_start_that_has_run_does_not_run_again_under_the_new_name():
    """D2, D5."""
    start = MONDAY + 2 * HOUR
    memory = Memory()
    memory.take(desired(warehouse(once(start), "old")), MONDAY)
    memory.take(desired(warehouse(once(start), "old")), start)
    memory.begin("old-20261123T020000Z", start)
    memory.succeed("old-20261123T020000Z", start + HOUR)
    renamed = desired(warehouse(once(start), "new", previous_name="old"))

    decision = memory.take(renamed, start + 2 * HOUR)
    memory.take(renamed, start + 3 * HOUR)

    assert decision.faults == ()
    assert decision.warnings == ()
    assert memory.states() == {"old-20261123T020000Z": "succeeded"}


def test_a_new_start_equal_to_a_slot_under_the_old_name_is_a_fault_that_names_the_task():
    """D5."""
    memory = in_force()
    memory.take(desired(OLD), SLOT)
    wanted = desired(warehouse(once(SLOT), "new", previous_name="old"))
    (fault,) = memory.decide(wanted, SLOT + HOUR).faults
    assert fault.subject == "new"
    assert "old-20261123T020000Z" in fault.message


def test_a_running_backup_goes_on_under_the_new_name():
    """P3, P8: one warehouse, of which only one thing runs at a time."""
    memory = in_force()
    memory.take(desired(OLD), SLOT)
    memory.begin("old-20261123T020000Z", SLOT)
    (start,) = memory.take(desired(NEW), SLOT + HOUR).actions.backups
    assert (start.task.id, start.task.warehouse) == ("old-20261123T020000Z", "new")
    assert start.entry == OLD._replace(name="new")
    memory.take(desired(NEW), SLOT + DAY)
    assert memory.states() == {"old-20261123T020000Z": "running", "new-20261124T020000Z": "skipped"}


def test_sets_are_found_by_the_new_name_and_by_the_old_one():
    """P8, R7."""
    memory = in_force()
    old_set = a_set(MONDAY - DAY, "old")
    memory.remember(old_set)
    for source in ("new", "old"):
        wanted = desired(NEW, warehouse(name="other"), restores=(a_restore(source=FromWarehouse(source, "latest")),))
        (start,) = memory.decide(wanted, MONDAY + HOUR).actions.restores
        assert start.backup_set == old_set._replace(warehouse="new")


def test_an_ended_plan_can_be_renamed_as_well():
    """P8: the line may come later than the new name's commit, as long as that is not taken over."""
    memory = in_force()
    memory.take(desired(), MONDAY + HOUR)
    decision = memory.take(desired(NEW), MONDAY + 2 * HOUR)
    assert decision.rows.renamings == (MOVE,)
    assert [type(change) for change in decision.changes] == [Create]
    assert [item.revision for item in decision.rows.revisions] == [2]


def test_nothing_moves_without_a_history_or_onto_one_or_from_a_declared_name():
    """P8."""
    memory = in_force()
    both = Memory()
    both.take(desired(OLD, NEW._replace(previous_name=None)), MONDAY)
    assert renaming.renamings(desired(NEW), NOTHING) == ()
    assert renaming.renamings(desired(OLD, NEW), memory.recorded(desired(), MONDAY)) == ()
    assert renaming.renamings(desired(NEW), both.recorded(desired(), MONDAY)) == ()


def test_two_warehouses_may_be_renamed_in_one_commit():
    """P8."""
    memory = Memory()
    memory.take(desired(warehouse(a_plan(), "a"), warehouse(a_plan(retention_days=9), "b")), MONDAY)
    wanted = desired(
        warehouse(a_plan(retention_days=9), "c", previous_name="b"),
        warehouse(a_plan(), "b2", previous_name="a"),
    )
    decision = memory.take(wanted, MONDAY + HOUR)
    assert set(decision.rows.renamings) == {Renaming("b", "c"), Renaming("a", "b2")}
    assert {item.warehouse: item.plan.retention_days for item in memory.revisions.values() if item.in_force} == {
        "c": 9, "b2": 7,
    }  # fmt: skip


def test_a_rename_to_another_engine_family_is_a_fault_and_moves_nothing():
    """P8: the old plan stays in force under its own name until somebody chooses."""
    memory = in_force()
    memory.remember(a_set(MONDAY - DAY, "old"))
    wrong = NEW._replace(engine="doris")

    decision = memory.take(desired(wrong), MONDAY + HOUR)

    assert [fault.subject for fault in decision.faults] == ["new"]
    assert "old" in decision.faults[0].message
    assert decision.rows.renamings == ()
    assert decision.changes == ()
    memory.take(desired(wrong), SLOT)
    assert memory.states() == {"old-20261123T020000Z": "waiting"}


def test_a_line_that_is_left_standing_hides_no_later_change_of_the_engine_family():
    """P8."""
    memory = in_force()
    memory.take(desired(NEW), MONDAY + HOUR)
    (fault,) = memory.take(desired(NEW._replace(engine="doris")), MONDAY + 90 * MINUTE).faults
    assert fault.subject == "new"
    assert memory.revisions["new", 2].in_force


def test_other_warehouses_are_left_as_they_are():
    """P8: also one whose name begins alike."""
    memory = Memory()
    alike = warehouse(a_plan(), "old-er")
    memory.take(desired(OLD, alike), MONDAY)
    memory.remember(a_set(MONDAY - DAY, "old-er"))
    before = memory.recorded(desired(), MONDAY)
    after = renaming.renamed(before, (MOVE,), desired(alike, NEW))
    assert after.sets == before.sets
    assert after.plans["old-er"] == before.plans["old-er"]
    assert renaming.renamed(before, (), desired()) is before


@pytest.mark.parametrize("source", ["old", "new"])
def test_a_restore_that_runs_follows_its_warehouse_and_is_no_other_request(source):
    """P8, R1, R2: the file may keep the old name as a source, whose sets it finds under both."""
    memory = in_force()
    memory.remember(a_set(MONDAY - DAY, "old"))
    asked = a_restore(source=FromWarehouse("old", "latest"), warehouse="old")
    memory.take(desired(OLD, restores=(asked,)), MONDAY + HOUR)
    memory.restores["r1"] = memory.restores["r1"]._replace(
        state="running", claimed_at=MONDAY + HOUR, backup_set=a_set(MONDAY - DAY, "old").id
    )
    entry = a_restore(source=FromWarehouse(source, "latest"), warehouse="new")

    decision = memory.take(desired(NEW, restores=(entry,)), MONDAY + 2 * HOUR)

    assert decision.faults == ()
    assert decision.rows.readdressed == (memory.restores["r1"],)
    assert [(start.task.entry, start.task.digest) for start in decision.actions.restores] == [(entry, restore.digest(entry))]
    assert memory.take(desired(NEW, restores=(entry,)), MONDAY + 2 * HOUR).rows == Rows()
