"""Which set a request means, whether it may start, and that an id runs at most once (R1 to R8, S3)."""

import pytest
from core_values import DAY, HOUR, MONDAY, SECOND, Memory, a_plan, a_restore, a_set, at, daily, desired, warehouse

from reconciler.core import plan, restore
from reconciler.core.actions import StartRestore
from reconciler.core.faults import Fault
from reconciler.core.model import FromStorage, FromWarehouse
from reconciler.core.record import Cancellation, RestoreTask

SHOP, OTHER = warehouse(a_plan(daily("23:00:00"), retention_days=365)), warehouse(name="other")
OLD, NEW = a_set(MONDAY - 2 * DAY), a_set(MONDAY - DAY)
ENTRY = a_restore()


def wanting(*entries):
    return desired(SHOP, OTHER, restores=entries)


def known(*sets) -> Memory:
    memory = Memory()
    memory.take(desired(SHOP, OTHER), MONDAY - HOUR)
    memory.remember(*sets)
    return memory


def claimed(memory: Memory, name: str = "r1", state: str = "running", **fields) -> RestoreTask:
    """What carrying it out leaves in the ledger once the id is used."""
    task = memory.restores[name]
    memory.restores[name] = task._replace(
        state=state, backup_set=fields.pop("backup_set", NEW.id), storage="disk", source_warehouse="shop",
        started_at=MONDAY, claimed_at=MONDAY, ended_at=None if state == "running" else MONDAY + HOUR, **fields,
    )  # fmt: skip
    return memory.restores[name]


def started(decision) -> list[tuple[str, str]]:
    return [(start.task.id, start.backup_set.id) for start in decision.actions.restores]


def chosen(source, *sets):
    return restore.choose(a_restore(source=source), sets)


def test_latest_is_the_newest_by_completion():
    """R3."""
    assert chosen(FromWarehouse("shop", "latest"), NEW, OLD) == NEW
    later_slot = OLD._replace(slot=MONDAY)
    assert chosen(FromWarehouse("shop", "latest"), NEW, later_slot) == NEW


def test_before_is_the_newest_that_was_completed_before_it():
    """R3: not at it."""
    def before(moment):
        return chosen(FromWarehouse("shop", None, moment), OLD, NEW)

    assert before(NEW.completed_at + SECOND) == NEW
    assert before(NEW.completed_at) == OLD
    assert before(OLD.completed_at) is None


def test_a_set_by_its_id():
    """R7."""
    assert chosen(FromWarehouse("shop", OLD.id), OLD, NEW) == OLD
    assert chosen(FromWarehouse("shop", "shop-20200101T000000Z"), OLD, NEW) is None


def test_a_set_of_another_warehouse_is_not_meant():
    """R7."""
    foreign = a_set(MONDAY, "other")
    assert chosen(FromWarehouse("shop", "latest"), OLD, foreign) == OLD
    assert chosen(FromWarehouse("shop", foreign.id), OLD, foreign) is None
    assert chosen(FromWarehouse("shop", None, MONDAY + DAY), foreign) is None


def test_from_a_storage_a_set_is_named_by_its_id_alone():
    """R7: the source may be gone."""
    assert chosen(FromStorage("disk", OLD.id), OLD, NEW) == OLD
    assert chosen(FromStorage("elsewhere", OLD.id), OLD, NEW) is None


@pytest.mark.parametrize("state", ["removing", "retained_by_lock", "removed"])
def test_only_a_whole_set_can_be_chosen(state):
    """S4: half a set never looks good."""
    half_gone = NEW._replace(state=state)
    assert chosen(FromWarehouse("shop", "latest"), OLD, half_gone) == OLD
    assert chosen(FromWarehouse("shop", half_gone.id), half_gone) is None


def test_a_new_request_starts_at_once():
    """R1."""
    decision = known(OLD, NEW).take(wanting(ENTRY), MONDAY)
    task = RestoreTask("r1", ENTRY, restore.digest(ENTRY), "pending", MONDAY)
    assert decision.rows.restores == (task,)
    assert decision.actions.restores == (StartRestore(task, NEW),)


