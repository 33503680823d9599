"""A ledger that is lost and comes back from what the storages hold; the mark of the one ledger; clocks (T2, T5, R8, S5)."""

import json
import shutil
from datetime import timedelta

import pytest
import yaml

from reconciler import doors, once
from reconciler.config.load import load
from reconciler.core.pause import rebuild_pause
from reconciler.effects.ledger import allow, open_to_read, open_to_write, reading
from reconciler.effects.look import look_into

MONDAY_2, MONDAY_3 = "2026-11-23T02:00:00Z", "2026-11-23T03:00:00Z"
TUESDAY_1 = "2026-11-24T01:00:00Z"
TASK = "shop-20261123T020000Z"


def lose_ledger(site) -> None:
    """The ledger's folder is gone; what comes next makes another one."""
    for path in site.folder.glob("ledger.sqlite*"):
        path.unlink()


def let(site, what: str, subject: str = "x") -> None:
    engine = open_to_write(site.paths.ledger, simulated=True)
    allow(engine, what, subject, site.clock.now())
    engine.dispose()


def recorded(site):
    with open_to_read(site.paths.ledger) as connection:
        return reading.recorded(connection, None, site.clock.now())


def tasks(site):
    with open_to_read(site.paths.ledger) as connection:
        return reading.all_tasks(connection)


def status(site) -> dict:
    return json.loads(site.paths.status.read_text())


def restorable(site) -> set:
    """What of a ledger must come back."""
    return {(*item._replace(tried_at=None),) for item in recorded(site).sets}


def test_a_lost_ledger_comes_back_from_storage_and_repeats_nothing(shop, rows):
    """T2, R1: the sets, the tasks and the used ids."""
    shop.restore("r-1")
    shop.apply(MONDAY_2)
    shop.apply(MONDAY_3)
    before, files = restorable(shop), shop.files
    (shop.folder / "other/sales.duckdb").unlink()
    lose_ledger(shop)

    shop.apply(TUESDAY_1)

    assert restorable(shop) == before
    assert [(task.id, task.state) for task in tasks(shop)] == [(TASK, "succeeded")]
    assert recorded(shop).restores["r-1"].state == "succeeded"
    assert not (shop.folder / "other/sales.duckdb").exists()
    assert shop.files == files


def test_after_a_rebuild_an_unclaimed_restore_waits_for_approval(shop):
    """R8, T5: two words are needed, one for the ledger and one for the restore."""
    shop.apply(MONDAY_2)
    lose_ledger(shop)
    shop.restore("r-1")

    shop.apply(TUESDAY_1)
    assert recorded(shop).restores["r-1"].state == "needs_approval"
    assert recorded(shop).restores["r-1"].reason == (
        "it was found unclaimed after the ledger was rebuilt; `reconcile allow restore r-1` lets it run"
    )
    let(shop, "restore", "r-1")
    shop.apply()
    assert recorded(shop).restores["r-1"].state == "pending"
    assert "names another ledger" in recorded(shop).restores["r-1"].reason
    shop.clock.time += timedelta(minutes=1)
    let(shop, "ledger")
    shop.apply()
    assert recorded(shop).restores["r-1"].state == "succeeded"
    assert (shop.folder / "other/sales.duckdb").exists()


@pytest.mark.parametrize("has_a_copy", [False, True])
def test_a_restore_that_the_command_finds_unclaimed_waits_for_approval_too(shop, has_a_copy):
    """R8: the ledger that is lost may have known the request as over, and so may the part that a copy lacks."""
    copy = shop.folder / "copy.sqlite"
    shutil.copy(shop.paths.ledger, copy)
    shop.apply(MONDAY_2)
    lose_ledger(shop)
    shop.restore("r-1")
    if has_a_copy:
        copy.rename(shop.paths.ledger)

    assert shop.run("rebuild", now=MONDAY_3).code == 0
    let(shop, "ledger")
    shop.apply(TUESDAY_1)

    assert recorded(shop).restores["r-1"].state == "needs_approval"
    assert not (shop.folder / "other/sales.duckdb").exists()


def test_an_approval_says_what_it_does(shop):
    """R8: an id that is mistyped, or does not wait for it, is told from one that does."""
    shop.apply(MONDAY_2)
    lose_ledger(shop)
    shop.restore("r-1")
    shop.apply(TUESDAY_1)
    let(shop, "ledger")

    unknown = shop.run("allow", "restore", "r-l", now=TUESDAY_1)
    assert (unknown.code, unknown.err.splitlines()[-1]) == (64, "error: r-l is no restore that this ledger knows")
    approved = shop.run("allow", "restore", "r-1", now=TUESDAY_1)
    assert approved.out == "restore r-1 is approved; the next pass starts it, or says what else it waits for\n"
    shop.apply("2026-11-24T01:01:00Z")
    assert shop.run("allow", "restore", "r-1", now="2026-11-24T01:02:00Z").out == (
        "restore r-1 is succeeded; it does not wait for approval\n"
    )


