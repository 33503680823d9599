"""A real daemon whose warehouse is cut off, restarted or given another leader in the middle of a job (D2, D6, R1)."""

import signal
import sys
from pathlib import Path

import pytest
import seaweed

sys.path.append(str(Path(__file__).parents[1] / "long"))
from daemons import FAST, Running
from sites import states, warehouses_of_doris

TASK = "shop-20261123T020000Z"
BEFORE, DUE = "2026-11-23T00:00:00Z", "2026-11-23T02:00:00Z"
MIDDLE = {"backup": "UPLOADING", "restore": "DOWNLOADING"}


def cut_off(server, said) -> None:
    server.control.stop_frontend()
    said("will be tried again")
    server.control.start_frontend()


def restarted(server, said) -> None:
    server.control.restart(forget=True)


def remembering_restart(server, said) -> None:
    server.control.restart()


def led_by_another(server, said) -> None:
    server.faults.leader_not_ready()
    server.control.change_leader(0)
    said("will be tried again")
    server.faults.leader_not_ready(False)


@pytest.fixture
def at(site, s3_server, doris, monkeypatch, until):
    """A site with two stand-ins, a taken-over plan, and each statement that reached the target kept."""
    monkeypatch.setenv("DORIS_TEST_ACCESS", seaweed.ACCESS_KEY)
    monkeypatch.setenv("DORIS_TEST_SECRET", seaweed.SECRET_KEY)
    made = warehouses_of_doris()(site, s3_server, doris(speed=30), doris(speed=30), "doris")
    made.fill()
    site.apply(BEFORE)
    return made


@pytest.fixture
def daemon(at):
    started = []

    def start() -> Running:
        started.append(Running(at.site, process=at.site.start(*FAST, now=DUE)))
        return started[-1]

    yield start
    for running in started:
        running.stop(signal.SIGKILL)
        print("".join(running.lines))  # shown where a test fails


def heard(server, word: str) -> list[str]:
    """The statements of this kind that come from now on."""
    found, sprung = [], server.faults.sprung

    def listening(sql: str, frontend: int):
        if sql.lstrip().upper().startswith(word):
            found.append(sql)
        return sprung(sql, frontend)

    server.faults.sprung = listening
    return found


def job_states(server, kind: str, database: str) -> list[str]:
    """By what the server itself keeps, which moves no clock."""
    known = server.warehouse.databases.get(database)
    jobs = server.warehouse.jobs.get(known.id, ()) if known else ()
    return [job.state for job in jobs if job.kind == kind]


def speaker(running: Running, until):
    """Waits until the daemon has said so of its work."""
    return lambda word: until(lambda: any(event[2] == word for event in running.events))


def check_backup(at, sent: list[str]) -> None:
    assert states(at.site)[TASK] == "succeeded"
    manifests = [key for key in at.objects if key.endswith("/manifest.json")]
    assert manifests == [f"shop/{TASK}/manifest.json"], "one set"
    labels = [sql.split()[2] for sql in sent]
    assert len(labels) == len(set(labels)), "no label is sent twice"


@pytest.mark.parametrize("befalls", [cut_off, restarted, led_by_another])
def test_a_backup_goes_on_and_a_slot_has_one_set(at, daemon, until, befalls):
    """D2, D6: the job is looked for by its label, and storage decides what a server forgot."""
    sent = heard(at.source, "BACKUP")
    at.source.faults.stay_in(MIDDLE["backup"], database="sales")
    running = daemon()
    until(lambda: job_states(at.source, "backup", "sales") == [MIDDLE["backup"]])

    befalls(at.source, speaker(running, until))
    at.source.faults.move_on()

    until(lambda: ("backup", TASK, "succeeded") in running.events)
    assert running.stop() == 0
    check_backup(at, sent)


def in_a_restore(at, daemon, until) -> tuple[Running, list[str]]:
    """A daemon whose warehouse is in the middle of a restore, and the statements that have told it to restore."""
    at.site.apply(DUE)
    at.site.restore("r-1", databases={"sales": "copy"}, restore_properties={"replication_num": 1})
    sent = heard(at.target, "RESTORE")
    at.target.faults.stay_in(MIDDLE["restore"], kind="restore")
    running = daemon()
    until(lambda: job_states(at.target, "restore", "copy") == [MIDDLE["restore"]])
    return running, sent


@pytest.mark.parametrize("befalls", [cut_off, led_by_another, remembering_restart])
def test_a_restore_goes_on_and_never_runs_twice(at, daemon, until, befalls):
    """R1: one RESTORE for the database, however often the daemon has to ask what became of it."""
    running, sent = in_a_restore(at, daemon, until)

    befalls(at.target, speaker(running, until))
    at.target.faults.move_on()

    until(lambda: ("restore", "r-1", "succeeded") in running.events)
    assert running.stop() == 0
    assert states(at.site)["r-1"] == "succeeded"
    assert len(sent) == 1
    assert job_states(at.target, "restore", "copy") == ["FINISHED"]
    for table in ("orders", "days"):
        assert at.target.rows(f"copy.{table}") == at.source.rows(f"sales.{table}")


def test_a_restore_that_the_server_has_forgotten_ends_unknown_and_is_not_sent_again(at, daemon, until):
    """R1: where nothing proves how far it came, a person looks."""
    running, sent = in_a_restore(at, daemon, until)

    restarted(at.target, speaker(running, until))

    until(lambda: ("restore", "r-1", "unknown") in running.events)
    assert running.stop() == 0
    assert states(at.site)["r-1"] == "unknown"
    assert len(sent) == 1