@pytest.mark.parametrize(("source", "reason"), [
    (FromWarehouse("shop", "latest"), "no backup set of shop yet"),
    (FromWarehouse("shop", "shop-1"), "no backup set shop-1 of shop"),
    (FromWarehouse("shop", None, at("2026-11-20 00:00")),
     "no backup set of shop completed before 2026-11-20T00:00:00Z"),
    (FromStorage("disk", "shop-1"), "no backup set shop-1 in storage disk"),
])  # fmt: skip
def test_a_request_without_a_set_waits_and_says_why_once(source, reason):
    """R3."""
    memory = known()
    wanted = wanting(a_restore(source=source))
    decision = memory.take(wanted, MONDAY)
    assert [(task.state, task.reason) for task in decision.rows.restores] == [("pending", reason)]
    assert decision.actions.restores == ()
    assert memory.take(wanted, MONDAY + HOUR).is_idle


def test_latest_means_what_is_newest_when_it_starts():
    """R3: it waited for a set, or for its target."""
    memory = known()
    wanted = wanting(ENTRY)
    memory.take(wanted, MONDAY)
    memory.remember(OLD)
    assert started(memory.take(wanted, MONDAY + HOUR)) == [("r1", OLD.id)]
    memory.remember(NEW)
    assert started(memory.take(wanted, MONDAY + 2 * HOUR)) == [("r1", NEW.id)]


def test_a_running_restore_whose_set_is_not_known_is_left_as_it_is():
    """R1: nothing of it can be proven, and the other requests go on."""
    memory = known(NEW)
    memory.take(wanting(ENTRY), MONDAY)
    claimed(memory, backup_set="shop-20200101T000000Z")
    assert started(memory.take(wanting(ENTRY, a_restore("r2")), MONDAY + HOUR)) == [("r2", NEW.id)]


def test_a_running_restore_keeps_the_set_that_it_was_claimed_with():
    """R3."""
    memory = known(OLD)
    memory.take(wanting(ENTRY), MONDAY)
    task = claimed(memory, backup_set=OLD.id)
    memory.remember(NEW)
    assert memory.take(wanting(ENTRY), MONDAY + HOUR).actions.restores == (StartRestore(task, OLD),)


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled", "expired", "unknown"])
def test_an_ended_restore_is_never_started_again(state):
    """R1: whatever became of it, and after a revert as well."""
    memory = known(OLD, NEW)
    memory.take(wanting(ENTRY), MONDAY)
    claimed(memory, state=state)
    assert memory.take(wanting(ENTRY), MONDAY + HOUR).is_idle
    assert memory.take(wanting(), MONDAY + 2 * HOUR).is_idle
    assert memory.take(wanting(ENTRY), MONDAY + 3 * HOUR).is_idle


@pytest.mark.parametrize("state", ["running", "succeeded", "failed", "unknown"])
def test_a_claimed_id_with_other_content_is_a_fault_and_says_to_choose_a_new_one(state):
    """R2, R1: the entry fails, not the file, and what runs goes on before another begins in its warehouse."""
    memory = known(OLD, NEW)
    memory.take(wanting(ENTRY), MONDAY)
    task = claimed(memory, state=state)

    decision = memory.take(wanting(a_restore(cluster="etl"), a_restore("r2")), MONDAY + HOUR)

    assert decision.faults == (Fault("r1", (
        f"restore id r1 was already used for another request, which is {state}; "
        f"an id runs at most once: choose a new id"
    )),)  # fmt: skip
    assert memory.restores["r1"] == task
    assert started(decision) == [("r1" if state == "running" else "r2", NEW.id)]
    waits = "restore r1 into warehouse other has not ended" if state == "running" else None
    assert memory.restores["r2"].reason == waits


def test_cancel_is_not_other_content():
    """R2, R6."""
    memory = known(NEW)
    memory.take(wanting(ENTRY), MONDAY)
    claimed(memory)
    decision = memory.take(wanting(a_restore(cancel=True)), MONDAY + HOUR)
    assert decision.faults == ()
    assert decision.actions.cancellations == frozenset({"r1"})


