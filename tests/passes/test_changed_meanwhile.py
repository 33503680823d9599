"""What was decided, and is no longer right when it comes to be done: removals, restores, claims (S3, S4, R1, R5)."""

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest

from reconciler import doors, once
from reconciler.config.load import load
from reconciler.effects.ledger import open_to_read, reading
from reconciler.engines.duckdb import DuckDB
from reconciler.errors import StorageFailed
from reconciler.storage.sets import SetStorage

MONDAY_2, MONDAY_3 = "2026-11-23T02:00:00Z", "2026-11-23T03:00:00Z"
LATER = "2026-12-10T02:00:00Z"
TASK = "shop-20261123T020000Z"


def sets(site) -> dict[str, str]:
    with open_to_read(site.paths.ledger) as connection:
        return {item.id: item.state for item in reading.recorded(connection, None, site.clock.now()).sets}


def restore(site, name: str):
    with open_to_read(site.paths.ledger) as connection:
        return reading.recorded(connection, None, site.clock.now()).restores[name]


def begin_removal(site) -> None:
    """As a pass that came no further than its mark in the ledger."""
    with doors.ledger_to_write(site.paths.ledger, site.clock, simulated=True) as ledger:
        (backup_set,) = (item for item in ledger.read(None, site.clock.now()).sets if item.id == TASK)
        ledger.begin_removal(backup_set, site.clock.now())


@contextlib.contextmanager
def begun_late(site) -> Iterator[Callable[[], object]]:
    """Steps of one pass, whose work begins only at the end of the block."""
    begun: list[Callable[[], None]] = []
    with doors.ledger_to_write(site.paths.ledger, site.clock, simulated=True) as ledger:
        passing = once.Pass(site.paths, site.clock, ledger, site.said.append, spawn=lambda run, _: begun.append(run))
        yield lambda: passing.step(load(site.paths.plans))
        while begun:
            begun.pop()()


@pytest.mark.parametrize("whole", [True, False])
def test_a_removal_that_has_begun_is_taken_back_by_a_hold_while_all_of_the_set_is_there(shop, whole):
    """S3, S4: without its manifest it is none, and the rest goes whatever protects it."""
    shop.apply(MONDAY_2)
    begin_removal(shop)
    if not whole:
        (shop.folder / f"backups/test/shop/{TASK}/manifest.json").unlink()
    shop.document["holds"] = [{"backup_set": TASK, "reason": "audit"}]
    shop.write()
    shop.apply(MONDAY_3)

    assert sets(shop) == ({TASK: "present"} if whole else {})
    assert (TASK in shop.set_folders) is whole


def test_what_waits_for_its_turn_is_not_done_once_it_is_decided_otherwise(shop):
    """S3: a hold that comes while a removal waits for the cap is a hold."""
    shop.plan["keep_last"] = 0
    shop.document["limits"] = {"running_tasks": 1}
    shop.write()
    shop.apply(MONDAY_2)
    shop.apply("2026-11-26T02:00:00Z")
    shop.plan["periodic"]["enabled"] = False
    shop.write()
    shop.apply("2026-11-26T03:00:00Z")
    first, second = sorted(sets(shop))
    shop.clock.time = datetime(2026, 12, 10, 2, tzinfo=UTC)
    with begun_late(shop) as step:
        step()
        shop.document["holds"] = [{"backup_set": second, "reason": "audit"}]
        shop.write()
        step()

    assert sets(shop) == {second: "present"}
    assert first not in shop.set_folders


def test_a_restore_whose_entry_was_taken_out_while_it_was_looked_at_does_not_run(shop):
    """R5: it is cancelled, its id is not used."""
    shop.apply(MONDAY_2)
    shop.restore("r-1")
    shop.clock.time = datetime(2026, 11, 23, 3, tzinfo=UTC)
    with begun_late(shop) as step:
        step()
        shop.document["restores"] = []
        shop.write()
        step()

    assert (restore(shop, "r-1").state, restore(shop, "r-1").claimed_at) == ("cancelled", None)
    assert not (shop.folder / "other/sales.duckdb").exists()
    assert not list((shop.folder / "backups/test/.restores").glob("r-1/*"))


def test_a_claim_whose_answer_was_lost_has_its_outcome_beside_it(shop):
    """R1: else it would stand there for ever as one whose end nobody knows."""
    real, times = SetStorage.claim, iter(range(9))

    def claim(self, *words):
        if next(times) == 0:
            real(self, *words)
            raise StorageFailed("no answer", passing=True)
        raise StorageFailed("access denied")

    shop.apply(MONDAY_2)
    shop.restore("r-1")
    with mock.patch.object(SetStorage, "claim", claim):
        shop.apply(MONDAY_3)

    found = restore(shop, "r-1")
    assert (found.state, found.claimed_at is not None) == ("failed", True)
    assert (shop.folder / "backups/test/.restores/r-1/outcome.json").exists()


