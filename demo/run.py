"""The main job on two real DuckDB warehouses, from the first dry run to the first removed backup set.

Every command is printed before it runs, so that a reader can repeat it in the folder demo/work. With `--s3` the
backup sets go to a real S3 server, SeaweedFS on loopback, which lives as long as the demo.
"""

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import warehouses

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "servers"))
import seaweed  # noqa: E402  the same server as the tests use

WORK = HERE / "work"
RECONCILE = Path(sys.executable).with_name("reconcile")
PLANS = WORK / "plans.yaml"


def main() -> None:
    began = time.monotonic()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir()
    say("Two warehouses of DuckDB files, and the plans of examples/plans.yaml beside them.")
    shutil.copy(HERE.parent / "examples" / "plans.yaml", PLANS)
    print(f"  {warehouses.build(WORK / 'warehouses'):,} rows in 5 tables")
    with contextlib.ExitStack() as stack:
        if "--s3" in sys.argv:
            move_to_s3(stack.enter_context(seaweed.seaweed()))
        run_story()
    print(f"\nDone in {time.monotonic() - began:.0f} s. Everything is in {WORK.relative_to(Path.cwd())}.")


def run_story() -> None:
    os.environ["RECONCILE_FILE"] = "plans.yaml"
    say("RECONCILE_FILE names the plans. What would a pass do? (--now: the demo brings its own clock.)")
    reconcile("2026-11-22T12:00:00Z", "--dry-run")
    say("Take the plans over; nothing is due yet.")
    reconcile("2026-11-22T12:00:00Z", "apply")
    say("Half past two in Berlin: both backups are due. The restore request still waits for its set.")
    reconcile("2026-11-23T01:31:00Z", "apply")
    say("Now it has one: `sales` goes into the other warehouse, under another name.")
    reconcile("2026-11-23T01:40:00Z", "--dry-run")
    reconcile("2026-11-23T01:40:00Z", "apply")
    compare()
    say("A second pass has nothing to do: a restore runs once, a slot runs once.")
    reconcile("2026-11-23T01:41:00Z", "apply")
    reconcile("2026-11-23T01:41:00Z", "--dry-run")
    say("A commit overwrites the plan of shop: kept 3 days instead of 14, an hour later.")
    edit({"retention_days: 14": "retention_days: 3", '"02:30"': '"03:30"'})
    reconcile("2026-11-23T12:00:00Z", "--dry-run")
    reconcile("2026-11-23T12:00:00Z", "apply")
    say("Five days later, after four days of downtime: the newest slot runs, the others are recorded as missed.")
    reconcile("2026-11-28T02:31:00Z", "apply")
    say("The next pass removes the set that is past its three days; the newest one always stays.")
    reconcile("2026-11-28T02:40:00Z", "--dry-run")
    reconcile("2026-11-28T02:40:00Z", "apply")
    say("How things stand.")
    reconcile("2026-11-28T02:41:00Z", "status")
    reconcile(None, "backups", "--warehouse", "shop")
    reconcile(None, "restores", "2026-11-23-sales-to-analytics")


def reconcile(now: str | None, *words: str) -> None:
    """Prints the command as one would type it, runs it, and ends the demo where it fails."""
    arguments = [*(("--now", now) if now else ()), *words]
    print(f"\n$ reconcile {shlex.join(arguments)}", flush=True)
    subprocess.run([RECONCILE, *arguments], cwd=WORK, check=True)


def move_to_s3(server: seaweed.Seaweed) -> None:
    """The storage of the plans becomes the bucket of a server that has just been started."""
    say(f"A real S3 server listens on {server.endpoint}; the plans' storage becomes a bucket in it.")
    os.environ |= {"S3_KEY": seaweed.ACCESS_KEY, "S3_SECRET": seaweed.SECRET_KEY}
    edit({
        "local: {path: ./backups}             # relative to this file":
        f"s3: {{bucket: {seaweed.BUCKET}, prefix: warehouses, endpoint: '{server.endpoint}', "
        f"credentials: {{access_key: {{env: S3_KEY}}, secret_key: {{env: S3_SECRET}}}}}}"
    })  # fmt: skip


def compare() -> None:
    say("Are the restored rows the same? Both files, table by table:")
    folder = WORK / "warehouses"
    found = warehouses.differing_rows(folder / "shop/sales.duckdb", folder / "analytics/sales_restored.duckdb")
    for table, count in found.items():
        print(f"  {table}: {count} rows differ")
    if any(found.values()):
        sys.exit("the restored rows are not the same")


def edit(replacements: dict[str, str]) -> None:
    text = PLANS.read_text()
    for old, new in replacements.items():
        assert old in text, old
        text = text.replace(old, new)
        print(f"  plans.yaml: {old}  ->  {new}")
    PLANS.write_text(text)


def say(text: str) -> None:
    print(f"\n=== {text}", flush=True)


if __name__ == "__main__":
    main()
