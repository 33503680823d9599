"""Whole passes in this process, with real DuckDB files, a real local storage and a real ledger."""

import json
import shutil
from datetime import timedelta

import jsonschema
import yaml

from reconciler.config import schema

MONDAY_2 = "2026-11-23T02:00:00Z"
MONDAY_3 = "2026-11-23T03:00:00Z"
TASK = "shop-20261123T020000Z"


def status(site) -> dict:
    document = json.loads(site.paths.status.read_text())
    jsonschema.Draft7Validator(schema.document("status")).validate(document)
    return document


def tasks(site, warehouse: str = "shop") -> dict[str, str]:
    (found,) = (item for item in status(site)["warehouses"] if item["name"] == warehouse)
    return {task["id"]: task["state"] for task in found["backup_tasks"]}


def restores(site) -> dict[str, str]:
    return {task["id"]: task["state"] for task in status(site)["restore_tasks"]}


def test_a_due_slot_becomes_one_set_and_is_not_run_again(shop):
    """D1, D2."""
    assert shop.apply("2026-11-23T01:59:59Z").idle is True
    assert shop.apply(MONDAY_2).failures == ()
    assert shop.apply(MONDAY_3).idle is True

    assert shop.set_folders == [TASK]
    assert tasks(shop) == {TASK: "succeeded"}


def test_a_restore_runs_once_and_gives_the_same_rows(shop, rows):
    """R1, R3, R7."""
    shop.restore("r-1", databases={"sales": "copy"})
    shop.apply("2026-11-23T01:00:00Z")
    assert restores(shop) == {"r-1": "pending"}

    shop.apply(MONDAY_2)
    shop.apply(MONDAY_3)

    assert restores(shop) == {"r-1": "succeeded"}
    assert rows(shop.folder / "other/copy.duckdb") == rows(shop.folder / "shop/sales.duckdb")
    (shop.folder / "other/copy.duckdb").unlink()
    assert shop.apply("2026-11-23T04:00:00Z").idle is True
    assert not (shop.folder / "other/copy.duckdb").exists()


def test_a_restore_with_another_ledger_does_not_run_again(shop):
    """R1: the claim in storage counts, whoever looks."""
    shop.restore("r-1")
    shop.apply(MONDAY_2)
    shop.apply(MONDAY_3)
    (shop.folder / "other/sales.duckdb").unlink()
    fresh = shop.paths._replace(ledger=shop.folder / "fresh.sqlite")
    # A ledger that knows the set but not the restore: as if it were restored from a copy made between the two.
    claim = shop.folder / "backups/test/.restores/r-1"
    claim.rename(shop.folder / "aside")
    manifest = shop.folder / "backups/test/shop" / TASK
    manifest.rename(shop.folder / "set-aside")
    shop.paths = fresh
    shop.document["restores"] = []
    shop.write()
    shop.apply(MONDAY_3)
    (shop.folder / "set-aside").rename(manifest)
    claim.parent.mkdir(exist_ok=True)
    (shop.folder / "aside").rename(claim)
    shop.apply("2026-11-24T02:00:00Z")
    shop.restore("r-1")
    shop.apply("2026-11-24T03:00:00Z")

    (task,) = status(shop)["restore_tasks"]
    assert task["state"] == "succeeded"
    assert "was claimed at 2026-11-23T03:00:00Z by a run that this ledger does not know" in task["message"]
    assert not (shop.folder / "other/sales.duckdb").exists()


def test_downtime_runs_the_newest_slot_and_records_the_others_as_missed(shop):
    """D3."""
    shop.apply("2026-11-27T03:00:00Z")

    assert tasks(shop) == {
        "shop-20261127T020000Z": "succeeded", "shop-20261126T020000Z": "missed", "shop-20261125T020000Z": "missed",
        "shop-20261124T020000Z": "missed", "shop-20261123T020000Z": "missed",
    }  # fmt: skip
    assert shop.set_folders == ["shop-20261127T020000Z"]


