"""Restores of exports that are gone on with so late that the server may have forgotten which portions it has loaded:
a half-loaded table is emptied then, and nothing of what befalls that statement makes a row missing, or one too many.
"""

import pytest
from told import MONDAY_3, restored, wait_until

from reconciler.engines.doris import export_portions

LATER = "2026-11-23T16:30:00Z"
HOUR = (
    3600  # seconds; a server with disks of its own keeps labels of INSERTs for 12 hours, one without for three days
)


@pytest.fixture
def half_loaded(coupled, monkeypatch):
    """Makes a restore that was killed when it had loaded the first of a table's three portions, 13 hours ago."""
    monkeypatch.setattr(export_portions, "PORTION", 1)

    def make(target: str = "coupled"):
        at = backed_up(coupled(target))
        at.target.faults.hang("^INSERT INTO .*`days`", nth=2, times=2)
        kill(at, loaded=1)
        at.target.advance(13 * HOUR)
        return at

    return make


@pytest.fixture
def partly_forgotten(coupled, monkeypatch):
    """Makes one whose second portion was loaded three hours after the first, nine and a half hours ago."""
    monkeypatch.setattr(export_portions, "PORTION", 1)

    def make(target: str):
        at = backed_up(coupled(target))
        at.target.faults.hang("^INSERT INTO .*`days`", nth=3)
        at.target.faults.hold("^INSERT INTO .*`days`", at="prepare", nth=2)
        hung, held = at.target.faults.traps
        process = at.site.start("apply", now=MONDAY_3)
        wait_until(lambda: held.reached.is_set() and not hung.times and len(loads(at)) == 1)
        process.kill()
        process.communicate()
        at.target.advance(3 * HOUR)
        at.target.faults.clear()
        wait_until(lambda: len(loads(at)) == 2)
        at.target.advance(9.5 * HOUR)
        return at

    return make


def backed_up(at):
    at.source.sql("ALTER TABLE sales.days ADD PARTITION p3 VALUES [('2026-03-01'), ('2026-04-01'))")
    at.source.sql("INSERT INTO sales.days VALUES ('2026-02-17', 4), ('2026-03-05', 5)")
    at.back_up()
    at.site.restore("r-1", databases={"sales": "copy"})
    return at


def kill(at, loaded: int) -> None:
    """A run, as soon as so many loads of the table are done and the next ones hang."""
    (trap,) = at.target.faults.traps
    process = at.site.start("apply", now=MONDAY_3)
    wait_until(lambda: not trap.times and len(loads(at)) == loaded)
    process.kill()
    process.communicate()
    at.target.control.restart()
    at.target.faults.clear()


def loads(at) -> list[str]:
    """The labels of those that took effect."""
    return [
        each.label for each in at.target.warehouse.transactions if (each.table, each.status) == ("days", "VISIBLE")
    ]


@pytest.mark.parametrize("switch", ["drop_before", "drop_after"])
def test_a_table_whose_emptying_was_not_answered_has_each_row_once(half_loaded, switch):
    """R1: whether it took effect is seen in the table."""
    at = half_loaded()
    getattr(at.target.faults, switch)("^TRUNCATE")
    at.site.apply(LATER)
    assert restored(at)[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "orders", "days", "names")
    assert len(loads(at)) == 4


@pytest.mark.parametrize("switch", ["hang", "hang_after"])
def test_a_table_at_whose_emptying_the_server_restarts_has_each_row_once(half_loaded, switch):
    """R1: before it took effect, and afterwards."""
    at = half_loaded()
    getattr(at.target.faults, switch)("^TRUNCATE")
    at.pass_while(at.target, LATER, at.target.control.restart)
    assert restored(at)[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "orders", "days", "names")
    assert len(loads(at)) == 4


@pytest.mark.parametrize("again", [1, 2])
def test_a_restore_that_is_killed_again_after_it_emptied_a_table_has_each_row_once(half_loaded, again):
    """R1, T1: before it loaded a portion anew, and when it had loaded one."""
    at = half_loaded()
    at.target.faults.hang("^INSERT INTO .*`days`", nth=again, times=4 - again)
    kill(at, loaded=again)
    at.target.advance(13 * HOUR)
    at.site.apply("2026-11-24T01:00:00Z")
    assert restored(at)[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "orders", "days", "names")


def test_a_table_that_was_emptied_goes_on_with_what_was_loaded_since(half_loaded, monkeypatch):
    """R1: an error that passes does not make it begin again, however old the restore is."""
    at = half_loaded()
    monkeypatch.setattr("reconciler.engines.doris.crew.AT_ONCE", 1)
    at.target.faults.answer("^INSERT INTO .*`days`", 1105, "exec rpc error", nth=3)
    at.site.apply(LATER)
    assert restored(at)[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "orders", "days", "names")
    assert len(loads(at)) == 4


@pytest.mark.parametrize("fault", [None, "drop_before", "drop_after"])
@pytest.mark.parametrize("target", ["coupled", "decoupled"])
def test_labels_that_are_known_still_tell_nothing_of_a_table_that_is_emptied(partly_forgotten, target, fault):
    """R1: they are of a load whose rows are gone with the others; the portions are loaded under new ones."""
    at = partly_forgotten(target)
    if fault:
        getattr(at.target.faults, fault)("^TRUNCATE")
    at.site.apply(LATER)
    assert restored(at)[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "orders", "days", "names")
    assert (len(loads(at)), len(set(loads(at)))) == (5, 5)
