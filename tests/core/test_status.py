"""How each warehouse is: states, conditions, what is healthy, and when it runs next (D5, P4, P5, S2, S3)."""

import pytest
from core_values import DAY, HOUR, MONDAY, Memory, a_plan, a_restore, a_set, daily, desired, once, warehouse

from reconciler.core import status as statuses
from reconciler.core.record import NOTHING
from reconciler.core.status import Condition, ConfigurationState

SHOP = warehouse(a_plan())
WANTED = desired(SHOP)
SLOT = MONDAY + 2 * HOUR
NAME = "shop-20261123T020000Z"
ACCEPTED = ConfigurationState("plans.yaml", WANTED.digest, None, "accepted")
FINE = Condition("Overdue", "False", "RetentionKept", "no backup set is past its time", None)


def in_force(entry=SHOP) -> Memory:
    memory = Memory()
    memory.take(desired(entry), MONDAY)
    return memory


def ran(state: str = "succeeded") -> Memory:
    memory = in_force()
    memory.take(WANTED, SLOT)
    memory.begin(NAME, SLOT)
    if state == "succeeded":
        memory.succeed(NAME, SLOT + HOUR)
    else:
        memory.end(NAME, state, SLOT + HOUR)
    return memory


def report(memory: Memory, now, configuration=ACCEPTED, **fields):
    wanted = memory.configuration
    tasks = sorted((task for task in memory.tasks.values() if task.slot > now - 90 * DAY), key=lambda task: task.slot)
    recorded = memory.recorded(wanted, now)
    return statuses.status(configuration, recorded, tasks, memory.decide(wanted, now).verdicts, now, **fields)


def of_shop(memory: Memory, now):
    return next(item for item in report(memory, now).warehouses if item.name == "shop")


def test_the_report_of_a_warehouse_whose_backup_succeeded():
    memory = ran()
    found = of_shop(memory, SLOT + 2 * HOUR)
    assert found == statuses.WarehouseStatus(
        name="shop", engine="duckdb", storage="disk", revision=memory.revisions["shop", 1], plan_state="active",
        orphaned=False,
        conditions=(
            Condition("Ready", "True", "BackupSucceeded", f"{NAME} succeeded", SLOT + HOUR),
            Condition("Suspended", "False", "Enabled", "backups start as planned", None),
            FINE,
        ),
        last_successful_backup=SLOT + HOUR, next_run=SLOT + DAY, tasks=(memory.tasks[NAME],),
        verdicts=memory.decide(WANTED, SLOT + 2 * HOUR).verdicts,
    )  # fmt: skip
    assert [item.kept_by for item in found.verdicts] == ["keep_last"]


@pytest.mark.parametrize(("state", "reason"), [
    ("failed", "BackupFailed"), ("cancelled", "BackupCancelled"), ("lost", "BackupLost"),
])  # fmt: skip
def test_a_backup_that_ended_badly_is_not_ready(state, reason):
    ready = of_shop(ran(state), SLOT + 2 * HOUR).conditions[0]
    assert ready == Condition("Ready", "False", reason, f"{NAME} {state}: said so", SLOT + HOUR)


def test_a_missed_slot_is_not_ready_and_a_later_success_is():
    """D3: every miss is said aloud."""
    memory = in_force()
    memory.take(WANTED, SLOT + 23 * HOUR)
    assert of_shop(memory, SLOT + 23 * HOUR).conditions[0].reason == "BackupMissed"
    memory.take(WANTED, SLOT + DAY)
    memory.begin("shop-20261124T020000Z", SLOT + DAY)
    assert of_shop(memory, SLOT + DAY).conditions[0].reason == "BackupMissed"
    memory.succeed("shop-20261124T020000Z", SLOT + DAY)
    assert of_shop(memory, SLOT + DAY).conditions[0].reason == "BackupSucceeded"


