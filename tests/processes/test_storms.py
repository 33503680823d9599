"""What befalls a machine: clocks set, stores that go and come back, calls that fail, disks that fill."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import libfaketime
import pytest
import seaweed
from daemons import FAST, Running, status

TASK = "shop-20261123T020000Z"
MONDAY_2, MONDAY_3 = "2026-11-23T02:00:00Z", "2026-11-23T03:00:00Z"
FAKETIME = Path(libfaketime.__file__).parent / "vendor/libfaketime/src/libfaketime.so.1"
RECONCILE = Path(sys.executable).with_name("reconcile")


def states(site) -> dict[str, str]:
    return {task["id"]: task["state"] for item in status(site)["warehouses"] for task in item["backup_tasks"]}


@pytest.fixture
def strace():
    """Debian's strace; installed where it is missing and may be."""
    if shutil.which("strace") is None:
        if os.geteuid() != 0:
            pytest.skip("strace is not installed")
        done = subprocess.run(["apt-get", "install", "-qy", "strace"], capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip("strace cannot be installed here")

    def run(site, injection: str, now: str) -> int:
        """Its exit code. A traced process that hangs is a kill as well: what comes after must settle it."""
        process = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={injection}", RECONCILE, "--now", now, "apply"],
            cwd=site.folder, env=os.environ | {"RECONCILE_FILE": "plans.yaml"}, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            return process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait()

    return run


@pytest.fixture
def moved(site, tmp_path, until):
    """A daemon whose wall clock is set by a file; its monotonic clock runs on."""
    offset = tmp_path / "offset"
    offset.write_text("+0d\n")
    environment = os.environ | {
        "RECONCILE_FILE": "plans.yaml", "LD_PRELOAD": str(FAKETIME), "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_NO_CACHE": "1", "FAKETIME_TIMESTAMP_FILE": str(offset),
    }  # fmt: skip
    started = []

    def start() -> Running:
        process = subprocess.Popen(
            [RECONCILE, *FAST], cwd=site.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment,
        )  # fmt: skip
        started.append(Running(site, process=process))
        return started[0]

    yield start, lambda text: offset.write_text(f"{text}\n")
    for running in started:
        running.stop(signal.SIGKILL)
        print("".join(running.lines))


def test_a_clock_set_ahead_under_a_daemon_removes_nothing_until_it_is_set_back(site, moved, until):
    """S5: backups go on, sets stay, and the status says why."""
    start, turn = moved
    site.database()
    del site.plan["periodic"]
    site.plan.update(one_time={"start_time": one_minute_ago()}, keep_last=0, retention_days=1)
    site.write()
    daemon = start()
    until(lambda: len(site.set_folders) == 1)

    turn("+40d")
    until(lambda: status(site).get("pauses"))
    (waits,) = status(site)["pauses"]
    assert waits["reason"].startswith("the clock jumped by 3,456,")
    assert waits["allowed_by"] == "reconcile allow clock"
    assert len(site.set_folders) == 1
    turn("+0d")
    until(lambda: status(site)["pauses"] == [])
    assert len(site.set_folders) == 1
    assert daemon.stop() == 0


def one_minute_ago() -> str:
    from datetime import UTC, datetime, timedelta

    return (datetime.now(UTC) - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_an_object_store_that_stops_and_comes_back_delays_a_backup_and_loses_none(site, tmp_path, monkeypatch, until):
    """D6: what may pass is tried again until `timeout`."""
    monkeypatch.setenv("STORM_ACCESS", seaweed.ACCESS_KEY)
    monkeypatch.setenv("STORM_SECRET", seaweed.SECRET_KEY)
    server = seaweed.start(tmp_path / "weed", seaweed.free_ports(5))
    site.document["storages"]["disk"] = {"s3": {
        "bucket": seaweed.BUCKET, "endpoint": server.endpoint,
        "credentials": {"access_key": {"env": "STORM_ACCESS"}, "secret_key": {"env": "STORM_SECRET"}},
    }}  # fmt: skip
    site.write()
    site.database()
    site.apply("2026-11-23T00:00:00Z")
    server.stop()
    process = site.start("apply", now=MONDAY_2)
    line = next(line for line in process.stderr if "will be tried again" in line)
    assert "storage disk: cannot " in line
    server = seaweed.start(tmp_path / "weed", server.ports)
    try:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert states(site) == {TASK: "succeeded"}
    finally:
        server.stop()


def test_a_warehouse_that_hangs_ends_at_its_timeout_and_holds_up_no_other(site, until):
    """D4: every other slot is kept meanwhile."""
    site.database(rows=3_000_000)
    (site.folder / "healthy").mkdir()
    shutil.copy(site.database("small", warehouse="other"), site.folder / "healthy/small.duckdb")
    site.plan["timeout"] = "8s"
    site.document["warehouses"]["healthy"] = {
        "engine": "duckdb", "path": "healthy", "storage": "disk", "plan": site.plan | {"timeout": "1h"},
    }  # fmt: skip
    site.write()
    site.apply("2026-11-23T00:00:00Z")
    process = site.start("apply", now=MONDAY_2)
    child = until(lambda: child_with(process, "shop"))
    os.kill(child, signal.SIGSTOP)

    process.communicate(timeout=90)

    assert states(site) == {TASK: "failed", "healthy-20261123T020000Z": "succeeded"}
    assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]


def child_with(process: subprocess.Popen, word: str) -> int | None:
    """The child that has opened a database of the warehouse of that name."""
    for thread in Path(f"/proc/{process.pid}/task").glob("*/children"):
        for child in thread.read_text().split():
            if b"duckdb_child" not in Path(f"/proc/{child}/cmdline").read_bytes():
                continue  # not yet itself: stopped now it would hold its parent
            opened = (os.readlink(link) for link in list(Path(f"/proc/{child}/fd").iterdir()))
            if any(name.endswith(f"/{word}/sales.duckdb") for name in safe(opened)):
                return int(child)
    return None


def safe(links):
    while True:
        try:
            yield next(links)
        except StopIteration:
            return
        except OSError:
            continue


@pytest.mark.parametrize("call", ["fdatasync", "rename", "link", "unlink", "mkdir"])
@pytest.mark.parametrize("when", [1, 3, 7])
def test_a_kill_at_a_chosen_call_and_again_in_the_recovery_ends_in_order(site, strace, call, when):
    """T1: the moments that a timer seldom hits."""
    site.database(rows=1000)
    site.restore("r-1", databases={"sales": "copy"})
    site.apply("2026-11-23T00:00:00Z")
    calls = "rename,renameat,renameat2" if call == "rename" else "link,linkat" if call == "link" else (
        "unlink,unlinkat" if call == "unlink" else "mkdir,mkdirat" if call == "mkdir" else "fdatasync,fsync"
    )
    for minute in range(2):
        strace(site, f"{calls}:signal=KILL:when={when}", f"2026-11-23T02:0{minute}:00Z")
    for minute in range(3):
        assert site.run("apply", now=f"2026-11-23T02:1{minute}:00Z").code == 0

    assert states(site) == {TASK: "succeeded"}
    assert site.set_folders == [TASK]
    assert [task["state"] for task in status(site)["restore_tasks"]] == ["succeeded"]
    assert sorted(os.listdir(site.folder / "other")) == ["copy.duckdb"]
    with duckdb.connect(str(site.folder / "other/copy.duckdb"), read_only=True) as copy:
        assert copy.execute("SELECT count(*) FROM t").fetchone() == (1000,)


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_a_disk_that_fails_to_sync_is_said_and_nothing_is_called_done(site, strace, error):
    """T1: a set is one only when its manifest is durable; a later pass makes it."""
    site.database(rows=1000)
    site.apply("2026-11-23T00:00:00Z")

    code = strace(site, f"fdatasync,fsync:error={error}:when=1+", MONDAY_2)

    assert code == 1
    assert site.set_folders == []
    assert site.run("apply", now="2026-11-23T02:05:00Z").code in (0, 1)
    site.run("apply", now="2026-11-24T02:00:00Z")
    assert states(site)["shop-20261124T020000Z"] == "succeeded"


@pytest.mark.parametrize("name", ["ledger", "status"])
def test_a_full_disk_for_the_ledger_or_the_status_is_said_by_name(site, name):
    """T1, T4: with a full ledger nothing is begun, with a full status backups go on."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    small = site.folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(small)], check=True)
    try:
        site.database()
        paths = {"ledger": site.paths.ledger, "status": site.paths.status, name: small / f"{name}.file"}
        words = ("--ledger", str(paths["ledger"]), "--status-file", str(paths["status"]))
        assert site.run(*words, "apply", now="2026-11-23T00:00:00Z").code == 0
        filler = small / "filler"
        descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
        with contextlib.suppress(OSError):
            while True:
                os.write(descriptor, b"x" * 4096)
        os.close(descriptor)
        ran = site.run(*words, "apply", now=MONDAY_2)
        assert ran.code == 1
        assert str(paths[name]) in ran.err
        assert site.set_folders == ([] if name == "ledger" else [TASK])
        filler.unlink()
        assert site.run(*words, "apply", now="2026-11-23T02:05:00Z").code == 0
        assert site.set_folders == [TASK]
        assert json.loads(paths["status"].read_text())["healthy"] is True
    finally:
        subprocess.run(["umount", str(small)], check=True)