def test_the_set_of_the_day_is_removed_when_its_days_are_over_and_the_newest_never(shop):
    """S2, S3."""
    shop.apply(MONDAY_2)
    shop.apply("2026-12-10T01:00:00Z")
    assert TASK in shop.set_folders, "the only good set stays, whatever its age"

    shop.apply("2026-12-10T02:00:00Z")
    shop.apply("2026-12-10T03:00:00Z")

    assert shop.set_folders == ["shop-20261210T020000Z"]
    assert [name for name in shop.files if TASK in name] == []


def test_a_shorter_retention_takes_effect_a_day_later_and_a_revert_saves_the_set(shop):
    """S2."""
    shop.apply(MONDAY_2)
    shop.apply("2026-11-24T02:00:00Z")
    shop.plan["retention_days"] = 1
    shop.write()
    shop.apply("2026-11-25T01:00:00Z")
    shop.apply("2026-11-25T02:00:00Z")
    assert TASK in shop.set_folders

    shop.plan["retention_days"] = 7
    shop.write()
    shop.apply("2026-11-26T00:59:00Z")
    shop.apply("2026-11-26T03:00:00Z")
    shop.apply("2026-11-26T04:00:00Z")

    assert TASK in shop.set_folders


def test_a_hold_keeps_a_set_until_a_day_after_its_line_is_gone(shop):
    """S2, S3."""
    shop.document["holds"] = [{"backup_set": TASK, "reason": "audit"}]
    shop.write()
    shop.apply(MONDAY_2)
    shop.apply("2026-12-10T02:00:00Z")
    shop.apply("2026-12-10T03:00:00Z")
    assert TASK in shop.set_folders

    shop.document["holds"] = []
    shop.write()
    shop.apply("2026-12-10T04:00:00Z")
    shop.apply("2026-12-11T03:59:00Z")
    assert TASK in shop.set_folders
    shop.apply("2026-12-11T04:00:00Z")

    assert TASK not in shop.set_folders


def test_a_plan_gone_from_the_yaml_ends_and_its_sets_stay_and_expire(shop):
    """P5, S2."""
    shop.apply(MONDAY_2)
    shop.apply("2026-11-24T02:00:00Z")
    del shop.document["warehouses"]["shop"]
    shop.document["warehouses"]["third"] = {"engine": "duckdb", "path": "other", "storage": "disk", "plan": {
        "one_time": {"start_time": "2030-01-01T00:00:00Z"}, "objects": {"databases": ["*"]}, "retention_days": 1}}  # fmt: skip
    shop.write()
    shop.apply("2026-11-24T03:00:00Z")

    (found,) = (item for item in status(shop)["warehouses"] if item["name"] == "shop")
    assert (found["orphaned"], found["plan"]["state"], len(shop.set_folders)) == (True, "ended", 2)
    note = shop.folder / "backups/test/shop/.retention.json"
    assert json.loads(note.read_text()) == {
        "format": 1, "noted_at": "2026-11-24T03:00:00Z", "retention_days": 7, "keep_last": 1,
    }  # fmt: skip
    shop.apply("2026-12-24T02:00:00Z")
    assert shop.set_folders == ["shop-20261124T020000Z"]


def test_a_broken_file_changes_nothing_and_due_backups_still_run(shop):
    """P6."""
    shop.paths.plans.write_text("warehouses: [")

    outcome = shop.apply(MONDAY_2)

    assert outcome.loaded.desired is None
    assert shop.set_folders == [TASK]
    configuration = status(shop)["configuration"]
    assert (configuration["state"], status(shop)["healthy"]) == ("invalid", False)
    assert "plans.yaml:2:1: error:" in configuration["messages"][0]


def test_every_truncation_of_a_good_file_changes_nothing(shop):
    """P6: a half-written file never ends a plan, a set or a hold."""
    shop.apply(MONDAY_2)
    whole = shop.paths.plans.read_bytes()
    before = status(shop)["warehouses"]

    for length in range(0, len(whole), 7):
        shop.paths.plans.write_bytes(whole[:length])
        shop.apply(MONDAY_3)
        assert status(shop)["warehouses"] == before, length
    assert shop.set_folders == [TASK]