def test_skipped_and_disabled_slots_tell_nothing_about_readiness():
    """D4, P4."""
    memory = ran()
    memory.take(WANTED, SLOT + DAY)
    memory.begin("shop-20261124T020000Z", SLOT + DAY)
    memory.take(WANTED, SLOT + 2 * DAY)
    assert memory.states()["shop-20261125T020000Z"] == "skipped"
    assert of_shop(memory, SLOT + 2 * DAY).conditions[0].message == f"{NAME} succeeded"


def test_before_the_first_backup_nothing_is_known():
    found = of_shop(in_force(), MONDAY + HOUR)
    assert found.conditions[0] == Condition("Ready", "Unknown", "NoBackupYet", "no backup yet", None)
    assert (found.last_successful_backup, found.next_run) == (None, SLOT)
    assert statuses.unhealthy(report(in_force(), MONDAY + HOUR)) == ()


def test_a_warehouse_without_a_plan_is_a_target_and_ready():
    """P1."""
    found = of_shop(in_force(warehouse(None)), MONDAY)
    assert (found.plan_state, found.next_run, found.orphaned) == ("none", None, False)
    assert found.conditions[0] == Condition("Ready", "True", "NoPlan", "no plan: a restore target only", None)


def test_a_disabled_plan_is_suspended_and_has_no_next_run():
    """P4."""
    found = of_shop(in_force(warehouse(a_plan(daily(enabled=False)))), MONDAY + HOUR)
    assert (found.plan_state, found.next_run) == ("disabled", None)
    assert found.conditions[1] == Condition("Suspended", "True", "Disabled", "`enabled: false`", MONDAY)


def test_a_one_time_plan_is_active_until_its_slot_has_its_task_and_completed_for_ever_after():
    """D5: also when the task is older than what is shown."""
    memory = in_force(warehouse(once(SLOT)))
    before = of_shop(memory, MONDAY + HOUR)
    memory.take(desired(warehouse(once(SLOT))), SLOT)
    waits = of_shop(memory, SLOT)
    memory.begin(NAME, SLOT)
    memory.succeed(NAME, SLOT + HOUR)
    later = of_shop(memory, SLOT + 400 * DAY)
    assert [(item.plan_state, item.next_run) for item in (before, waits, later)] == [
        ("active", SLOT), ("completed", None), ("completed", None),
    ]  # fmt: skip
    assert later.conditions[0].reason == "BackupSucceeded"


def test_a_one_time_plan_is_completed_though_a_later_slot_ran_before_it():
    """D5: its start lay before a slot of the plan that it overwrote."""
    memory = ran()
    memory.take(desired(warehouse(once(SLOT - HOUR))), SLOT + 2 * HOUR)
    memory.begin("shop-20261123T010000Z", SLOT + 2 * HOUR)
    memory.succeed("shop-20261123T010000Z", SLOT + 3 * HOUR)
    assert of_shop(memory, SLOT + 4 * HOUR).plan_state == "completed"
    assert memory.take(desired(warehouse(once(SLOT - HOUR))), SLOT + 4 * HOUR).warnings == ()


def test_the_sets_of_an_ended_plan_are_orphaned():
    """P5."""
    memory = ran()
    memory.take(desired(), SLOT + 2 * HOUR)
    found = of_shop(memory, SLOT + 3 * HOUR)
    assert (found.plan_state, found.orphaned, found.next_run) == ("ended", True, None)
    assert (found.engine, found.storage) == ("duckdb", "disk")


def test_an_ended_plan_without_sets_orphans_nothing():
    """P5."""
    memory = in_force()
    memory.take(desired(), MONDAY + HOUR)
    assert not of_shop(memory, MONDAY + 2 * HOUR).orphaned


def test_sets_of_a_warehouse_that_is_only_known_by_them_are_shown():
    """T2."""
    memory = Memory()
    memory.take(desired(), MONDAY)
    memory.remember(a_set(MONDAY - DAY))
    found = of_shop(memory, MONDAY)
    assert (found.engine, found.storage, found.plan_state, found.orphaned) == ("duckdb", None, "none", True)
    assert found.last_successful_backup == MONDAY - DAY


