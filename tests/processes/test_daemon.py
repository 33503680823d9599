"""`reconcile run` as a process: it keeps plans by itself, follows its configuration, and stops cleanly."""

import json
import os
import signal
import threading
import urllib.error
import urllib.request

import pytest
import yaml
from daemons import BEFORE, Running, duckdb_children, status

TASK = "shop-20261123T020000Z"


@pytest.fixture
def daemon(site, until):
    started = []

    def start(*words: str, **options) -> Running:
        running = Running(site, *words, **options)
        started.append(running)
        return running

    yield start
    for running in started:
        running.stop(signal.SIGKILL)
        print("".join(running.lines))  # shown where a test fails


def plan_of(site, name: str = "shop") -> dict | None:
    return next((item["plan"] for item in status(site)["warehouses"] if item["name"] == name), None)


def in_force(site) -> int | None:
    plan = plan_of(site)
    return plan["retention_days"] if plan else None


def test_a_due_slot_runs_by_itself_and_sigterm_ends_with_0(site, daemon, until):
    site.database()
    running = daemon()

    until(lambda: ("backup", TASK, "succeeded") in running.events)
    until(lambda: plan_of(site) and status(site)["summary"]["backup_sets"] == 1)
    assert status(site)["next_write_by"] is not None

    assert running.stop() == 0
    assert running.events[0] == ("daemon", "lease", "taken")
    assert running.events[-1] == ("daemon", "lease", "given back")
    assert status(site)["next_write_by"] is None
    assert site.set_folders == [TASK]


def test_a_restore_follows_its_backup_without_a_word(site, daemon, until):
    """A request for `latest` waits for the set and starts when it is there."""
    site.database()
    site.restore("r-1")
    running = daemon()

    until(lambda: ("restore", "r-1", "succeeded") in running.events)
    assert (site.folder / "other/sales.duckdb").exists()


@pytest.mark.parametrize("how", ["in place", "renamed", "link swap", "configmap"])
def test_a_changed_configuration_is_taken_over(site, daemon, until, how):
    """Followed by content: whatever way the bytes changed."""
    target = site.paths.plans
    if how in ("link swap", "configmap"):
        data = site.folder / "..data" if how == "configmap" else site.folder / "current"
        first = site.folder / "first"
        first.mkdir()
        document = dict(site.document, storages={"disk": {"local": {"path": str(site.folder / "backups")}}})
        for name in ("shop", "other"):
            document["warehouses"][name]["path"] = str(site.folder / name)
        (first / "plans.yaml").write_text(yaml.safe_dump(document))
        data.symlink_to(first)
        target.unlink()
        target.symlink_to(data / "plans.yaml")
    running = daemon()
    until(lambda: in_force(site) == 7)

    site.plan["retention_days"] = 9
    text = yaml.safe_dump(site.document if how in ("in place", "renamed") else dict(document))
    if how == "in place":
        target.write_text(text)
    elif how == "renamed":
        (site.folder / "new.yaml").write_text(text)
        (site.folder / "new.yaml").rename(target)
    else:
        second = site.folder / "second"
        second.mkdir()
        (second / "plans.yaml").write_text(text)
        (site.folder / "swap").symlink_to(second)
        (site.folder / "swap").rename(data)

    until(lambda: in_force(site) == 9)
    assert running.stop() == 0


def test_sighup_looks_at_once(site, daemon, until):
    running = daemon("--reload-every", "1h")
    until(lambda: in_force(site) == 7)
    site.plan["retention_days"] = 9
    site.write()
    running.process.send_signal(signal.SIGHUP)

    until(lambda: in_force(site) == 9)


def test_a_broken_configuration_leaves_the_last_good_one_in_force(site, daemon, until):
    """P6: said in the log and the status, and due backups run."""
    site.database()
    running = daemon()
    until(lambda: in_force(site) == 7)
    site.paths.plans.write_text("warehouses: [")

    until(lambda: status(site)["configuration"]["state"] == "invalid")
    until(lambda: ("backup", TASK, "succeeded") in running.events)
    assert ("configuration", "plans.yaml", "invalid") in running.events
    site.write()
    until(lambda: status(site)["configuration"]["state"] == "accepted")


def test_a_file_that_is_written_piece_by_piece_is_never_taken_half(site, daemon, until):
    """P6: each look sees other bytes, so none is taken until the writer is done."""
    running = daemon()
    until(lambda: in_force(site) == 7)
    site.document["warehouses"]["more"] = {"engine": "duckdb", "path": "other"}
    site.plan["retention_days"] = 9
    whole = yaml.safe_dump(site.document, sort_keys=False).splitlines(keepends=True)

    with site.paths.plans.open("w") as file:
        for line in whole:
            file.write(line)
            file.flush()
            threading.Event().wait(0.15)

    until(lambda: in_force(site) == 9)
    assert [event for event in running.events if event[2] in ("invalid", "refused")] == []
    assert ("plan", "shop", "ended") not in running.events


