"""The commands as people type them, in processes of their own: exact words, streams and exit codes."""

import json
import subprocess
import sys

import jsonschema
import pytest

from reconciler.config import schema

MONDAY_0 = "2026-11-23T00:00:00Z"
MONDAY_2 = "2026-11-23T02:00:00Z"
MONDAY_3 = "2026-11-23T03:00:00Z"
TASK = "shop-20261123T020000Z"
PRETENDING = "--now: pretending that it is {}\n"


def test_a_dry_run_without_a_ledger_shows_everything_as_new(site):
    ran = site.run("--dry-run", now=MONDAY_0)

    assert ran == (0, (
        "+ other  duckdb, no plan: a restore target only\n"
        "+ shop  daily 02:00 UTC; *; kept 7 days; next run 2026-11-23T02:00:00Z\n"
        "2 creates (1 plan, compared with nothing: there is no ledger)\n"
    ), PRETENDING.format(MONDAY_0))  # fmt: skip
    assert not site.paths.ledger.exists()


def test_a_dry_run_is_the_command_plan(shop):
    assert shop.run("plan", now=MONDAY_2) == shop.run("--dry-run", now=MONDAY_2)


def test_a_dry_run_changes_no_byte(shop):
    shop.apply(MONDAY_2)
    shop.plan["retention_days"] = 1
    shop.restore("r-1")
    before = {path: path.read_bytes() for path in shop.folder.rglob("*") if path.is_file()}

    shop.run("--dry-run", now="2026-11-25T02:00:00Z")

    assert {path: path.read_bytes() for path in shop.folder.rglob("*") if path.is_file()} == before


def test_a_dry_run_shows_each_thing_that_would_happen(shop):
    """In a stable order, with the consequences in words and the counts at the end."""
    shop.apply(MONDAY_2)
    shop.apply("2026-11-24T02:00:00Z")
    shop.plan["retention_days"] = 1
    shop.plan["periodic"]["time_zone"] = "Europe/Berlin"
    shop.restore("r-1", databases={"sales": "copy"}, if_exists={"replace": ["copy"]})
    size = f"{sum(path.stat().st_size for path in (shop.folder / 'backups').rglob(f'{TASK}/1/00001/*')) / 1024:.1f} KiB"

    ran = shop.run("--dry-run", now="2026-11-25T03:00:00Z")

    lines = ran.out.splitlines()
    assert lines[:3] == [
        "~ shop  overwrites revision 1",
        "    plan.periodic.time_zone: UTC -> Europe/Berlin",
        "    plan.retention_days: 7 -> 1",
    ]
    assert "    next run 2026-11-26T01:00:00Z (Thu 2026-11-26 02:00 Europe/Berlin)" in lines
    assert f"      {TASK}  {size}" in lines
    assert lines[-3:] == [
        "> backup shop-20261125T020000Z  starts; slot 2026-11-25T02:00:00Z",
        f"> restore r-1  starts: sales as copy of shop-20261124T020000Z ({size}) into other, REPLACING copy",
        "1 update, 1 backup, 1 restore (1 plan, compared with the ledger ledger.sqlite)",
    ]


def test_detailed_exit_codes_tell_changes_from_none(shop):
    assert shop.run("--dry-run", "--detailed-exitcode", now=MONDAY_0).code == 0
    assert shop.run("--dry-run", "--detailed-exitcode", now=MONDAY_2).code == 2
    shop.plan["retention_days"] = 1
    shop.write()
    assert shop.run("plan", "--detailed-exitcode", now=MONDAY_0).code == 2
    assert shop.run("plan", now=MONDAY_0).code == 0


def test_a_plan_for_programs(shop):
    shop.plan["retention_days"] = 1
    shop.write()

    document = json.loads(shop.run("plan", "--format", "json", now=MONDAY_2).out)

    assert document["configuration"]["base"] == "ledger"
    assert document["changes"] == [{
        "action": "update", "warehouse": "shop", "overwrites": 1,
        "fields": [{"path": ["plan", "retention_days"], "before": 7, "after": 1}],
    }]  # fmt: skip
    assert document["backups"] == [{"task": TASK, "warehouse": "shop", "slot": MONDAY_2, "state": "waiting"}]


def test_an_invalid_file_ends_with_3_and_every_problem(site):
    site.plan["retention_dayz"] = 7
    site.plan["periodic"]["start_time"] = "26:00"
    site.write()

    for words in (("--dry-run",), ("apply",)):
        ran = site.run(*words, now=MONDAY_0)
        assert ran.code == 3
        assert "did you mean 'retention_days'? [unknown-key]" in ran.err
        assert "'26:00'" in ran.err
        assert "Traceback" not in ran.err
    document = json.loads(site.run("plan", "--format", "json", now=MONDAY_0).out)
    assert {problem["code"] for problem in document["problems"]} >= {"unknown-key", "pattern"}


def test_a_one_time_start_that_is_past_is_an_error_in_the_review_of_a_changed_plan(shop):
    """D5."""
    shop.plan["one_time"] = {"start_time": "2026-11-22T00:00:00Z"}
    del shop.plan["periodic"]
    shop.write()

    ran = shop.run("--dry-run", now=MONDAY_0)

    assert ran.code == 1
    assert "error: one_time.start_time of shop is already past; choose one that is still to come\n" in ran.out