def test_a_first_installation_asks_for_no_approval(site):
    """R8."""
    site.database()
    site.apply("2026-11-23T00:00:00Z")
    site.restore("r-1")
    site.apply(MONDAY_2)
    site.apply(MONDAY_3)

    assert recorded(site).restores["r-1"].state == "succeeded"


def test_a_request_made_after_the_rebuild_needs_no_approval(shop):
    """R8."""
    shop.apply(MONDAY_2)
    lose_ledger(shop)
    shop.apply(TUESDAY_1)
    shop.clock.time += timedelta(minutes=1)
    let(shop, "ledger")
    shop.restore("r-2")
    shop.apply()

    assert recorded(shop).restores["r-2"].state == "succeeded"


def test_what_has_an_owner_but_no_manifest_is_removed_a_day_after_a_rebuild(shop):
    """S1, S4: a half-made attempt, or a set that was half removed when the ledger was lost."""
    shop.apply(MONDAY_2)
    (shop.folder / "backups/test/shop" / TASK / "manifest.json").unlink()
    lose_ledger(shop)

    shop.apply(MONDAY_3)
    let(shop, "ledger")
    (task,) = tasks(shop)
    assert (task.state, task.reason[:41]) == ("lost", "found in storage without a manifest, by a")
    assert any(name.startswith(f"test/shop/{TASK}/1/") for name in shop.files)
    shop.plan["periodic"]["enabled"] = False
    shop.write()
    shop.clock.time += timedelta(minutes=1)
    let(shop, "ledger")
    shop.apply("2026-11-24T03:01:00Z")
    assert not any(name.startswith(f"test/shop/{TASK}/") for name in shop.files)


def test_nothing_is_removed_within_a_day_of_a_rebuild(shop):
    """S2: edits that only the lost ledger knew of would have counted for a day."""
    shop.plan["keep_last"] = 0
    shop.write()
    shop.apply("2026-11-23T01:00:00Z")
    shop.apply(MONDAY_2)
    lose_ledger(shop)
    shop.apply("2026-12-24T01:00:00Z")
    shop.clock.time += timedelta(minutes=1)
    let(shop, "ledger")

    shop.apply()
    assert TASK in shop.set_folders
    assert any(pause["reason"].startswith("the ledger was rebuilt") for pause in status(shop)["pauses"])
    shop.apply("2026-12-25T01:00:30Z")
    assert TASK not in shop.set_folders


def test_names_and_ended_plans_come_back_right(shop):
    """P8, S2: the new name of old sets, and the retention that a plan ended with."""
    shop.apply(MONDAY_2)
    shop.rename("shop", "store")
    shop.apply(MONDAY_3)
    shop.apply("2026-11-24T02:00:00Z")
    entry = shop.document["warehouses"].pop("store")
    del entry["previous_name"]
    entry["plan"]["retention_days"] = 30
    shop.document["warehouses"]["store"] = entry
    shop.write()
    shop.apply("2026-11-24T03:00:00Z")
    shop.document["warehouses"]["store"] = {key: entry[key] for key in ("engine", "path")}
    shop.write()
    let_removals(shop)
    shop.apply("2026-11-24T04:00:00Z")
    lose_ledger(shop)

    shop.apply("2026-11-24T05:00:00Z")

    assert {(item.id, item.warehouse, item.home, item.retention_days) for item in recorded(shop).sets} == {
        (TASK, "store", "shop", 7), ("store-20261124T020000Z", "store", "store", 30),
    }  # fmt: skip


def test_a_second_renaming_that_the_lost_ledger_did_not_live_to_see_is_carried_out(shop):
    """P8: the storage's note leads to the middle name, and the YAML from there to the last."""
    shop.apply(MONDAY_2)
    shop.rename("shop", "store")
    shop.apply(MONDAY_3)
    lose_ledger(shop)
    shop.rename("store", "depot")

    shop.apply("2026-11-23T04:00:00Z")

    assert [(item.id, item.warehouse) for item in recorded(shop).sets] == [(TASK, "depot")]


