"""Real processes that are killed, doubled, interrupted or shut out; then the next pass settles it."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import lives
import pytest

MONDAY_2 = "2026-11-23T02:00:00Z"
MONDAY_3 = "2026-11-23T03:00:00Z"
TASK = "shop-20261123T020000Z"
BIG = 3_000_000


def states(site) -> dict[str, str]:
    document = json.loads(site.paths.status.read_text())
    found = {task["id"]: task["state"] for item in document["warehouses"] for task in item["backup_tasks"]}
    return found | {task["id"]: task["state"] for task in document["restore_tasks"]}


def child_of(process: subprocess.Popen) -> list[int]:
    """Its DuckDB processes. One that is not yet itself is left out: stopped then it would hold its parent."""
    found = []
    for children in Path(f"/proc/{process.pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [
                int(child) for child in children.read_text().split()
                if b"duckdb_child" in Path(f"/proc/{child}/cmdline").read_bytes()
            ]  # fmt: skip
    return found


def end(process: subprocess.Popen) -> int:
    process.communicate()
    return process.returncode


def is_gone(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.fixture
def big(site):
    """A site whose database takes a second or so to export."""
    site.database(rows=BIG)
    site.apply("2026-11-23T00:00:00Z")
    return site


def test_a_second_process_ends_with_75_and_changes_nothing(big, until):
    """T3."""
    first = big.start("apply", now=MONDAY_2)
    (child,) = until(lambda: child_of(first))
    os.kill(child, signal.SIGSTOP)

    second = big.run("apply", now=MONDAY_2)

    os.kill(child, signal.SIGCONT)

    assert second.code == 75
    assert f"another reconciler (process {first.pid}) writes this ledger" in second.err
    assert end(first) == 0
    assert big.set_folders == [TASK]


def test_looking_is_possible_while_a_pass_runs(big, until):
    """T4: nobody waits for the writer."""
    running = big.start("apply", now=MONDAY_2)
    until(lambda: states(big).get(TASK) == "running")
    (child,) = until(lambda: child_of(running))
    os.kill(child, signal.SIGSTOP)

    assert big.run("--dry-run", now=MONDAY_2).out.startswith(f"> backup {TASK}  goes on")
    assert big.run("backups").out.splitlines()[1].split()[:3] == [TASK, "shop", "running"]
    assert "running" in big.run("status").out
    os.kill(child, signal.SIGCONT)
    assert end(running) == 0


def test_kill_9_in_the_middle_of_an_export_gives_one_set_in_the_end(big, until):
    """T1, D2, S4: the child ends as well, the next pass makes the set, leftovers go."""
    process = big.start("apply", now=MONDAY_2)
    until(lambda: list((big.folder / "backups").rglob("*.parquet")))
    children = child_of(process)
    process.kill()
    end(process)
    assert children, "killed in the middle"
    until(lambda: all(map(is_gone, children)))
    assert big.set_folders == []

    assert big.run("apply", now=MONDAY_3).code == 0
    assert big.run("apply", now="2026-11-23T03:05:00Z").code == 0

    assert states(big) == {TASK: "succeeded"}
    assert big.set_folders == [TASK]
    assert {name.split("/")[3] for name in big.files} == {"2", "manifest.json"}, "the first attempt is gone"


def test_kill_9_in_the_middle_of_a_restore_gives_a_whole_one_in_the_end(big, until, rows):
    """R1, T1."""
    big.apply(MONDAY_2)
    big.restore("r-1")
    process = big.start("apply", now=MONDAY_3)
    until(lambda: list((big.folder / "other").rglob(".restore-r-1/*.duckdb")))
    process.kill()
    end(process)
    assert not (big.folder / "other/sales.duckdb").exists(), "never half a restore in place"

    assert big.run("apply", now="2026-11-23T03:10:00Z").code == 0

    assert states(big)["r-1"] == "succeeded"
    assert sorted(os.listdir(big.folder / "other")) == ["sales.duckdb"]
    assert rows(big.folder / "other/sales.duckdb") == rows(big.folder / "shop/sales.duckdb")


@pytest.mark.parametrize("seed", range(5))
def test_a_life_of_kills_and_lost_ledgers_ends_with_everything_in_order(site, seed):
    """T1, T2, D2, R1, S4: `make soak` lives many more."""
    assert lives.Life(site, seed).run()["lives"] == 1


@pytest.mark.parametrize("seed", range(2))
def test_a_life_with_an_object_store(site, seed, s3_server):
    """T1, T2, S4: kills strike uploads and removals as well."""
    assert lives.Life(site, seed, s3_server).run()["lives"] == 1


def test_a_life_with_an_object_store_and_a_ledger_in_a_server(site, s3_server, database_server):
    """T1, T2, T3: the same, and each killed writer is fenced off by the next."""
    assert lives.Life(site, 0, s3_server, database_server("mariadb")).run()["lives"] == 1


def test_ctrl_c_ends_with_130_and_the_next_pass_goes_on(big, until):
    process = big.start("apply", now=MONDAY_2)
    (child,) = until(lambda: states(big).get(TASK) == "running" and child_of(process))
    os.kill(child, signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    process.wait()
    os.kill(child, signal.SIGCONT)
    _, err = process.communicate()

    assert process.returncode == 130
    assert "the next pass goes on with it" in err
    assert "Traceback" not in err
    assert big.run("apply", now=MONDAY_3).code == 0
    assert big.set_folders == [TASK]


def test_cancel_stops_a_running_backup_and_says_so(big, until):
    """R6: through the ledger to the running writer."""
    process = big.start("apply", now=MONDAY_2)
    (child,) = until(lambda: states(big).get(TASK) == "running" and child_of(process))
    os.kill(child, signal.SIGSTOP)

    assert big.run("cancel", TASK, now=MONDAY_2).out.startswith(f"{TASK} is running and will be cancelled")
    process.communicate()

    assert states(big) == {TASK: "cancelled"}
    assert big.set_folders == []
    assert big.run("apply", now=MONDAY_3).code == 0
    assert big.files == [], "its leftovers are removed, its slot is not run again"
    assert big.run("cancel", TASK, now=MONDAY_3).out == f"{TASK} has ended as cancelled; nothing is left to cancel\n"


def test_a_database_that_an_application_holds_is_backed_up_when_it_lets_go(big, until):
    """D6: a passing error that names the holder."""
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(big.folder / "shop/sales.duckdb")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout.readline() == b"open\n"
    process = big.start("apply", now=MONDAY_2)

    line = next(line for line in process.stderr if "will be tried again" in line)
    assert f"PID {holder.pid}" in line
    holder.communicate()
    process.communicate()

    assert process.returncode == 0
    assert states(big) == {TASK: "succeeded"}


def test_a_full_disk_is_said_and_nothing_is_called_done(site, tmp_path):
    """A task ends failed or succeeded as it is; the status file that stood stays whole."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    small = site.folder / "backups"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)], check=True)
    try:
        with duckdb.connect(str(site.folder / "shop/sales.duckdb")) as connection:
            connection.execute("CREATE TABLE t AS SELECT hash(range) AS i FROM range(500000)")
        site.plan["timeout"] = "10s"
        site.write()
        site.apply("2026-11-23T00:00:00Z")

        (failure,) = site.apply(MONDAY_2).failures

        assert failure.startswith(f"{TASK} failed: ")
        assert "No space left" in failure
        assert site.set_folders == []
        site.apply(MONDAY_3)
        assert site.files == []
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_damaged_ledger_stops_everything_and_is_left_as_it_is(big):
    """F13: never taken for an empty one."""
    big.apply(MONDAY_2)
    before = big.files
    with open(big.paths.ledger, "r+b") as ledger:
        ledger.seek(0)
        ledger.write(b"\0" * 4096)
    content = big.paths.ledger.read_bytes()

    ran = big.run("apply", now=MONDAY_3)

    assert ran.code == 1
    assert "cannot be used" in ran.err
    assert "Traceback" not in ran.err
    assert (big.files, big.paths.ledger.read_bytes()) == (before, content)


def test_a_newer_ledger_stops_everything(big):
    big.apply(MONDAY_2)
    with sqlite3.connect(big.paths.ledger) as connection:
        connection.execute("UPDATE meta SET content = '99' WHERE name = 'schema_version'")
    connection.close()

    ran = big.run("apply", now=MONDAY_3)

    assert (ran.code, "newer release" in ran.err) == (1, True)
