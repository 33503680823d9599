"""S2, S3 and GR7: what the passes of random lives remove, against a second account. Any number: `make verify-retention`."""

import retention_oracle
from core_values import DAY, MONDAY, SECOND, Memory, a_plan, a_set, desired, warehouse

MET = (
    "edits", "plans ended", "holds taken out", "restores", "removed", "removals gone on with", "kept by days", "kept by hold",
    "kept by keep_last", "kept by restore", "kept by the day of grace alone", "kept as its storage is not declared",
)  # fmt: skip


def test_random_histories_remove_the_sets_that_a_second_account_names():
    """S2: every edit that shortens waits a day. S3: holds, restores and the last good ones keep theirs."""
    counts, differences = retention_oracle.lives(0, 1_500)

    assert differences == []
    assert counts["histories"] == 1_500
    assert [name for name in MET if counts[name] < 100] == []


def test_a_set_that_a_storage_showed_has_its_own_days_for_a_day_after_the_first_plan_of_its_warehouse():
    """S2: a ledger that was lost, and an edit in the same commit, remove nothing at once. Once they did."""


    memory = Memory()
    shown = a_set(MONDAY - 3 * DAY, retention_days=30, keep_last=1)
    memory.remember(shown)
    shorter = desired(warehouse(a_plan(retention_oracle.NEVER, retention_days=1, keep_last=0)))

    assert memory.take(shorter, MONDAY).actions.removals == ()
    assert memory.take(shorter, MONDAY + DAY - SECOND).actions.removals == ()
    assert memory.take(shorter, MONDAY + DAY).actions.removals == (shown,)