def test_an_entry_edited_before_it_was_claimed_counts_as_it_stands_now():
    """R2: the id is not used yet."""
    memory = known()
    memory.take(wanting(ENTRY), MONDAY)
    edited = a_restore(cluster="etl")

    decision = memory.take(wanting(edited), MONDAY + HOUR)

    assert decision.faults == ()
    assert memory.restores["r1"] == RestoreTask(
        "r1", edited, restore.digest(edited), "pending", MONDAY, reason="no backup set of shop yet"
    )


def test_an_entry_that_expired_or_failed_unclaimed_may_be_edited_and_runs_then():
    """R2, R5."""
    memory = known(NEW)
    memory.take(wanting(a_restore(valid_until=MONDAY - HOUR)), MONDAY)
    assert memory.restores["r1"].state == "expired"
    assert started(memory.take(wanting(a_restore(valid_until=MONDAY + DAY)), MONDAY + HOUR)) == [("r1", NEW.id)]


def test_an_entry_removed_before_it_was_claimed_is_cancelled_and_its_id_not_used():
    """R5."""
    memory = known()
    memory.take(wanting(ENTRY), MONDAY)

    memory.take(wanting(), MONDAY + HOUR)
    gone = memory.restores["r1"]
    again = memory.take(wanting(ENTRY), MONDAY + 2 * HOUR)

    assert (gone.state, gone.ended_at, gone.claimed_at) == ("cancelled", MONDAY + HOUR, None)
    assert gone.reason == "the entry was removed before it was claimed"
    assert [(task.state, task.ended_at) for task in again.rows.restores] == [("pending", None)]
    memory.remember(NEW)
    assert started(memory.take(wanting(ENTRY), MONDAY + 3 * HOUR)) == [("r1", NEW.id)]


def test_an_entry_removed_after_it_was_claimed_leaves_its_record():
    """R5."""
    memory = known(NEW)
    memory.take(wanting(ENTRY), MONDAY)
    task = claimed(memory)
    decision = memory.take(wanting(), MONDAY + HOUR)
    assert decision.rows.restores == ()
    assert decision.actions.restores == (StartRestore(task, NEW),)
    assert decision.actions.cancellations == frozenset()


def test_an_entry_removed_while_it_runs_unclaimed_is_to_be_stopped():
    """R5: nothing was changed yet."""
    memory = known(NEW)
    memory.take(wanting(ENTRY), MONDAY)
    claimed(memory)
    memory.restores["r1"] = memory.restores["r1"]._replace(claimed_at=None)
    assert memory.take(wanting(), MONDAY + HOUR).actions.cancellations == frozenset({"r1"})


@pytest.mark.parametrize(("now", "state"), [
    (MONDAY + DAY - SECOND, "pending"), (MONDAY + DAY, "expired"), (MONDAY + 2 * DAY, "expired"),
])  # fmt: skip
def test_a_request_never_starts_after_valid_until(now, state):
    """R1: the field's own promise."""
    memory = known(NEW)
    decision = memory.take(wanting(a_restore(valid_until=MONDAY + DAY)), now)
    assert memory.restores["r1"].state == state
    assert bool(decision.actions.restores) == (state == "pending")
    if state == "expired":
        assert memory.restores["r1"].reason == "`valid_until` passed before it could start"
        assert memory.restores["r1"].ended_at == now
        assert memory.take(wanting(a_restore(valid_until=MONDAY + DAY)), now + HOUR).rows.restores == ()


def test_a_restore_that_runs_does_not_expire():
    """R1."""
    memory = known(NEW)
    entry = a_restore(valid_until=MONDAY + DAY)
    memory.take(wanting(entry), MONDAY)
    claimed(memory)
    assert started(memory.take(wanting(entry), MONDAY + 2 * DAY)) == [("r1", NEW.id)]


def test_cancel_in_the_entry_ends_a_request_that_has_not_begun():
    """R6."""
    memory = known(NEW)
    entry = a_restore(cancel=True)
    decision = memory.take(wanting(entry), MONDAY)
    assert decision.actions.restores == ()
    task = memory.restores["r1"]
    assert (task.state, task.ended_at, task.reason) == ("cancelled", MONDAY, "cancelled before it started")
    assert memory.take(wanting(entry), MONDAY + HOUR).is_idle