def test_a_backup_waits_for_what_began_in_its_warehouse_under_a_former_name(shop):
    """D3, P8: one thing at a time, whatever the warehouse is called meanwhile."""
    shop.apply(MONDAY_2)
    shop.restore("r-1", to={"warehouse": "shop"}, databases={"sales": "copy"})
    shop.clock.time = datetime(2026, 11, 23, 3, tzinfo=UTC)
    begun: dict[str, Callable[[], None]] = {}
    with doors.ledger_to_write(shop.paths.ledger, shop.clock, simulated=True) as ledger:
        passing = once.Pass(
            shop.paths, shop.clock, ledger, shop.said.append, spawn=lambda run, name: begun.update({name: run})
        )
        passing.step(load(shop.paths.plans))
        shop.document["restores"][0]["to"] = {"warehouse": "store"}
        shop.rename("shop", "store")
        shop.clock.time = datetime(2026, 11, 24, 2, tzinfo=UTC)
        passing.step(load(shop.paths.plans))

        backup = "store-20261124T020000Z"
        assert ("r-1" in begun, backup in begun) == (True, False)
        begun["r-1"]()
        assert backup in begun


def begin_to_restore(site) -> None:
    """As a reconciler that was killed just after the claim of `r-1`."""
    whole = DuckDB.restore

    def restore_until_claimed(self, order, reader, watch) -> None:
        def claim(journal: str) -> None:
            order.claim(journal)
            raise SystemExit

        whole(self, order._replace(claim=claim), reader, watch)

    site.apply(MONDAY_2)
    site.restore("r-1")
    site.clock.time = datetime(2026, 11, 23, 3, tzinfo=UTC)
    with mock.patch.object(DuckDB, "restore", restore_until_claimed), contextlib.suppress(SystemExit):
        with begun_late(site) as step:
            step()
    assert restore(site, "r-1").claimed_at is not None


@pytest.mark.parametrize("keep", [True, False], ids=["entry stays", "entry goes"])
def test_a_restore_that_has_begun_goes_on_in_its_warehouse_under_the_new_name(shop, keep):
    """P8, R1: a renaming is no reason to leave it half done; the entry is the same request under both names."""
    begin_to_restore(shop)
    (entry,) = shop.document["restores"]
    shop.document["restores"] = [entry | {"to": {"warehouse": "elsewhere"}}] if keep else []
    shop.rename("other", "elsewhere")

    outcome = shop.apply("2026-11-23T04:00:00Z")

    assert outcome.failures == ()
    assert (restore(shop, "r-1").state, restore(shop, "r-1").entry.warehouse) == ("succeeded", "elsewhere")
    assert json.loads(shop.paths.status.read_text())["attention"] == []
    assert (shop.folder / "other/sales.duckdb").exists()
    assert shop.apply("2026-11-23T05:00:00Z").idle is True


@pytest.mark.parametrize(
    ("then", "cancelled", "state"),
    [("2026-11-23T04:00:00Z", False, "running"), ("2026-11-23T04:00:00Z", True, "unknown"),
     ("2026-11-24T03:00:01Z", False, "unknown")],
    ids=["waits", "cancelled", "a day later"],
)  # fmt: skip
def test_a_restore_whose_warehouse_was_taken_out_waits_for_a_day_and_is_then_unknown(shop, then, cancelled, state):
    """R1, R6: nobody can ask that warehouse, and no set is kept for it for ever."""
    begin_to_restore(shop)
    shop.document["restores"] = []
    del shop.document["warehouses"]["other"]
    shop.write()
    if cancelled:
        assert shop.run("cancel", "r-1", now=then).code == 0
    shop.apply(then)

    found = restore(shop, "r-1")
    assert found.state == state
    assert "warehouse other is not declared any more" in found.reason
    assert (shop.folder / "backups/test/.restores/r-1/outcome.json").exists() is (state == "unknown")


def test_a_start_that_a_clock_ahead_has_written_makes_no_timeout_longer(shop):
    """D4, S5: what it began has its time from when it is gone on with."""
    shop.clock.time = datetime(2026, 11, 26, 2, tzinfo=UTC)
    with mock.patch.object(DuckDB, "backup", side_effect=SystemExit), contextlib.suppress(SystemExit):
        with begun_late(shop) as step:
            step()
    (shop.folder / "shop").rename(shop.folder / "away")

    (failure,) = shop.apply("2026-11-24T02:00:00Z").failures

    assert "its `timeout` leaves no time for another try" in failure
    assert timedelta(hours=5) < timedelta(seconds=sum(shop.clock.paused)) <= timedelta(hours=6)