def test_a_second_daemon_stands_by_and_takes_over_when_the_first_is_killed(site, daemon, until):
    """T3."""
    site.database()
    first = daemon(now="2026-11-23T01:00:00Z")
    until(lambda: in_force(site) == 7)
    second = daemon()
    until(lambda: ("daemon", "lease", "stands by") in second.events)

    first.process.kill()

    until(lambda: ("backup", TASK, "succeeded") in second.events)
    assert site.set_folders == [TASK]


def test_sigterm_gives_running_work_its_time(site, daemon, until):
    site.database(rows=3_000_000)
    running = daemon()
    until(lambda: list((site.folder / "backups").rglob("*.parquet")))

    assert running.stop() == 0
    assert site.set_folders == [TASK]


def test_what_outlives_the_grace_goes_on_with_the_next_start(site, daemon, until):
    """T1."""
    site.database(rows=3_000_000)
    running = daemon("--grace", "1s")
    until(lambda: list((site.folder / "backups").rglob("*.parquet")))
    (child,) = until(lambda: duckdb_children(running.process))
    os.kill(child, signal.SIGSTOP)

    assert running.stop() == 0
    assert site.set_folders == []
    os.kill(child, signal.SIGCONT)

    again = daemon(now="2026-11-23T02:01:00Z")
    until(lambda: ("backup", TASK, "succeeded") in again.events)
    assert site.set_folders == [TASK]


def test_a_second_signal_ends_at_once(site, daemon, until):
    site.database(rows=3_000_000)
    running = daemon("--grace", "1h")
    (child,) = until(lambda: duckdb_children(running.process))
    os.kill(child, signal.SIGSTOP)
    running.process.send_signal(signal.SIGTERM)
    until(lambda: running.process.poll() is None)
    threading.Event().wait(0.5)

    assert running.stop() == -signal.SIGTERM
    os.kill(child, signal.SIGCONT)


def test_cancel_and_allow_reach_the_daemon(site, daemon, until):
    """R6, P7."""
    site.database(rows=3_000_000)
    running = daemon()
    (child,) = until(lambda: duckdb_children(running.process))
    os.kill(child, signal.SIGSTOP)

    assert site.run("cancel", TASK, now=BEFORE).code == 0
    until(lambda: ("backup", TASK, "cancelled") in running.events)

    del site.document["warehouses"]["shop"]
    site.write()
    refused = until(lambda: [json.loads(line) for line in running.lines if '"refused"' in line])
    assert refused[0]["detail"] == "1 of 1 plans would end: shop"
    until(lambda: status(site)["configuration"]["state"] == "refused")
    digest = status(site)["configuration"]["digest"]
    assert site.run("allow", "removals", "--config", digest, now=BEFORE).code == 0
    until(lambda: ("plan", "shop", "ended") in running.events)


def test_probes_speak_of_the_loop_and_of_the_configuration(site, daemon, until):
    """/healthz never speaks of failed backups: a restart mends none."""
    del site.plan["periodic"]
    site.plan["one_time"] = {"start_time": "2026-11-23T01:59:00Z"}  # past, within `catch_up`: due once it is taken over
    site.paths.plans.write_text("")
    running = daemon("--listen", ":0")
    address = until(lambda: [line for line in running.lines if line.startswith("listening on ")])[0].split()[-1]
    assert address.startswith("http://127.0.0.1:")

    def get(path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(address + path, timeout=5) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    until(lambda: ("configuration", "plans.yaml", "invalid") in running.events)
    assert get("/healthz") == (200, b"the loop beats\n")
    assert get("/readyz")[0] == 503
    site.write()
    until(lambda: get("/readyz")[0] == 200)
    until(lambda: ("backup", "shop-20261123T015900Z", "failed") in running.events)
    assert get("/healthz")[0] == 200
    assert json.loads(get("/status.json")[1])["installation"] == "test"
    assert get("/etc/passwd")[0] == 404


def test_an_idle_daemon_does_not_rewrite_its_status(site, daemon, until):
    running = daemon(now="2026-11-23T00:00:00Z")
    until((site.folder / "backups/test/.ledger.json").exists)
    threading.Event().wait(2.0)  # its last word of the start is written
    stamp = site.paths.status.stat().st_mtime_ns
    threading.Event().wait(2.5)

    assert site.paths.status.stat().st_mtime_ns == stamp
    assert running.stop() == 0
