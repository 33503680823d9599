"""Ids and keys: from warehouse and slot alone, and no prefix that reaches into a neighbour (D2, S4)."""

from core_values import SECOND, at
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core import naming
from reconciler.core.naming import TaskPlace

names = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True)
slots = st.integers(0, 2**32).map(lambda amount: at("2020-01-01 00:00") + amount * SECOND)
near_names = st.sampled_from(("wh", "wh-1", "wh-10", "wh_1", "wh-1-20261123t020000z", "w"))


def test_a_task_is_named_by_warehouse_and_slot():
    """D2."""
    assert naming.task_id("analytics", at("2026-11-01 01:30")) == "analytics-20261101T013000Z"


@given(names | near_names, slots, names | near_names, slots)
def test_two_tasks_have_one_id_only_if_warehouse_and_slot_are_the_same(one, slot, other, later):
    """D2."""
    assert (naming.task_id(one, slot) == naming.task_id(other, later)) == ((one, slot) == (other, later))


@given(names | near_names, slots)
def test_the_home_of_a_set_can_be_read_from_its_id(name, slot):
    """P8: after a rename the id is all that still tells it."""
    assert naming.task_id(name, slot).rpartition("-")[0] == name


@given(names | near_names, names | near_names, slots, slots, st.integers(1, 20), st.integers(1, 20))
def test_no_prefix_reaches_into_another_task_or_attempt(one, other, slot, later, number, next_number):
    """S4: `wh-1` beside `wh-10`, attempt 1 beside attempt 10."""
    here = TaskPlace("acme", one, naming.task_id(one, slot))
    there = TaskPlace("acme", other, naming.task_id(other, later))
    if here != there:
        assert not there.prefix.startswith(here.prefix)
        assert not there.manifest.startswith(here.prefix)
    if number != next_number:
        assert not here.attempt(next_number).startswith(here.attempt(number))
    assert here.attempt(number).startswith(here.prefix)
    assert here.prefix.endswith("/")


@given(names, names)
def test_claims_lie_apart_from_every_warehouse_and_task(warehouse, request):
    """R1: a removal of sets never reaches a claim."""
    place = TaskPlace("acme", warehouse, naming.task_id(warehouse, at("2026-11-01 01:30")))
    own = (naming.claim_key("acme", request), naming.outcome_key("acme", request),
           naming.retention_key("acme", warehouse))  # fmt: skip
    assert len(set(own)) == 3
    assert not any(key.startswith(place.prefix) for key in own)


def test_keys_are_written_out():
    """D2, R1, S2: other releases read them."""
    place = TaskPlace("acme", "shop", "shop-20261101T013000Z")
    assert place.prefix == "acme/shop/shop-20261101T013000Z/"
    assert place.manifest == "acme/shop/shop-20261101T013000Z/manifest.json"
    assert place.attempt(2) == "acme/shop/shop-20261101T013000Z/2/"
    assert naming.claims_prefix("acme") == "acme/.restores/"
    assert naming.claim_key("acme", "r1") == "acme/.restores/r1/claim.json"
    assert naming.outcome_key("acme", "r1") == "acme/.restores/r1/outcome.json"
    assert naming.retention_key("acme", "shop") == "acme/shop/.retention.json"
