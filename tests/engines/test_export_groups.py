"""Compute groups of an export: one that sleeps, one that was stopped by hand, one that the user may not use."""

import pytest
from told import MONDAY_2, TASK, states


def test_a_group_that_sleeps_is_woken(decoupled):
    """D6: by the server, which is waited for."""
    at = decoupled()
    at.source.control.suspend("backup_cg")
    at.back_up()


def test_a_group_whose_waking_takes_too_long_is_tried_again(decoupled):
    """D6."""
    at = decoupled()
    at.source.control.suspend("backup_cg", timeouts=1)
    at.back_up()
    assert any("auto start cluster timeout" in line or "tried again" in line for line in map(str, at.site.said))


def test_a_group_that_was_stopped_by_hand_fails_at_once_and_in_words(decoupled):
    """D6: what will not pass."""
    at = decoupled()
    at.source.control.shut_down("backup_cg")
    at.site.apply(MONDAY_2)
    state, reason = states(at.site)[TASK]
    assert state == "failed"
    assert "manual shutdown" in reason
    assert reason.endswith("; somebody stopped this cluster by hand: start it, or name another one")


@pytest.mark.parametrize(("group", "words"), [
    ("backup_cg", 'user narrow may not use compute group backup_cg; grant it: GRANT USAGE_PRIV ON COMPUTE GROUP `backup_cg` TO "narrow"'),
    ("nightly", "has no compute group nightly; it has adhoc"),
])  # fmt: skip
def test_a_group_without_usage_and_one_that_is_not_there_are_told_apart(decoupled, group, words):
    """D6: no privilege fails at once with what to do."""
    at = decoupled()
    at.source.add_user("narrow", "", load={"*"}, select={"*"}, usage={"adhoc"})
    at.site.document["warehouses"]["shop"]["user"] = "narrow"
    at.site.plan["backup_cluster"] = group
    at.site.write()
    at.site.apply("2026-11-23T01:30:00Z")
    at.site.apply(MONDAY_2)
    state, reason = states(at.site)[TASK]
    assert (state, words in reason) == ("failed", True), reason