def test_a_renaming_before_the_storage_could_be_looked_into_takes_its_sets_along(shop):
    """P8, T2: and the storage is told of it, since this ledger may be lost as well."""
    shop.apply(MONDAY_2)
    lose_ledger(shop)
    folder, aside = shop.folder / "backups", shop.folder / "aside"
    folder.rename(aside)
    folder.write_bytes(b"in the way")
    shop.apply(MONDAY_3)
    for old, new in (("shop", "store"), ("store", "depot")):
        shop.rename(old, new)
        shop.apply("2026-11-23T04:00:00Z")
    folder.unlink()
    aside.rename(folder)
    shop.apply("2026-11-23T05:00:00Z")

    assert [(item.id, item.warehouse) for item in recorded(shop).sets] == [(TASK, "depot")]
    assert [(task.id, task.warehouse) for task in tasks(shop)] == [(TASK, "depot")]
    lose_ledger(shop)
    del shop.document["warehouses"]["depot"]["previous_name"]
    shop.write()
    shop.apply("2026-11-23T06:00:00Z")
    assert [(item.id, item.warehouse) for item in recorded(shop).sets] == [(TASK, "depot")]


def test_a_claim_into_a_warehouse_that_took_a_former_name_is_the_request_of_the_file(shop):
    """P8, R2, T2: its target is not the renamed one, whose name it bears."""
    shop.apply(MONDAY_2)
    shop.rename("shop", "store")
    shop.apply(MONDAY_3)
    (shop.folder / "second").mkdir()
    del shop.document["warehouses"]["store"]["previous_name"]
    shop.document["warehouses"]["shop"] = {"engine": "duckdb", "path": "second"}
    shop.restore("r-1", **{"from": {"warehouse": "store", "backup_set": TASK}, "to": {"warehouse": "shop"}})
    shop.apply("2026-11-23T04:00:00Z")
    lose_ledger(shop)

    outcome = shop.apply("2026-11-23T05:00:00Z")

    request = recorded(shop).restores["r-1"]
    assert (outcome.failures, request.state, request.entry.warehouse) == ((), "succeeded", "shop")


def test_a_slot_that_a_clock_ahead_ran_under_a_former_name_is_not_run_again(shop):
    """D2, S5, T2: its set is found when the slot's own time has come, and waits for the look already."""
    shop.apply("2026-11-24T02:00:00Z")
    early = "shop-20261124T020000Z"
    assert shop.set_folders == [early]
    shop.rename("shop", "store")
    shop.apply("2026-11-24T02:01:00Z")
    lose_ledger(shop)
    folder, aside = shop.folder / "backups", shop.folder / "aside"
    folder.rename(aside)
    folder.write_bytes(b"in the way")
    shop.apply(TUESDAY_1)
    folder.unlink()
    aside.rename(folder)

    shop.apply("2026-11-24T02:00:05Z")

    assert shop.set_folders == [early]
    assert [(task.id, task.state, task.reason) for task in tasks(shop)] == [
        ("store-20261124T020000Z", "skipped", f"backup set {early} of its slot was found in storage disk")
    ]


def let_removals(site) -> None:
    let(site, "removals", load(site.paths.plans).digest)


def test_a_note_that_could_not_be_written_is_written_later(shop):
    """S2."""
    shop.apply(MONDAY_2)
    folder = shop.folder / "backups/test/shop"
    aside = shop.folder / "aside"
    del shop.document["warehouses"]["shop"]["plan"]
    shop.write()
    let_removals(shop)
    folder.rename(aside)
    folder.write_bytes(b"in the way")
    assert any("note test/shop/.retention.json" in failure for failure in shop.apply(MONDAY_3).failures)

    folder.unlink()
    aside.rename(folder)
    shop.apply("2026-11-23T04:00:00Z")

    assert json.loads((folder / ".retention.json").read_text())["retention_days"] == 7
    assert shop.apply("2026-11-23T05:00:00Z").idle


def test_two_ledgers_at_one_installation_never_remove_or_restore_both(shop):
    """T5: the second one may back up; the first one goes on as before."""
    shop.plan["keep_last"] = 0
    shop.write()
    shop.apply(MONDAY_2)
    first = shop.paths
    shop.paths = once.Paths(first.plans, shop.folder / "second.sqlite", shop.folder / "second.json")
    shop.apply("2026-11-23T12:00:00Z")
    shop.apply("2026-11-24T02:00:00Z")
    assert "shop-20261124T020000Z" in shop.set_folders
    shop.apply("2026-12-10T01:00:00Z")
    assert len(shop.set_folders) > 1
    (waits,) = status(shop)["pauses"]
    assert waits["what"] == "removals"
    assert waits["allowed_by"] == "reconcile allow ledger"
    assert any("names another ledger" in line for line in status(shop)["attention"])

    shop.paths = first
    shop.apply("2026-12-10T01:00:30Z")
    assert TASK not in shop.set_folders


