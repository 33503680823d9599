"""What a pass refuses until somebody allows it, with the numbers and the command (P7)."""

import pytest
from core_values import DAY, MONDAY, Memory, a_plan, a_set, desired, warehouse

from reconciler.core import guard
from reconciler.core.guard import Refusal
from reconciler.core.model import LocalStorage, S3Storage, SecretReference
from reconciler.core.record import NOTHING, Allowance, Recorded

DIGEST = "sha256:" + "0" * 64
COMMAND = f"reconcile allow removals --config {DIGEST}"


def names(count: int) -> list[str]:
    return [f"w{number}" for number in range(count)]


def with_plans(count: int) -> Recorded:
    memory = Memory()
    wanted = desired(*(warehouse(a_plan(), name) for name in names(count)))
    memory.take(wanted, MONDAY)
    return memory.recorded(wanted, MONDAY)


def keeping(count: int):
    return desired(*(warehouse(a_plan(), name) for name in names(count)))


def with_sets(*sets, storage=None) -> Recorded:
    storage = storage or LocalStorage("disk", "/backups")
    return NOTHING._replace(configuration=desired(storages={"disk": storage}), sets=sets)


@pytest.mark.parametrize(("standing", "kept", "refused"), [
    (1, 1, False), (2, 2, False), (2, 1, False), (3, 2, False), (3, 1, True), (4, 2, False), (4, 1, True),
    (10, 5, False), (10, 4, True), (2, 0, True), (1, 0, True), (0, 0, False), (0, 3, False),
])  # fmt: skip
def test_more_than_half_of_the_plans_and_at_least_two_or_all_of_them(standing, kept, refused):
    """P7."""
    assert bool(guard.refusals(keeping(kept), with_plans(standing))) == refused


def test_the_refusal_has_the_numbers_the_names_and_the_command():
    """P7."""
    assert guard.refusals(keeping(1), with_plans(3)) == (
        Refusal("2 of 3 plans would end: w1, w2", COMMAND),
    )
    assert guard.refusals(keeping(0), with_plans(7)) == (
        Refusal("7 of 7 plans would end: w0, w1, w2, w3, w4 and 2 more", COMMAND),
    )


def test_new_plans_do_not_make_up_for_those_that_would_end():
    """P7."""
    others = desired(*(warehouse(a_plan(), f"new{number}") for number in range(9)))
    assert guard.refusals(others, with_plans(2)) == (Refusal("2 of 2 plans would end: w0, w1", COMMAND),)


def test_a_single_plan_may_be_replaced_by_another():
    """P7: it takes two."""
    assert guard.refusals(desired(warehouse(a_plan(), "new")), with_plans(1)) == ()


def test_up_to_five_names_are_written_out():
    """P7."""
    assert [refusal.message for refusal in guard.refusals(keeping(0), with_plans(5))] == [
        "5 of 5 plans would end: w0, w1, w2, w3, w4"
    ]


def test_a_warehouse_that_loses_its_plan_counts_as_ended():
    """P7, P5."""
    targets = desired(warehouse(a_plan(), "w0"), warehouse(None, "w1"), warehouse(None, "w2"))
    assert guard.refusals(targets, with_plans(3)) == (Refusal("2 of 3 plans would end: w1, w2", COMMAND),)


def test_plans_that_have_ended_and_targets_do_not_count():
    """P7."""
    memory = Memory()
    memory.take(desired(*(warehouse(a_plan(), name) for name in names(4))), MONDAY)
    fewer = desired(warehouse(a_plan(), "w0"), warehouse(a_plan(), "w1"), warehouse(None, "t0"), warehouse(None, "t1"))
    memory.take(fewer, MONDAY)
    assert guard.refusals(desired(warehouse(a_plan(), "w0")), memory.recorded(fewer, MONDAY)) == ()


def test_a_storage_whose_sets_still_exist_may_not_go():
    """P5, P7."""
    recorded = with_sets(a_set(MONDAY, size_bytes=1_000_000), a_set(MONDAY + DAY, size_bytes=500))
    assert guard.refusals(desired(storages={}), recorded) == (
        Refusal("storage disk is removed, but holds 2 backup sets (1,000,500 bytes)", COMMAND),
    )
    assert guard.refusals(desired(), recorded) == ()


def test_a_storage_without_sets_may_go():
    """P7."""
    assert guard.refusals(desired(storages={}), with_sets()) == ()


@pytest.mark.parametrize("elsewhere", [
    LocalStorage("disk", "/new"), S3Storage("disk", "bucket"),
], ids=["another folder", "another kind"])  # fmt: skip
def test_a_storage_that_points_elsewhere_is_removed_as_well(elsewhere):
    """P7."""
    assert guard.refusals(desired(storages={"disk": elsewhere}), with_sets(a_set(MONDAY))) == (
        Refusal("storage disk points elsewhere, but holds 1 backup set (100 bytes) where it was", COMMAND),
    )


@pytest.mark.parametrize(("changed", "refused"), [
    ({"bucket": "other"}, True), ({"prefix": "other"}, True), ({"endpoint": "https://other"}, True),
    ({"region": "other"}, False), ({"access_key": SecretReference("env", "NEW")}, False),
    ({"secret_key": SecretReference("file", "/new")}, False),
])  # fmt: skip
def test_credentials_are_not_the_place(changed, refused):
    """P7."""
    before = S3Storage("disk", "bucket", "prefix", "region", "https://here")
    after = desired(storages={"disk": before._replace(**changed)})
    assert bool(guard.refusals(after, with_sets(a_set(MONDAY), storage=before))) == refused


def test_a_storage_that_is_declared_again_is_where_it_says():
    """P7: where it was before is not known."""
    recorded = with_sets(a_set(MONDAY))._replace(configuration=desired(storages={}))
    assert guard.refusals(desired(), recorded) == ()


def test_several_reasons_are_all_told():
    """P7."""
    recorded = with_plans(3)._replace(sets=(a_set(MONDAY, "w0"),))
    assert [refusal.message for refusal in guard.refusals(desired(storages={}), recorded)] == [
        "3 of 3 plans would end: w0, w1, w2", "storage disk is removed, but holds 1 backup set (100 bytes)",
    ]  # fmt: skip


def test_what_was_allowed_for_this_very_configuration_is_not_refused():
    """P7: any other is."""
    recorded = with_plans(3)._replace(allowances=frozenset({Allowance("removals", DIGEST)}))
    assert guard.refusals(keeping(1), recorded) == ()
    other = "sha256:" + "1" * 64
    assert [refusal.allowed_by for refusal in guard.refusals(keeping(1)._replace(digest=other), recorded)] == [
        f"reconcile allow removals --config {other}"
    ]


def test_another_allowance_allows_no_removal():
    """P7."""
    recorded = with_plans(3)._replace(allowances=frozenset({Allowance("clock", DIGEST)}))
    assert len(guard.refusals(keeping(1), recorded)) == 1


@pytest.mark.parametrize("allowed", [frozenset(), frozenset({Allowance("removals", DIGEST)})])
def test_the_ledger_of_another_installation_is_refused_whatever_was_allowed(allowed):
    """T5, S3: nothing without our mark is ever removed."""
    recorded = NOTHING._replace(configuration=desired(), allowances=allowed)
    assert guard.refusals(desired(installation="globex"), recorded) == (
        Refusal("installation is globex, but this ledger belongs to acme; "
                "give each installation a ledger of its own with --ledger", None),
    )  # fmt: skip


def test_a_first_configuration_is_never_refused():
    """P7."""
    assert guard.refusals(desired(), NOTHING) == ()
    assert guard.refusals(keeping(5), NOTHING) == ()
