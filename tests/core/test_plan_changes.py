"""What a commit changes: created, updated, ended, refused one by one, and idle when nothing is to do (P1 to P5, P8)."""

import pytest
from core_values import (
    DAY,
    HOUR,
    MONDAY,
    Memory,
    a_plan,
    a_restore,
    a_set,
    daily,
    desired,
    hold,
    once,
    revision,
    warehouse,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core import diff
from reconciler.core.actions import Actions
from reconciler.core.diff import Create, End, FieldChange, Update
from reconciler.core.faults import Fault
from reconciler.core.model import WEEKDAYS, Folder, Objects, Periodic, SecretReference, Server, Tls
from reconciler.core.plan import Rows
from reconciler.core.record import Cancellation, Note, PlanRevision

SHOP = warehouse(a_plan())
WANTED = desired(SHOP)
NEAR = MONDAY + HOUR


def in_force(*entries) -> Memory:
    memory = Memory()
    memory.take(desired(*entries), MONDAY)
    return memory


def test_a_new_plan_is_taken_over_as_revision_1():
    """P2."""
    decision = Memory().take(WANTED._replace(revision="c" * 40), MONDAY)
    assert decision.changes == (Create(SHOP, 0),)
    assert isinstance(decision.changes[0], Create)
    assert decision.rows == Rows(revisions=(PlanRevision("shop", 1, SHOP, MONDAY, MONDAY, "c" * 40),))
    assert decision.actions == Actions()


def test_a_changed_plan_overwrites_the_recorded_one_as_a_whole():
    """P2: the overwritten revision stays, with its end."""
    memory = in_force(SHOP)
    changed = warehouse(a_plan(daily("03:00:00"), retention_days=30))

    decision = memory.take(desired(changed, revision="d" * 40), NEAR)

    before = revision(SHOP.plan, 1, MONDAY, settled_until=NEAR, ended_at=NEAR)
    after = PlanRevision("shop", 2, changed, NEAR, NEAR, "d" * 40)
    assert decision.rows == Rows(revisions=(before, after))
    assert decision.changes == (Update(changed, revision(SHOP.plan, 1, MONDAY), (
        FieldChange(("plan", "periodic", "start_time"), "02:00:00", "03:00:00"),
        FieldChange(("plan", "retention_days"), 7, 30),
    )),)  # fmt: skip
    assert isinstance(decision.changes[0], Update)
    assert decision.actions == Actions()


def test_the_newest_plan_counts_though_an_older_one_comes_back():
    """P2: a revert is a change like any other."""
    memory = in_force(SHOP)
    memory.take(desired(warehouse(a_plan(retention_days=30))), NEAR)
    memory.take(WANTED, NEAR + HOUR)
    assert [(item.revision, item.plan.retention_days, item.in_force) for item in memory.revisions.values()] == [
        (1, 7, False), (2, 30, False), (3, 7, True),
    ]  # fmt: skip


ENDED = Note("disk", "acme/shop/.retention.json", {
    "format": 1, "noted_at": "2026-11-23T01:00:00Z", "retention_days": 7, "keep_last": 1,
})  # fmt: skip


def test_a_plan_gone_from_the_yaml_ends():
    """P5: its sets stay."""
    memory = in_force(SHOP)
    memory.remember(a_set(MONDAY - DAY))

    decision = memory.take(desired(), NEAR)

    known = revision(SHOP.plan, 1, MONDAY)
    assert decision.changes == (End(known, 1),)
    assert isinstance(decision.changes[0], End)
    assert decision.rows == Rows(
        revisions=(known._replace(settled_until=NEAR, ended_at=NEAR),), notes=(ENDED,)
    )
    assert decision.actions == Actions(notes=(ENDED,))


def test_a_warehouse_that_becomes_a_target_only_ends_its_plan_as_well():
    """P1, S2: the retention that it ended with is put beside the sets."""
    memory = in_force(SHOP)
    target = warehouse(None)
    decision = memory.take(desired(target), NEAR)
    assert [type(change) for change in decision.changes] == [Update]
    assert decision.actions.notes == (ENDED,)
    assert memory.take(desired(target), NEAR + 2 * DAY).is_idle


def test_a_target_that_is_gone_ends_no_plan():
    """P1."""
    memory = in_force(warehouse(None))
    decision = memory.take(desired(), NEAR)
    assert [type(change) for change in decision.changes] == [End]
    assert decision.actions.notes == ()


def test_after_a_plan_has_ended_its_slots_are_nobodys():
    """P5: neither run nor missed."""
    memory = in_force(SHOP)
    memory.take(desired(), NEAR)
    assert memory.take(desired(), NEAR + 3 * DAY).is_idle
    assert memory.states() == {}


def test_a_name_declared_again_finds_its_sets_and_goes_on_counting_revisions():
    """P8."""
    memory = in_force(SHOP)
    memory.remember(a_set(MONDAY - DAY), a_set(MONDAY - 2 * DAY))
    memory.take(desired(), NEAR)

    decision = memory.take(WANTED, NEAR + DAY)

    assert decision.changes == (Create(SHOP, 2),)
    assert [item.revision for item in decision.rows.revisions] == [2]
    assert memory.states() == {}


@pytest.mark.parametrize("ended", [False, True])
def test_a_name_taken_by_another_engine_family_is_a_fault_and_the_recorded_plan_stays(ended):
    """P8."""
    memory = in_force(SHOP)
    if ended:
        memory.take(desired(), MONDAY)
    other = warehouse(a_plan(), engine="velodb", connection=Server(("h",), 9030, "u", None, None))

    decision = memory.take(desired(other), NEAR)

    assert decision.faults == (Fault("shop", (
        "warehouse shop is recorded with engine duckdb, whose backup sets engine velodb cannot restore; "
        "choose a new name for the new warehouse"
    )),)  # fmt: skip
    assert decision.changes == ()
    assert decision.rows == Rows()


@pytest.mark.parametrize(("one", "other"), [("velodb", "doris"), ("doris", "velodb")])
def test_engines_of_one_family_may_follow_each_other(one, other):
    """P8, E4."""
    memory = in_force(warehouse(a_plan(), engine=one))
    decision = memory.take(desired(warehouse(a_plan(), engine=other)), NEAR)
    assert decision.faults == ()
    assert [change.fields for change in decision.changes] == [(FieldChange(("engine",), one, other),)]


def test_a_faulty_entry_fails_alone():
    """P8: its neighbour is taken over, its own plan goes on."""
    memory = in_force(SHOP)
    other = warehouse(a_plan(), engine="doris")
    neighbour = warehouse(a_plan(), "neighbour")
    memory.take(desired(other, neighbour), NEAR)
    memory.take(desired(other, neighbour), NEAR + HOUR)
    assert {task.id: task.state for task in memory.tasks.values()} == {
        "shop-20261123T020000Z": "waiting", "neighbour-20261123T020000Z": "waiting",
    }  # fmt: skip
    assert memory.revisions["shop", 1].entry == SHOP


def test_a_faulty_restore_leaves_a_warehouse_of_the_same_name_alone():
    """R2: an id and a name may be the same word."""
    used = a_restore("shop")
    memory = in_force(SHOP)
    memory.take(desired(SHOP, restores=(used,)), NEAR)
    memory.restores["shop"] = memory.restores["shop"]._replace(state="succeeded", claimed_at=NEAR, ended_at=NEAR)
    changed = warehouse(a_plan(retention_days=30))

    decision = memory.take(desired(changed, restores=(used._replace(cluster="etl"),)), NEAR + HOUR)

    assert [fault.subject for fault in decision.faults] == ["shop"]
    assert [type(change) for change in decision.changes] == [Update]
    assert memory.revisions["shop", 2].entry == changed


def test_a_faulty_warehouse_leaves_a_restore_of_the_same_name_alone():
    """P8."""
    memory = in_force(SHOP)
    asked = desired(warehouse(a_plan(), engine="doris"), restores=(a_restore("shop"),))

    decision = memory.take(asked, NEAR)

    assert [fault.subject for fault in decision.faults] == ["shop"]
    assert memory.restores["shop"].state == "pending"
    memory.take(asked, NEAR + HOUR)
    assert memory.restores["shop"].state == "pending"


def test_changes_are_shown_ends_first_then_creations_then_updates_each_by_name():
    """P2."""
    memory = in_force(*(warehouse(a_plan(), name) for name in ("d", "c", "b", "a")))
    wanted = desired(*(warehouse(a_plan(retention_days=9), name) for name in ("f", "e", "d", "c")))
    shown = [(type(change), change.previous.warehouse if isinstance(change, End) else change.entry.name)
             for change in memory.decide(wanted, NEAR).changes]  # fmt: skip
    assert shown == [(End, "a"), (End, "b"), (Create, "e"), (Create, "f"), (Update, "c"), (Update, "d")]


def test_the_order_in_the_yaml_is_no_change():
    """P2."""
    memory = in_force(SHOP, warehouse(a_plan(), "other"))
    assert memory.take(desired(warehouse(a_plan(), "other"), SHOP), NEAR).is_idle


def test_a_pass_over_what_stands_is_idle():
    """P2."""
    assert in_force(SHOP).take(WANTED, NEAR).is_idle


def test_a_pass_that_only_records_is_not_idle():
    """T1."""
    disabled = warehouse(a_plan(daily(enabled=False)))
    decision = in_force(disabled).take(desired(disabled), MONDAY + 2 * HOUR)
    assert (decision.changes, decision.actions) == ((), Actions())
    assert not decision.is_idle


def test_the_same_start_in_another_kind_of_plan_is_shown_as_both():
    """P1, P2."""
    memory = in_force(SHOP)
    (change,) = memory.decide(desired(warehouse(once(MONDAY + DAY))), NEAR).changes
    assert change.fields == (
        FieldChange(("plan", "one_time"), None, {"start_time": MONDAY + DAY}),
        FieldChange(("plan", "periodic"), {
            "enabled": True, "backup_every": list(WEEKDAYS), "start_time": "02:00:00", "time_zone": "UTC",
        }, None),
    )  # fmt: skip


def test_a_list_is_shown_as_one_value():
    """P2."""
    before = warehouse(a_plan(objects=Objects(("a", "b"))))
    after = warehouse(a_plan(objects=Objects(("a", "c", "d"))))
    assert diff.fields(before, after) == (
        FieldChange(("plan", "objects", "databases"), ["a", "b"], ["a", "c", "d"]),
    )


def test_fields_are_told_in_the_words_of_the_yaml():
    """P2: whoever wrote the YAML reads them."""
    before = warehouse(
        a_plan(daily(backup_every=(0, 4)), timeout=21_600), engine="doris",
        connection=Server(("fe1",), 9030, "backup", SecretReference("env", "OLD"), None),
    )
    after = warehouse(
        a_plan(daily(backup_every=(0, 6)), timeout=5_400), engine="doris",
        connection=Server(("fe2",), 9030, "backup", SecretReference("env", "NEW"), Tls("/ca.pem")),
    )
    assert diff.fields(before, after) == (
        FieldChange(("hosts",), ["fe1"], ["fe2"]),
        FieldChange(("password", "env"), "OLD", "NEW"),
        FieldChange(("plan", "periodic", "backup_every"), ["monday", "friday"], ["monday", "sunday"]),
        FieldChange(("plan", "timeout"), "6h", "90m"),
        FieldChange(("tls",), "off", {"ca_file": "/ca.pem"}),
    )


def test_another_kind_of_connection_is_told_field_by_field():
    """P2: what is in neither is no change."""
    folder, server = warehouse(None), warehouse(None, connection=Server(("fe",), 9030, "u", None, None))
    assert diff.fields(folder, server) == (
        FieldChange(("hosts",), None, ["fe"]), FieldChange(("path",), "/shop", None), FieldChange(("port",), None, 9030),
        FieldChange(("tls",), None, "off"), FieldChange(("user",), None, "u"),
    )


def test_a_plan_that_comes_or_goes_is_shown_whole():
    """P1."""
    (gone,) = diff.fields(SHOP, warehouse(None))
    (come,) = diff.fields(warehouse(None), SHOP)
    assert (gone.path, gone.after, come.path, come.before) == (("plan",), None, ("plan",), None)
    assert gone.before == come.after
    assert gone.before["retention_days"] == 7


secrets = st.builds(SecretReference, st.sampled_from(("env", "file")), st.sampled_from("ab"))
servers = st.builds(
    Server, st.sampled_from((("h",), ("h", "i"), ("i", "h"))), st.sampled_from((9030, 9031)), st.sampled_from("uv"),
    st.none() | secrets, st.none() | st.builds(Tls, st.none() | st.sampled_from("ab")),
)  # fmt: skip
schedules = st.builds(
    Periodic, st.booleans(), st.sampled_from(((0,), (0, 1), (1,))), st.sampled_from(("01:00:00", "02:00:00")),
    st.sampled_from(("UTC", "Europe/Berlin")),
) | st.sampled_from((MONDAY, NEAR)).map(lambda start: once(start).schedule)  # fmt: skip
patterns = st.sampled_from(((), ("a",), ("a", "b"), ("b", "a")))
plans = st.builds(
    a_plan, schedules, retention_days=st.integers(0, 2), keep_last=st.integers(0, 2), catch_up=st.integers(1, 2),
    timeout=st.integers(1, 2), backup_cluster=st.none() | st.just("cg"), objects=st.builds(Objects, patterns, patterns),
)  # fmt: skip
entries = st.builds(
    warehouse, st.none() | plans, engine=st.sampled_from(("velodb", "doris")),
    storage=st.none() | st.sampled_from(("disk", "other")),
    connection=servers | st.sampled_from((Folder("/a"), Folder("/b"))),
)  # fmt: skip


@given(entries, entries)
@settings(max_examples=200)
def test_fields_tell_every_difference_and_nothing_else(before, after):
    """P2: what is shown is what differs, with the value before and after."""
    found = diff.fields(before, after)

    assert bool(found) == (before != after)
    assert all(item.before != item.after for item in found)
    assert [item.path for item in found] == sorted({item.path for item in found})
    mirrored = diff.fields(after, before)
    assert [(item.path, item.after, item.before) for item in mirrored] == [tuple(item) for item in found]


def test_a_hold_on_an_unknown_set_is_a_warning():
    """The YAML stays valid: the set may be gone, or not yet made."""
    memory = in_force(SHOP)
    memory.remember(a_set(MONDAY - DAY))
    wanted = desired(SHOP, holds=(hold("shop-20200101T000000Z"), hold(a_set(MONDAY - DAY).id), hold("b"), hold("a")))
    assert memory.take(wanted, NEAR).warnings == (
        "hold on a: no such backup set is known",
        "hold on b: no such backup set is known",
        "hold on shop-20200101T000000Z: no such backup set is known",
    )


def test_wishes_to_cancel_reach_only_what_is_open():
    """R6."""
    memory = in_force(SHOP)
    memory.take(WANTED, MONDAY + 2 * HOUR)
    memory.cancellations = {
        Cancellation(name) for name in ("shop-20261123T020000Z", "shop-20261122T020000Z", "no such thing")
    }
    assert memory.take(WANTED, MONDAY + 3 * HOUR).actions.cancellations == frozenset({"shop-20261123T020000Z"})