def test_a_cancelled_request_does_not_run_when_its_cancel_line_is_taken_out():
    """R6, R1."""
    memory = known(NEW)
    memory.take(wanting(a_restore(cancel=True)), MONDAY)
    assert memory.take(wanting(ENTRY), MONDAY + HOUR).actions.restores == ()
    assert memory.restores["r1"].state == "cancelled"


def test_the_command_cancels_a_request_that_has_not_begun():
    """R6."""
    memory = known()
    memory.take(wanting(ENTRY), MONDAY)
    memory.remember(NEW)
    memory.cancellations = {Cancellation("r1")}
    decision = memory.take(wanting(ENTRY), MONDAY + HOUR)
    assert memory.restores["r1"].state == "cancelled"
    assert decision.actions.restores == ()


def test_the_command_stops_one_that_runs():
    """R6."""
    memory = known(NEW)
    memory.take(wanting(ENTRY), MONDAY)
    claimed(memory)
    memory.cancellations = {Cancellation("r1")}
    assert memory.take(wanting(ENTRY), MONDAY + HOUR).actions.cancellations == frozenset({"r1"})


@pytest.fixture
def rebuilt() -> Memory:
    """A ledger after a rebuild: the request is there and waits for somebody to say yes."""
    memory = known(NEW)
    memory.restores["r1"] = RestoreTask("r1", ENTRY, restore.digest(ENTRY), "needs_approval", MONDAY)
    return memory


def test_a_request_that_needs_approval_is_not_started(rebuilt):
    """R8."""
    assert rebuilt.take(wanting(ENTRY), MONDAY + HOUR).is_idle


def test_an_edit_is_no_approval(rebuilt):
    """R8."""
    decision = rebuilt.take(wanting(a_restore(cluster="etl")), MONDAY + HOUR)
    assert [(task.state, task.entry.cluster) for task in decision.rows.restores] == [("needs_approval", "etl")]
    assert decision.actions.restores == ()


@pytest.mark.parametrize(("entries", "state"), [
    ((), "cancelled"), ((a_restore(cancel=True),), "cancelled"), ((a_restore(valid_until=MONDAY),), "expired"),
])  # fmt: skip
def test_a_request_that_needs_approval_ends_as_a_pending_one_does(rebuilt, entries, state):
    """R5, R6, R8."""
    rebuilt.take(wanting(*entries), MONDAY + HOUR)
    assert rebuilt.restores["r1"].state == state


def test_the_set_that_a_request_would_choose_waits_for_the_approval_too(rebuilt):
    """S3, R8: a person may take longer than its days."""
    short = warehouse(a_plan(daily("23:00:00"), retention_days=1, keep_last=0))
    later = MONDAY + 3 * DAY
    assert rebuilt.take(desired(short, OTHER, restores=(ENTRY,)), MONDAY + HOUR).actions.removals == ()

    kept = rebuilt.take(desired(short, OTHER, restores=(ENTRY,)), later)
    assert [(item.backup_set.id, item.kept_by) for item in kept.verdicts] == [(NEW.id, "restore")]
    assert kept.actions.removals == ()
    assert rebuilt.take(desired(short, OTHER), later).actions.removals == (NEW,)


@pytest.mark.parametrize("entries", [(a_restore(cancel=True),), (a_restore(valid_until=MONDAY),), ()])
def test_a_request_has_not_ended_while_a_storage_may_hold_its_claim(rebuilt, entries):
    """R1: it may have run, for a ledger that is lost."""
    unseen = rebuilt.recorded(wanting(*entries), MONDAY + HOUR)._replace(storages={})
    rows = plan.decide(wanting(*entries), unseen, MONDAY + HOUR).rows.restores
    assert [task for task in rows if task.ended_at is not None] == []


def test_a_restore_from_a_warehouse_that_is_no_longer_declared():
    """R7: that is what backups are for."""
    memory = known(OLD, NEW)
    decision = memory.take(desired(OTHER, restores=(ENTRY,)), MONDAY)
    assert started(decision) == [("r1", NEW.id)]


def test_several_requests_start_each_with_its_own_set():
    """R1."""
    first, second = a_restore("a", source=FromWarehouse("shop", OLD.id)), a_restore("b")
    assert started(known(OLD, NEW).take(wanting(first, second), MONDAY)) == [("a", OLD.id), ("b", NEW.id)]
