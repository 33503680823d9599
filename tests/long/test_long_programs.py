"""The programs of this folder in short: each is a target of its own in the Makefile, where it runs for as long as told."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.extend(str(Path(__file__).parents[1] / room) for room in ("long", "processes"))
import corruptions
import fault_sweep
import kill_sweep
import long_life
import many_plans
import term_sweep


@pytest.fixture
def secrets(monkeypatch):
    for name, value in fault_sweep.secrets_in_the_environment().items():
        monkeypatch.setenv(name, value)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_kill_at_calls_of_every_deed_is_settled_by_what_comes_after(tmp_path):
    """T1, T4, D2, R1, S4: `make kill-sweep` goes on to every call."""
    counts = kill_sweep.sweep(tmp_path, 7, lambda _: None)

    assert sum(count for name, count in counts.items() if name.startswith("points in ")) == 7
    assert counts["processes killed"] > 0


@pytest.mark.parametrize(("kind", "requests"), [
    ("cut before", (2, 20)), ("cut after", (5,)), ("refused", (5,)), ("cut after, then asked again", (20,)),
])  # fmt: skip
def test_a_fault_at_a_request_to_the_object_store_gives_no_false_success(tmp_path, s3_server, secrets, kind, requests):
    """D2, R1, S4, T5: `make fault-sweep` goes on to every request."""
    for number in requests:
        folder = tmp_path / str(number)
        folder.mkdir()
        trap = fault_sweep.Trap(kind, number)
        fault_sweep.StoreLife(folder, s3_server, trap).live()
        assert trap.sprung == 1


@pytest.mark.parametrize(("kind", "number", "restoring"), [
    ("drop_before", 3, False), ("drop_after", 3, False), ("drop_before", 3, True), ("drop_after", 3, True),
])  # fmt: skip
def test_a_fault_at_a_statement_gives_no_second_job(tmp_path, s3_server, secrets, kind, number, restoring):
    """D2, D6, R1."""
    life = fault_sweep.ServerLife(tmp_path, s3_server, kind, number, restoring=restoring)
    life.live()
    assert life.sprung == 1


def test_daemons_that_are_ended_at_any_moment_end_in_time_and_their_work_is_gone_on_with(tmp_path):
    """T1, D2, R1."""
    ends, counts = term_sweep.sweep(tmp_path, 3, size=1000)

    assert len(ends) == 3
    assert counts["lives whole at their end"] == 1


def test_a_fleet_that_is_due_at_once_runs_to_the_last_plan_and_never_more_than_may(tmp_path):
    """D3."""
    figures = many_plans.load(tmp_path, 60, 20)

    assert (figures.started, figures.succeeded, figures.sets, figures.refusals, figures.most_at_once) == (
        60, 60, 60, 3, 20,
    )  # fmt: skip


def test_a_life_of_days_loses_none_and_holds_no_more_files_than_at_first(tmp_path):
    """D1, S2."""
    figures = long_life.live(tmp_path, 5)

    assert (figures.succeeded, figures.sets) == (5, long_life.KEPT)
    first, last = figures.held[long_life.WARM], figures.held[-1]
    assert (last.files, last.threads) == (first.files, first.threads)


def test_a_damaged_ledger_is_refused_or_works_and_destroys_nothing(tmp_path):
    """R1, S3, S4: `make corruptions` damages thousands."""
    counts = corruptions.sweep(tmp_path, 200)

    assert counts["refused"] + counts["worked"] == 200
    assert (counts["refused"] > 0, counts["worked"] > 0) == (True, True)