def test_ending_all_plans_is_refused_until_it_is_allowed_for_this_very_file(shop):
    """P7."""
    shop.document["warehouses"] = {"other": shop.document["warehouses"]["other"]}
    shop.write()

    outcome = shop.apply(MONDAY_2)

    (refusal,) = outcome.refusals
    assert refusal.message == "1 of 1 plans would end: shop"
    assert refusal.allowed_by == f"reconcile allow removals --config {outcome.loaded.digest}"
    assert shop.set_folders == [TASK], "what was in force stays so"
    done = shop.run(*refusal.allowed_by.split()[1:], now="2026-11-23T02:30:00Z")
    assert (done.code, done.out.split(";")[0]) == (0, f"removals are allowed for configuration {outcome.loaded.digest}")
    assert shop.apply(MONDAY_3).refusals == ()
    assert status(shop)["warehouses"][1]["plan"]["state"] == "ended"


def test_a_storage_that_holds_sets_is_not_dropped_unasked(shop):
    """P5, P7."""
    shop.apply(MONDAY_2)
    shop.document["storages"] = {"elsewhere": {"local": {"path": "elsewhere"}}}
    shop.document["warehouses"]["shop"]["storage"] = "elsewhere"
    shop.write()

    (refusal,) = shop.apply(MONDAY_3).refusals

    assert refusal.message.startswith("storage disk is removed, but holds 1 backup set (")


def test_a_disabled_plan_starts_nothing_and_makes_up_for_nothing(shop):
    """P4."""
    shop.plan["periodic"]["enabled"] = False
    shop.write()
    shop.apply("2026-11-23T01:00:00Z")
    shop.apply("2026-11-24T12:00:00Z")
    shop.plan["periodic"]["enabled"] = True
    shop.write()
    shop.apply("2026-11-24T13:00:00Z")

    assert tasks(shop) == {"shop-20261124T020000Z": "disabled", "shop-20261123T020000Z": "disabled"}
    assert shop.set_folders == []


def test_slots_due_under_the_plan_in_force_are_settled_before_a_change(shop):
    """P3."""
    shop.plan["periodic"]["start_time"] = "12:00"
    shop.write()

    shop.apply(MONDAY_3)

    assert tasks(shop) == {TASK: "succeeded"}
    assert status(shop)["warehouses"][1]["next_run"]["utc"] == "2026-11-23T12:00:00Z"


def test_a_renamed_warehouse_keeps_its_history_and_sets(shop):
    """P8."""
    shop.apply(MONDAY_2)
    shop.rename("shop", "store")
    shop.restore("r-1", **{"from": {"warehouse": "store", "backup_set": "latest"}})

    shop.apply(MONDAY_3)

    assert tasks(shop, "store") == {TASK: "succeeded"}
    assert restores(shop) == {"r-1": "succeeded"}
    shop.apply("2026-11-24T02:00:00Z")
    assert tasks(shop, "store")["store-20261124T020000Z"] == "succeeded"
    shop.apply("2026-12-01T02:30:00Z")
    shop.apply("2026-12-01T02:31:00Z")
    assert TASK not in shop.set_folders, "a set under the old name expires as ever"


def test_a_failed_backup_is_told_and_counts_neither_as_good_nor_for_ever(shop):
    """S3, S4, D7."""
    shop.apply(MONDAY_2)
    (shop.folder / "shop/sales.duckdb").unlink()

    outcome = shop.apply("2026-11-24T02:00:00Z")
    shop.apply("2026-11-24T02:01:00Z")

    (failure,) = outcome.failures
    assert failure.startswith("shop-20261124T020000Z failed: no database in ")
    assert status(shop)["attention"][0].startswith("shop: shop-20261124T020000Z failed: no database in ")
    assert shop.set_folders == [TASK]
    assert [name for name in shop.files if "20261124" in name] == [], "its leftovers are removed"


