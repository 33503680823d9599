"""The lease of a ledger on a server (T3): real processes, killed, paused, cut off, and racing for it."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from holder import NOW, SHORT, WithoutACalendar
from race import KINDS, race, task

from reconciler import doors
from reconciler.cli.clock import SystemClock
from reconciler.config import secrets
from reconciler.core import ledger_place
from reconciler.core.plan import Rows
from reconciler.effects.ledger import ServerLease, reading
from reconciler.errors import LeaseHeld, LeaseLapsed, LedgerAway

HERE = Path(__file__).parent


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request, database_server):
    return database_server(request.param)


@pytest.fixture
def url(server):
    return server.url(server.create())


@pytest.fixture
def place(url):
    return ledger_place.parse(url)


@pytest.fixture
def holder(url):
    """Starts processes of holder.py."""
    started = []

    def start() -> Holder:
        started.append(Holder(url))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate()


class Holder:
    def __init__(self, url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, HERE / "holder.py", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.first = self.process.stdout.readline().strip()

    def tell(self, line: str) -> str:
        self.say(line)
        return self.process.stdout.readline().strip()

    def say(self, line: str) -> None:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()


def wait_until(condition, seconds: float = 30.0):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "what was waited for did not happen"
        threading.Event().wait(0.02)
    return found


def lease(place) -> ServerLease:
    return ServerLease(place, WithoutACalendar(), secrets.resolve, SHORT)


def taken(place) -> ServerLease | None:
    """The lease, entered; None while another has it."""
    try:
        return lease(place).__enter__()
    except (LeaseHeld, LedgerAway):
        return None


def task_ids(place) -> set[str]:
    with doors.ledger_for_reading(place) as connection:
        return {task.id for task in reading.all_tasks(connection)}


def test_a_second_process_does_not_get_the_lease_and_a_clean_end_gives_it_back_at_once(place, holder):
    """T3: no clock of a machine is asked; the holder is named."""
    first = holder()
    assert first.first == "held"

    with pytest.raises(LeaseHeld, match=f"process {first.process.pid} on .* its lease ends in [1-4] s"), lease(place):
        pass

    first.process.communicate()
    with lease(place):
        pass


def test_a_lease_is_renewed_as_long_as_its_holder_lives_and_taken_over_when_it_was_killed(place, holder):
    """T3: kill -9, without a word to anyone."""
    first = holder()
    threading.Event().wait(1.5 * SHORT.length)
    assert taken(place) is None
    wait_until(lambda: first.tell("write before") == "written")

    first.process.kill()
    killed = time.monotonic()
    second = wait_until(lambda: taken(place))
    waited = time.monotonic() - killed
    second.__exit__(None, None, None)

    assert waited < SHORT.length + 3
    assert task_ids(place) == {"before"}


def test_a_paused_writer_that_wakes_up_is_fenced_off(place, holder):
    """T3: its late writes are refused, whatever it believes of itself."""
    first = holder()
    wait_until(lambda: first.tell("write before") == "written")
    first.process.send_signal(signal.SIGSTOP)
    second = wait_until(lambda: taken(place))
    try:
        first.say("write late")
        first.process.send_signal(signal.SIGCONT)

        assert first.process.stdout.readline().strip() in ("LeaseHeld", "LeaseLapsed")
        assert first.tell("write later") in ("LeaseHeld", "LeaseLapsed")
        wait_until(lambda: first.tell("write latest") == "LeaseHeld")
        assert task_ids(place) == {"before"}
    finally:
        second.__exit__(None, None, None)


def test_a_writer_paused_inside_a_transaction_keeps_nobody_out_and_commits_nothing(place, holder):
    """T3: it holds the lock of the lease's row; the server ends its session."""
    first = holder()
    assert first.tell("begin") == "begun"
    first.process.send_signal(signal.SIGSTOP)
    second = wait_until(lambda: taken(place))
    try:
        first.say("go on")
        first.process.send_signal(signal.SIGCONT)

        assert first.process.stdout.readline().strip() == "LedgerAway"
        assert task_ids(place) == set()
    finally:
        second.__exit__(None, None, None)


def test_a_holder_that_cannot_renew_stops_before_the_end_and_goes_on_when_the_server_is_back(server, place):
    """T3: by its own monotonic clock, a margin before the lease's end by the database's."""
    with lease(place) as held:
        held.check()
        server.stop()
        stopped = time.monotonic()
        try:
            wait_until(lambda: lapsed(held))
            waited = time.monotonic() - stopped
        finally:
            server.start()
        assert waited <= SHORT.length - SHORT.margin + 1.5
        wait_until(lambda: not lapsed(held))


def lapsed(held: ServerLease) -> bool:
    try:
        held.check()
    except LeaseLapsed:
        return True
    return False


def test_a_write_that_meets_a_dead_server_says_so_and_the_next_one_is_written(server, place):
    """T1: what may pass is told apart, and the connection is made anew."""
    with doors.ledger_to_write(place, SystemClock(), simulated=False) as ledger:
        server.stop()
        try:
            with pytest.raises(LedgerAway, match="does not answer"):
                ledger.record(Rows(tasks=(task("lost"),)), NOW)
        finally:
            server.start()
        ledger.record(Rows(tasks=(task("written"),)), NOW)

    assert task_ids(place) == {"written"}


@pytest.mark.parametrize("kind", KINDS)
def test_eight_processes_race_for_slots_and_none_is_claimed_twice(kind, tmp_path, database_server):
    """T3, D2: their leases overlap on purpose; the check of the number in each transaction is all that holds."""
    server = None if kind == "sqlite" else database_server(kind)
    granted = race(server.url(server.create()) if server else str(tmp_path / "ledger.sqlite"), 300, 150)

    assert len(granted) > 1, "one process alone is no race"
    assert granted.total() == 300