def test_a_refusal_ends_with_4_and_names_what_allows_it(shop):
    """P7."""
    del shop.document["warehouses"]["shop"]
    shop.write()

    ran = shop.run("--dry-run", now=MONDAY_0)

    assert ran.code == 4
    assert ran.out.splitlines()[0] == "refused: 1 of 1 plans would end: shop"
    assert ran.out.splitlines()[1].startswith("  to allow it: reconcile allow removals --config sha256:")
    applied = shop.run("apply", now=MONDAY_2)
    assert (applied.code, shop.set_folders) == (4, [TASK])
    assert "what was in force stays so; to allow it: reconcile allow removals" in applied.err


def test_a_dry_run_and_validate_import_nothing_heavy(site):
    """Offline, no driver imported: what CI installs and waits for."""
    script = (
        "import sys; from reconciler.cli import main\n"
        "sys.argv[0] = 'reconcile'; main.main()\n"
        "heavy = {'boto3', 'pymysql', 'duckdb', 'sqlalchemy', 'deepdiff', 'jsonschema', 'dataclasses', 'logging', 'asyncio',"
        " 'sqlite3', 'subprocess', 'socket'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    for words in (["--dry-run"], ["validate"]):
        done = subprocess.run(
            [sys.executable, "-c", script, "-f", "plans.yaml", *words], cwd=site.folder, capture_output=True, text=True, check=True
        )
        assert done.stderr == "[]\n", words


def test_usage_errors_end_with_64(site):
    """Not with 2, which means that there are changes."""
    for words in (("--nonsense",), ("backups", "--state", "odd"), ("plan", "--now", "yesterday"), ("unknown",), ("cancel",)):
        assert site.run(*words).code == 64, words
    assert site.run("cancel", "x").code == 64
    assert site.run("status").code == 64
    done = site.run("plan", RECONCILE_FILE="")
    assert done.code == 64


def test_status_shows_what_the_console_shows(shop):
    shop.apply(MONDAY_2)

    ran = shop.run("status", now=MONDAY_2)

    assert ran.out.splitlines()[3:] == [
        "WAREHOUSE  PLAN    READY            LAST SUCCESSFUL       NEXT RUN              SETS  STORAGE USED",
        "other      none    NoPlan           -                     -                     0     0 bytes",
        f"shop       active  BackupSucceeded  2026-11-23T02:00:00Z  2026-11-24T02:00:00Z  1     {size_of(shop)}",
    ]


def size_of(site) -> str:
    document = json.loads(site.paths.status.read_text())
    return f"{document['summary']['size_bytes'] / 1024:.1f} KiB"


def test_status_check_ends_with_5_where_something_is_wrong(shop):
    shop.apply(MONDAY_2)
    assert shop.run("status", "--check", now=MONDAY_2).code == 0
    (shop.folder / "shop/sales.duckdb").unlink()
    shop.apply("2026-11-24T02:00:00Z")

    ran = shop.run("status", "--check", now="2026-11-24T02:00:00Z")

    assert ran.code == 5
    assert "needs attention:\n  shop: shop-20261124T020000Z failed: no database in" in ran.out


def test_lists_filter_by_warehouse_state_and_time(shop):
    shop.apply("2026-11-25T02:00:00Z")

    def ids(*words: str) -> list[str]:
        return [line.split()[0] for line in shop.run("backups", *words).out.splitlines()[1:]]

    assert ids() == ["shop-20261125T020000Z", "shop-20261124T020000Z", TASK]
    assert ids("--state", "missed") == ["shop-20261124T020000Z", TASK]
    assert ids("--since", "2026-11-24T00:00:00Z", "--until", "2026-11-25T00:00:00Z") == ["shop-20261124T020000Z"]
    assert ids("--warehouse", "other") == []


def test_details_of_a_backup_and_a_restore(shop):
    shop.restore("r-1", databases={"sales": "copy"})
    shop.apply(MONDAY_2)
    shop.apply(MONDAY_3)

    backup = shop.run("backups", TASK).out
    restore = shop.run("restores", "r-1").out

    assert "state                 succeeded\n" in backup
    assert "attempt 1             good, begun 2026-11-23T02:00:00Z\n" in backup
    assert "2026-11-23T02:00:00Z  backup succeeded\n" in backup
    assert "databases             sales as copy\n" in restore
    assert f"2026-11-23T03:00:00Z  restore succeeded: restored copy from {TASK}\n" in restore
    assert shop.run("backups", "nothing").err == "error: no backup task nothing in this ledger\n"


@pytest.mark.parametrize("name", ["plans", "status"])
def test_schemas_are_printed_as_they_are_shipped(site, name):
    printed = json.loads(site.run("schema", name).out)

    assert printed == schema.document(name)
    jsonschema.Draft7Validator.check_schema(printed)


def test_now_is_loud_and_never_meets_a_real_ledger(site):
    site.run("apply")
    ran = site.run("apply", now=MONDAY_0)

    assert ran.code == 64
    assert ran.err.startswith(PRETENDING.format(MONDAY_0))
    assert "lives by the real clock, so --now cannot be used with it" in ran.err


def test_a_name_cannot_write_to_the_terminal(site):
    """Control characters of a name are shown, not obeyed."""
    site.plan["objects"]["databases"] = ["\x1b[2Jsales\u202e"]
    site.write()

    assert "\\u001b[2Jsales\\u202e" in site.run("--dry-run", now=MONDAY_0).out


def test_help_names_the_exit_codes(site):
    ran = site.run("--help")

    assert (ran.code, "75   another reconciler holds the ledger" in ran.out) == (0, True)
    for command in ("plan", "apply", "validate", "status", "backups", "restores", "cancel", "allow", "schema"):
        assert site.run(command, "--help").code == 0