def test_what_may_pass_is_tried_again_with_growing_pauses_until_the_timeout(shop):
    """D6, D4."""
    (shop.folder / "shop").rename(shop.folder / "away")

    (failure,) = shop.apply(MONDAY_2).failures

    assert "cannot read the folder" in failure
    assert "its `timeout` leaves no time for another try" in failure
    (task,) = status(shop)["warehouses"][1]["backup_tasks"]
    assert (task["state"], task["attempts"] > 5) == ("failed", True)
    began = shop.clock.time - timedelta(seconds=sum(shop.clock.paused))
    assert shop.clock.time - began <= timedelta(hours=6)


def test_what_passed_in_time_succeeds_with_a_later_attempt(shop):
    """D6, D2: one set, made of the attempt that worked."""
    away = shop.folder / "away"
    (shop.folder / "shop").rename(away)
    pause = shop.clock.pause

    def come_back(seconds: float) -> None:
        pause(seconds)
        if len(shop.clock.paused) == 3:
            away.rename(shop.folder / "shop")

    shop.clock.pause = come_back

    assert shop.apply(MONDAY_2).failures == ()

    assert shop.set_folders == [TASK]
    assert status(shop)["warehouses"][1]["backup_tasks"][0]["attempts"] == 3


def test_one_warehouse_that_fails_does_not_stop_the_others(shop):
    other = dict(shop.document["warehouses"]["shop"], path="other")
    shop.document["warehouses"]["other"] = other
    shop.write()
    shop.apply("2026-11-23T01:00:00Z")

    outcome = shop.apply(MONDAY_2)

    assert [failure.split(":")[0] for failure in outcome.failures] == ["other-20261123T020000Z failed"]
    assert shop.set_folders == [TASK]


def test_an_altered_set_is_not_restored_and_the_file_is_named(shop):
    """S1, R1: and the id is free for another try."""
    shop.apply(MONDAY_2)
    data = shop.folder / f"backups/test/shop/{TASK}/1/00001/00001.parquet"
    content = data.read_bytes()
    data.write_bytes(content[:-1] + b"!")
    shop.restore("r-1")

    (failure,) = shop.apply(MONDAY_3).failures

    assert f"{TASK}/1/00001/00001.parquet is altered" in failure
    assert "nothing in the target was changed" in failure
    assert list((shop.folder / "other").iterdir()) == []


def test_a_conflict_fails_unclaimed_and_an_edited_request_runs(shop):
    """R4, R2."""
    shop.apply(MONDAY_2)
    shop.database("sales", rows=5, warehouse="other")
    shop.restore("r-1")
    (failure,) = shop.apply(MONDAY_3).failures
    assert "sales.duckdb exists" in failure
    assert "the id is not used" in failure

    shop.document["restores"] = []
    shop.restore("r-1", if_exists={"replace": ["sales"]})
    assert shop.apply("2026-11-23T03:10:00Z").failures == ()

    assert restores(shop) == {"r-1": "succeeded"}


def test_a_used_id_with_other_content_fails_alone(shop):
    """R2."""
    shop.restore("r-1")
    shop.apply(MONDAY_2)
    shop.apply(MONDAY_3)
    shop.document["restores"][0]["databases"] = {"sales": "again"}
    shop.restore("r-2", databases={"sales": "second"})

    (failure,) = shop.apply("2026-11-23T04:00:00Z").failures

    assert "restore id r-1 was already used for another request" in failure
    assert restores(shop) == {"r-1": "succeeded", "r-2": "succeeded"}


def test_a_request_withdrawn_before_its_claim_is_cancelled_and_its_id_free(shop):
    """R5."""
    shop.restore("r-1")
    shop.apply("2026-11-23T01:00:00Z")
    shop.document["restores"] = []
    shop.write()
    shop.apply(MONDAY_2)
    assert restores(shop) == {"r-1": "cancelled"}
    shop.restore("r-1")
    shop.apply(MONDAY_3)

    assert restores(shop) == {"r-1": "succeeded"}