def test_what_was_answered_before_a_look_lets_nothing_go_after_it(shop):
    """T2: a look can show that another ledger was here, from when on removals wait for a day."""
    shop.apply(MONDAY_2)
    lose_ledger(shop)
    let(shop, "ledger")
    with doors.ledger_to_write(shop.paths.ledger, shop.clock, simulated=True) as ledger:
        desired = load(shop.paths.plans).desired
        world = once.Pass(shop.paths, shop.clock, ledger, shop.said.append).world(desired)

        def pause():
            return world.lookout.before_removal(desired, "disk", lambda: world.storage("disk"))

        assert pause() is None
        look_into(world, "disk")
        assert pause() == rebuild_pause(shop.clock.now(), shop.clock.now())


def test_an_allowance_counts_once_so_that_two_ledgers_take_no_turns(shop):
    """T5."""
    shop.apply(MONDAY_2)
    first = shop.paths
    second = once.Paths(first.plans, shop.folder / "second.sqlite", shop.folder / "second.json")
    marks = []
    for paths, minute in ((second, 1), (first, 2)):
        shop.paths = paths
        shop.apply()
        shop.clock.time += timedelta(minutes=1)
        shop.restore(f"r-{minute}", databases={"sales": f"copy_{minute}"})
        let(shop, "ledger")
        shop.apply()
        marks.append(json.loads((shop.folder / "backups/test/.ledger.json").read_text())["ledger"])
    shop.paths = second
    shop.restore("r-3", databases={"sales": "copy_3"})
    shop.apply("2026-11-23T12:00:00Z")

    assert marks[0] != marks[1]
    assert json.loads((shop.folder / "backups/test/.ledger.json").read_text())["ledger"] == marks[1]
    assert "names another ledger" in recorded(shop).restores["r-3"].reason


def test_a_storage_with_sets_that_is_declared_later_is_looked_into(shop):
    """T2: for instance one that was copied from another place."""
    shop.apply(MONDAY_2)
    shutil.copytree(shop.folder / "backups", shop.folder / "copied")
    (shop.folder / "copied/test/shop" / TASK).rename(shop.folder / "copied/test/shop/gone")
    shop.document["storages"]["more"] = {"local": {"path": "copied"}}
    shop.write()

    shop.apply(MONDAY_3)

    assert "left alone: not a key of a backup set" not in "\n".join(map(str, shop.said))
    assert any("gone/manifest.json left alone: it belongs to another set" in str(line) for line in shop.said)


def test_the_command_shows_what_storages_hold_and_brings_it_into_a_ledger(shop):
    """T2: for a ledger that came back from an older copy."""
    copy = shop.folder / "copy.sqlite"
    shutil.copy(shop.paths.ledger, copy)
    shop.apply(MONDAY_2)
    (shop.folder / "backups/test/other.txt").write_bytes(b"somebody's")
    lose_ledger(shop)
    copy.rename(shop.paths.ledger)

    shown = shop.run("rebuild", "--dry-run", now=MONDAY_3)
    assert (shown.code, shown.err) == (0, "--now: pretending that it is 2026-11-23T03:00:00Z\n")
    assert [line.split() for line in shown.out.splitlines()] == [
        ["storage", "disk:", "holds"],
        ["SET", "WAREHOUSE", "COMPLETED", "SIZE"],
        [TASK, "shop", "2026-11-23T02:00:00Z", *shown.out.split()[shown.out.split().index("2026-11-23T02:00:00Z") + 1:][:2]],
        ["left", "alone:", "test/other.txt:", "not", "a", "key", "of", "a", "backup", "set"],
    ]  # fmt: skip
    done = shop.run("rebuild", now=MONDAY_3)
    assert done.code == 0
    assert TASK in done.out
    assert {item.id for item in recorded(shop).sets} == {TASK}
    assert TASK not in shop.run("rebuild", now=MONDAY_3).out


