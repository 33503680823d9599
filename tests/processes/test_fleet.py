"""Two daemons on one ledger, in each kind of database (T3): one writes, the other stands by and takes over."""

import contextlib
import os
import signal

import pytest
from daemons import Running, duckdb_children, status

TASK = "shop-20261123T020000Z"
LONG_BEFORE, SHORTLY_BEFORE, AT_ONCE = "2026-11-23T01:00:00Z", "2026-11-23T01:59:40Z", "2026-11-23T02:00:00Z"
SERVERS = ("postgresql", "mariadb")


@pytest.fixture
def ledger_url(site, database_server):
    """The words that name a ledger of the kind."""

    def words(kind: str) -> tuple[str, ...]:
        if kind == "sqlite":
            return ("--ledger", str(site.paths.ledger))
        server = database_server(kind)
        return ("--ledger", server.url(server.create()))

    return words


@pytest.fixture
def daemon(site):
    started = []

    def start(*words: str, now: str = AT_ONCE) -> Running:
        running = Running(site, *words, now=now)
        started.append(running)
        return running

    yield start
    for running in started:
        running.process.send_signal(signal.SIGCONT)
        running.stop(signal.SIGKILL)
        print("".join(running.lines))  # shown where a test fails


def has_said(running: Running, *events: tuple[str, str, str]):
    return lambda: set(events) <= set(running.events)


def in_force(site) -> int | None:
    plans = [item["plan"] for item in status(site)["warehouses"] if item["name"] == "shop"]
    return plans[0]["retention_days"] if plans and plans[0] else None


@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
def test_when_the_writer_is_killed_in_its_work_the_other_takes_over_and_a_slot_has_one_set(
    site, daemon, until, ledger_url, kind
):
    """T1, T3, D2: kill -9 while the export runs; the second daemon goes on with the very task."""
    site.database(rows=1_000_000)
    words = ledger_url(kind)
    assert site.run("apply", *words, now=LONG_BEFORE).code == 0
    first = daemon(*words)
    (child,) = until(lambda: duckdb_children(first.process))
    os.kill(child, signal.SIGSTOP)
    second = daemon(*words)
    until(has_said(second, ("daemon", "lease", "stands by")))
    assert site.run("apply", *words, now=AT_ONCE).code == 75

    first.process.kill()
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGCONT)

    until(has_said(second, ("daemon", "lease", "taken"), ("backup", TASK, "succeeded")))
    assert site.set_folders == [TASK]
    assert [event for event in first.events if event[0] == "backup"] == []
    listed = site.run("backups", "--state", "succeeded", *words)
    assert (listed.code, listed.out.count(TASK)) == (0, 1), listed
    assert second.stop() == 0
    assert site.run("apply", *words, now="2026-11-23T02:01:00Z").code == 0, "given back at the clean end"
    assert site.set_folders == [TASK]


@pytest.mark.parametrize("kind", SERVERS)
def test_a_paused_daemon_wakes_up_behind_the_one_that_took_over_and_ends_with_75(
    site, daemon, until, ledger_url, kind
):
    """T3: two writers are none, not even for the moment until the first one notices."""
    site.database()
    words = ledger_url(kind)
    first = daemon(*words, now=LONG_BEFORE)
    until(lambda: in_force(site) == 7)
    first.process.send_signal(signal.SIGSTOP)
    second = daemon(*words)
    until(has_said(second, ("daemon", "lease", "taken"), ("backup", TASK, "succeeded")))

    first.process.send_signal(signal.SIGCONT)

    until(lambda: first.process.poll() is not None)
    assert first.stop() == 75
    assert first.events[-1] == ("daemon", "lease", "lost")
    assert [event for event in first.events if event[0] == "backup"] == []
    assert site.set_folders == [TASK]
    assert second.process.poll() is None


@pytest.mark.parametrize("kind", SERVERS)
def test_a_ledger_server_that_is_away_starts_nothing_and_the_daemon_goes_on_when_it_is_back(
    site, daemon, until, database_server, kind
):
    """T3: said once each way; a slot that fell due meanwhile runs then."""
    site.database()
    server = database_server(kind)
    words = ("--ledger", server.url(server.create()))
    running = daemon(*words, now=SHORTLY_BEFORE)
    until(lambda: in_force(site) == 7)
    server.stop()
    try:
        until(has_said(running, ("daemon", "ledger", "away")))
        site.plan["retention_days"] = 9
        site.write()
        refused = site.run("backups", *words)
        assert (refused.code, "does not answer" in refused.err, refused.out) == (1, True, "")
        late = daemon(*words)
        until(has_said(late, ("daemon", "ledger", "away")))
        assert site.set_folders == []
    finally:
        server.start()

    until(has_said(running, ("daemon", "ledger", "back"), ("backup", TASK, "succeeded")))
    until(lambda: in_force(site) == 9)
    until(has_said(late, ("daemon", "lease", "stands by")))
    said = [event[2] for event in running.events if event[:2] == ("daemon", "ledger")]
    assert said == ["away", "back"] * (len(said) // 2), "once each way, not at each beat"
    assert site.set_folders == [TASK]
    assert running.stop() == 0
    until(has_said(late, ("daemon", "lease", "taken")))


@pytest.mark.parametrize("kind", SERVERS)
def test_commands_read_and_leave_word_by_url_and_show_no_password(site, ledger_url, kind):
    """R6, P7; the wrong password is a permanent error, and none is ever shown."""
    site.database()
    words = ledger_url(kind)
    assert site.run("apply", *words, now=LONG_BEFORE).code == 0
    shown = site.run("--dry-run", *words, now=LONG_BEFORE)
    assert (shown.code, "compared with the ledger" in shown.out) == (0, True)
    assert site.run("apply", *words, now="2026-11-23T02:00:00Z").code == 0
    assert TASK in site.run("backups", *words).out
    assert "nothing is left to cancel" in site.run("cancel", TASK, *words, now="2026-11-23T02:01:00Z").out
    assert site.run("allow", "clock", *words, now="2026-11-23T02:01:00Z").code == 0
    site.restore("r-1")
    assert site.run("apply", *words, now="2026-11-23T02:02:00Z").code == 0
    assert "succeeded" in site.run("restores", *words).out

    wrong = words[1].partition("?")[0] + "?password_env=LEDGER_WORD"
    refused = site.run("apply", "--ledger", wrong, now="2026-11-23T02:03:00Z", LEDGER_WORD="swordfish")
    assert (refused.code, "cannot be used" in refused.err) == (1, True), refused.err
    assert "swordfish" not in refused.err + refused.out
    literal = site.run("apply", "--ledger", wrong.replace("@", ":swordfish@"), now="2026-11-23T02:03:00Z")
    assert (literal.code, "swordfish" in literal.err, "password_file" in literal.err) == (64, False, True)