def test_a_request_that_is_out_of_time_is_never_started(shop):
    shop.restore("r-1", valid_until="2026-11-23T02:30:00Z")
    shop.apply(MONDAY_2)
    shop.apply(MONDAY_3)

    assert restores(shop) == {"r-1": "expired"}


def test_cancel_in_the_yaml_stops_a_pending_restore(shop):
    """R6."""
    shop.restore("r-1")
    shop.apply("2026-11-23T01:00:00Z")
    shop.document["restores"][0]["cancel"] = True
    shop.write()
    shop.apply(MONDAY_2)
    shop.apply(MONDAY_3)

    assert restores(shop) == {"r-1": "cancelled"}


def test_a_restore_from_a_warehouse_that_is_gone(shop, rows):
    """R7: that is what backups are for."""
    shop.document["warehouses"]["keep"] = dict(shop.document["warehouses"]["shop"], path="other")
    shop.database("x", warehouse="other")
    shop.write()
    shop.apply("2026-11-23T01:00:00Z")
    shop.apply(MONDAY_2)
    del shop.document["warehouses"]["shop"]
    shop.restore("by-name", databases={"sales": "a"})
    shop.restore("by-id", databases={"sales": "b"}, **{"from": {"storage": "disk", "backup_set": TASK}})

    assert shop.apply(MONDAY_3).failures == ()

    assert restores(shop) == {"by-name": "succeeded", "by-id": "succeeded"}
    assert rows(shop.folder / "other/a.duckdb") == rows(shop.folder / "other/b.duckdb")


def test_a_set_that_a_pending_restore_would_choose_is_not_removed(shop):
    """S3: a pass claims restores before it removes."""
    shop.apply(MONDAY_2)
    shop.apply("2026-11-24T02:00:00Z")
    shop.restore("r-1", **{"from": {"warehouse": "shop", "backup_set": TASK}}, to={"warehouse": "other"})

    assert shop.apply("2026-12-24T01:00:00Z").failures == ()

    assert restores(shop) == {"r-1": "succeeded"}
    assert TASK in shop.set_folders
    shop.apply("2026-12-24T01:01:00Z")
    assert TASK not in shop.set_folders


def test_a_storage_that_cannot_be_written_fails_the_task_with_the_path(shop):
    shutil.rmtree(shop.folder / "backups")
    (shop.folder / "backups").write_bytes(b"a file in the way")

    (failure,) = shop.apply(MONDAY_2).failures

    assert failure.startswith(f"{TASK} failed: storage disk: cannot ")
    assert str(shop.folder / "backups") in failure


def test_the_status_file_is_valid_and_says_when_it_was_written_last(shop):
    """T4: null after a one-shot command."""
    shop.apply(MONDAY_2)

    document = status(shop)
    assert (document["written_at"], document["next_write_by"]) == (MONDAY_2, None)
    assert shop.paths.status.stat().st_mode & 0o777 == 0o644
    (task,) = document["warehouses"][1]["backup_tasks"]
    assert task | {"size_bytes": 0} == {
        "id": TASK, "state": "succeeded", "progress_percent": 100, "slot": MONDAY_2, "started_at": MONDAY_2,
        "ended_at": MONDAY_2, "attempts": 1, "plan_revision": 1, "size_bytes": 0, "objects": ["sales"],
        "skipped_objects": [], "error": None,
        "backup_set": {"state": "present", "storage": "disk", "retention_days": 7,
                       "expires_at": "2026-11-30T02:00:00Z", "kept_by": "keep_last"},
    }  # fmt: skip


def test_a_folder_of_files_is_one_configuration(shop):
    folder = shop.folder / "plans"
    folder.mkdir()
    document = dict(shop.document)
    warehouses = document.pop("warehouses")
    (folder / "a.yaml").write_text(yaml.safe_dump(document))
    for warehouse in warehouses.values():
        warehouse["path"] = f"../{warehouse['path']}"
    document["storages"]["disk"]["local"]["path"] = "../backups"
    (folder / "a.yaml").write_text(yaml.safe_dump(document))
    (folder / "b.yml").write_text(yaml.safe_dump({"version": 1, "warehouses": warehouses}))
    shop.paths = shop.paths._replace(plans=folder)

    assert shop.apply(MONDAY_2).failures == ()
    assert shop.set_folders == [TASK]