def test_the_last_success_is_the_newest_whether_its_set_still_exists_or_not():
    memory = ran()
    held = a_set(MONDAY - 300 * DAY)
    memory.remember(held)
    memory.sets[NAME] = memory.sets[NAME]._replace(state="removed")
    assert of_shop(memory, SLOT + 2 * HOUR).last_successful_backup == SLOT + HOUR


@pytest.mark.parametrize("state", ["failed", "cancelled", "lost"])
def test_a_backup_that_ended_badly_is_no_success(state):
    assert of_shop(ran(state), SLOT + 2 * HOUR).last_successful_backup is None


def test_a_set_past_its_time_is_overdue_and_one_that_is_kept_is_not():
    """S3: kept_by keep_last is not overdue."""
    memory = in_force()
    old, newest = a_set(MONDAY - 30 * DAY), a_set(MONDAY - 20 * DAY)
    memory.remember(newest)
    assert of_shop(memory, MONDAY).conditions[2] == FINE
    memory.remember(old)
    assert of_shop(memory, MONDAY).conditions[2] == Condition(
        "Overdue", "True", "RemovalPending", f"past their time: {old.id}", MONDAY - 23 * DAY
    )
    memory.remember(old._replace(state="retained_by_lock"))
    assert of_shop(memory, MONDAY).conditions[2].reason == "RetainedByLock"


def test_what_somebody_should_look_at_is_listed():
    memory = ran("failed")
    memory.remember(a_set(MONDAY - 30 * DAY), a_set(MONDAY - 20 * DAY))
    wanted = desired(SHOP, warehouse(name="other"), restores=(a_restore("bad"), a_restore("fine"), a_restore("odd")))
    memory.take(wanted, SLOT + 2 * HOUR)
    for name, state in (("bad", "failed"), ("fine", "succeeded"), ("odd", "unknown")):
        memory.restores[name] = memory.restores[name]._replace(
            state=state, reason="because", claimed_at=SLOT, ended_at=SLOT
        )
    found = report(memory, SLOT + 3 * HOUR, ConfigurationState("plans.yaml", "sha256:", None, "invalid", ("a", "b")))
    assert statuses.unhealthy(found) == (
        "configuration invalid: a; b",
        f"shop: {NAME} failed: said so",
        "shop: past their time: shop-20261024T000000Z",
        "restore bad failed: because",
        "restore odd unknown: because",
    )


def test_a_bad_restore_whose_entry_was_taken_out_is_settled():
    """R5: its record stays, nobody needs to look again."""
    memory = in_force()
    wanted = desired(SHOP, warehouse(name="other"), restores=(a_restore("bad"),))
    memory.take(wanted, MONDAY)
    memory.restores["bad"] = memory.restores["bad"]._replace(state="failed", claimed_at=MONDAY, ended_at=MONDAY)
    memory.take(desired(SHOP, warehouse(name="other")), MONDAY + HOUR)
    found = report(memory, MONDAY + HOUR)
    assert statuses.unhealthy(found) == ()
    assert [task.id for task in found.restores] == ["bad"]


def test_the_report_carries_what_it_was_given_and_warehouses_by_name():
    """T4."""
    memory = Memory()
    memory.take(desired(warehouse(a_plan(), "b"), warehouse(a_plan(), "a")), MONDAY)
    found = report(memory, MONDAY, progress={"x": 7}, warnings=("look",), next_write_by=MONDAY + HOUR)
    assert [item.name for item in found.warehouses] == ["a", "b"]
    assert (found.progress, found.warnings, found.next_write_by, found.written_at) == (
        {"x": 7}, ("look",), MONDAY + HOUR, MONDAY,
    )  # fmt: skip


def test_before_any_configuration_was_accepted_there_is_nothing():
    """P6."""
    invalid = ACCEPTED._replace(state="invalid", messages=("broken",))
    found = statuses.status(invalid, NOTHING, (), (), MONDAY)
    assert found == statuses.Status(MONDAY, None, invalid, None, (), (), {}, ())
    assert statuses.unhealthy(found) == ("configuration invalid: broken",)