@pytest.mark.parametrize("amount", [timedelta(days=40), timedelta(minutes=-90)])
def test_a_clock_that_jumps_under_a_running_pass_removes_nothing(shop, amount):
    """S5: until it agrees again, or is allowed."""
    from reconciler.config.load import load
    from reconciler.effects.ledger import Lease, Ledger

    shop.plan["keep_last"] = 0
    shop.write()
    shop.apply(MONDAY_2)
    shop.apply("2026-11-24T02:00:00Z")
    shop.apply("2026-11-30T01:30:00Z")
    with Lease(shop.paths.ledger) as lease:
        ledger = Ledger(open_to_write(shop.paths.ledger, simulated=True), shop.paths.ledger, lease)
        passing = once.Pass(shop.paths, shop.clock, ledger, shop.said.append)

        def step() -> tuple[str, ...]:
            passing.step(load(shop.paths.plans))
            while passing.runner.wait(5):
                pass
            return tuple(pause.reason for pause in passing.lookout.pauses)

        shop.clock.time += timedelta(hours=2)
        shop.clock.jump(amount)
        kept = step()
        if amount > timedelta(0):
            assert kept == ("the clock jumped by 3,456,000 s beyond what passed; set the clock right, or allow it as "
                            "it is",)  # fmt: skip
            assert TASK in shop.set_folders
        shop.clock.jump(-amount)
        shop.clock.time += timedelta(minutes=1)
        assert step() == ()
        assert TASK not in shop.set_folders
        ledger.close()


def test_a_clock_that_went_back_between_two_passes_is_noticed_and_can_be_allowed(shop):
    """S5: the ledger remembers the newest instant that it has seen."""
    shop.plan["keep_last"] = 0
    shop.write()
    shop.apply(MONDAY_2)
    shop.plan["periodic"]["enabled"] = False
    shop.write()
    shop.apply(MONDAY_3)
    (shop.folder / "backups").rename(shop.folder / "aside")
    shop.apply("2026-12-10T00:00:00Z")
    (waits,) = status(shop)["pauses"]
    assert waits["reason"] == "storage disk has lost the mark of its ledger: is it the right one, and mounted?"
    (shop.folder / "aside").rename(shop.folder / "backups")

    shop.apply("2026-12-05T00:00:00Z")
    (waits,) = status(shop)["pauses"]
    assert waits == {
        "what": "removals", "allowed_by": "reconcile allow clock",
        "reason": "it is 2026-12-05T00:00:00Z, but the ledger has seen 2026-12-10T00:00:00Z; set the clock right, "
                  "or allow it as it is",
    }  # fmt: skip
    assert TASK in shop.set_folders
    let(shop, "clock")
    shop.apply("2026-12-05T00:01:00Z")
    assert TASK not in shop.set_folders
    assert status(shop)["pauses"] == []


def test_slots_that_a_clock_ahead_has_passed_come_in_their_time(shop):
    """S5: the newest of them ran early; of the others none is lost, once the clock is said to be right."""
    shop.plan["periodic"]["backup_every"] = ["monday", "tuesday", "wednesday", "thursday"]
    shop.write()
    shop.apply(MONDAY_2)
    shop.apply("2026-11-26T02:30:00Z")
    early = {f"shop-202611{day}T020000Z": state for day, state in (
        (23, "succeeded"), (24, "missed"), (25, "missed"), (26, "succeeded"))}  # fmt: skip
    assert {task.id: task.state for task in tasks(shop)} == early

    shop.apply(TUESDAY_1)
    assert status(shop)["pauses"][0]["allowed_by"] == "reconcile allow clock"
    let(shop, "clock")
    shop.apply("2026-11-24T01:01:00Z")
    for now in ("2026-11-24T02:00:00Z", "2026-11-25T02:00:00Z", "2026-11-26T02:00:00Z", "2026-11-26T02:30:00Z"):
        shop.apply(now)

    assert {task.id: task.state for task in tasks(shop)} == dict.fromkeys(early, "succeeded")
    assert sum(event.outcome == "succeeded" for event in shop.said if event.action == "backup") == 4


def test_the_document_of_a_claim_is_enough_to_know_the_request(shop):
    """R8: a run whose ledger is lost before its outcome was written."""
    shop.restore("r-1", databases={"sales": "copy"})
    shop.apply(MONDAY_2)
    shop.apply(MONDAY_3)
    (shop.folder / "backups/test/.restores/r-1/outcome.json").unlink()
    lose_ledger(shop)

    shop.apply(TUESDAY_1)

    known = recorded(shop).restores["r-1"]
    assert known.state == "unknown"
    assert known.reason == (
        "it was claimed at 2026-11-23T03:00:00Z by a run whose ledger is lost, and no outcome was recorded; look at "
        "copy in warehouse other. To restore once more choose a new id"
    )
    assert yaml.safe_load(shop.paths.plans.read_text())["restores"][0]["id"] == known.entry.id