def test_a_status_file_that_cannot_be_written_stops_no_backup(shop):
    """T4: the one before it still stands, and the command ends with a failure that names the path."""
    before = shop.paths.status.read_text()
    blocked = shop.folder / "in-the-way"
    blocked.write_text("a file")
    shop.paths = shop.paths._replace(status=blocked / "status.json")

    (failure,) = shop.apply(MONDAY_2).failures

    assert failure.startswith(f"status file {blocked}/status.json cannot be written")
    assert shop.set_folders == [TASK]
    assert (shop.folder / "status.json").read_text() == before


def test_a_storage_that_cannot_be_read_defers_a_restore(shop):
    """R1: whether the id was used elsewhere is not known."""
    shop.document["storages"]["second"] = {"local": {"path": "second"}}
    shop.apply(MONDAY_2)
    shop.restore("r-1")
    (shop.folder / "second").mkdir()
    (shop.folder / "second/test").mkdir()
    (shop.folder / "second/test/.restores").symlink_to(shop.folder)

    assert shop.apply(MONDAY_3).failures == ()

    (task,) = status(shop)["restore_tasks"]
    assert (task["state"], task["claimed_at"]) == ("pending", None)
    assert task["message"].startswith("whether the id was used is not known: storage second: ")
    (shop.folder / "second/test/.restores").unlink()
    shop.apply("2026-11-23T03:10:00Z")
    assert restores(shop) == {"r-1": "succeeded"}


def test_a_command_to_cancel_counts_once(shop):
    """R6: a pending restore is cancelled at the next pass; an edited request under the same id may run."""
    shop.restore("r-1")
    shop.apply("2026-11-23T01:00:00Z")
    assert shop.run("cancel", "r-1", now="2026-11-23T01:30:00Z").code == 0
    shop.apply(MONDAY_2)
    shop.apply(MONDAY_3)
    assert restores(shop) == {"r-1": "cancelled"}

    shop.document["restores"] = []
    shop.restore("r-1", databases={"sales": "copy"})
    shop.apply("2026-11-23T04:00:00Z")

    assert restores(shop) == {"r-1": "succeeded"}


def ask_again_for_a_start_that_has_run(site) -> None:
    """A one-time plan gives way to another, whose slot runs, and comes back."""
    periodic = site.plan.pop("periodic")
    site.plan["one_time"] = {"start_time": MONDAY_2}
    site.write()
    site.apply(MONDAY_2)
    del site.plan["one_time"]
    site.plan["periodic"] = periodic | {"start_time": "02:30"}
    site.write()
    site.apply("2026-11-23T02:20:00Z")
    site.apply("2026-11-23T02:30:00Z")
    del site.plan["periodic"]
    site.plan["one_time"] = {"start_time": MONDAY_2}
    site.write()


def test_a_one_time_start_that_has_run_does_not_run_again_under_another_name(shop):
    """D2, P8: though a later task has come between, and the start is within `catch_up`."""
    ask_again_for_a_start_that_has_run(shop)
    shop.rename("shop", "store")

    shop.apply(MONDAY_3)

    assert tasks(shop, "store") == {TASK: "succeeded", "shop-20261123T023000Z": "succeeded"}


def test_a_one_time_start_that_has_run_does_not_run_again_when_the_file_breaks(shop):
    """D2, P6: the last good configuration, which stays in force, has that entry, and it is as wrong as before."""
    ask_again_for_a_start_that_has_run(shop)
    shop.apply("2026-11-23T02:40:00Z")
    shop.said.clear()
    shop.paths.plans.write_text("warehouses: {")

    shop.apply(MONDAY_3)

    assert shop.said == []
    assert tasks(shop) == {TASK: "succeeded", "shop-20261123T023000Z": "succeeded"}
