"""The ledger: durable, versioned, one writer, readable by others at any time."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from reconciler import doors
from reconciler.cli.clock import SystemClock
from reconciler.config import secrets
from reconciler.core import ledger_place
from reconciler.core.model import Desired, Folder, FromWarehouse, Limits, LocalStorage, Restore, Warehouse
from reconciler.core.plan import Rows
from reconciler.core.record import BackupSet, HoldRecord, PlanRevision, RestoreTask, Task
from reconciler.core.renaming import Renaming
from reconciler.effects.ledger import (
    Lease,
    Ledger,
    allow,
    open_to_write,
    reading,
    server,
    sqlite,
    wish_to_cancel,
)
from reconciler.errors import LeaseHeld, LedgerUnusable, Misuse

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
ENTRY = Warehouse("shop", "duckdb", Folder("/shop"), "disk")
DESIRED = Desired("acme", {"disk": LocalStorage("disk", "/b")}, {"shop": ENTRY}, {}, {}, Limits(), "sha256:" + "0" * 64)
REVISION = PlanRevision("shop", 1, ENTRY, NOW, NOW, "c" * 40)
TASK = Task("shop-20261123T020000Z", "shop", NOW, "waiting", 1, created_at=NOW)
SET = BackupSet(TASK.id, "shop", "shop", "duckdb", "disk", NOW, NOW, 7, 1, 100, databases=("sales",))


@pytest.fixture
def path(tmp_path):
    """Of a ledger in a file."""
    return tmp_path / "ledger.sqlite"


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def place(request, path, database_server):
    """Of an empty ledger, in each kind of database."""
    if request.param == "sqlite":
        return path
    server = database_server(request.param)
    return ledger_place.parse(server.url(server.create()))


@pytest.fixture
def ledger(place):
    with doors.ledger_to_write(place, SystemClock(), simulated=False) as opened:
        yield opened


@pytest.fixture
def file_ledger(path):
    with doors.ledger_to_write(path, SystemClock(), simulated=False) as opened:
        yield opened


def accept(ledger, **rows) -> None:
    ledger.accept(DESIRED, Rows(**rows), NOW)


def test_what_is_recorded_is_read_back_whole(ledger):
    """T1."""
    hold = HoldRecord("s", "audit", NOW + timedelta(days=3), NOW)
    accept(ledger, revisions=(REVISION,), tasks=(TASK,), holds=(hold,))

    recorded = ledger.read(DESIRED, NOW)

    assert recorded.configuration == DESIRED
    assert recorded.plans == {"shop": REVISION}
    assert recorded.open_tasks == (TASK,)
    assert recorded.last_tasks == {"shop": TASK}
    assert recorded.holds == (hold,)


def test_an_attempt_is_recorded_before_it_is_begun_and_the_one_before_it_is_left_over(ledger):
    """T1, D2."""
    accept(ledger, revisions=(REVISION,), tasks=(TASK,))

    first = ledger.begin_task(TASK.id, "shop", "disk", NOW, go_on=False)
    second = ledger.begin_task(TASK.id, "shop", "disk", NOW, go_on=False)

    assert (first.state, first.attempt, second.attempt) == ("running", 1, 2)
    (left,) = ledger.read(None, NOW).leftovers
    assert (left.task_id, left.attempt) == (TASK.id, 1)


def test_an_ended_task_is_not_begun_again(ledger):
    """D2: no ended slot is fired again."""
    accept(ledger, revisions=(REVISION,), tasks=(TASK._replace(state="missed", ended_at=NOW),))

    assert ledger.begin_task(TASK.id, "shop", "disk", NOW, go_on=False) is None


def test_a_good_end_makes_a_set_and_leaves_over_the_other_attempts(ledger):
    accept(ledger, revisions=(REVISION,), tasks=(TASK,))
    ledger.begin_task(TASK.id, "shop", "disk", NOW, go_on=False)
    task = ledger.begin_task(TASK.id, "shop", "disk", NOW, go_on=False)

    ledger.end_task(task._replace(state="succeeded", ended_at=NOW), NOW, SET, frozenset({2}))

    recorded = ledger.read(None, NOW)
    assert recorded.sets == (SET,)
    assert recorded.open_tasks == ()
    assert [item.attempt for item in recorded.leftovers] == [1]


def test_a_set_that_a_running_restore_needs_is_not_removed(ledger, site):
    """S3: checked again in the transaction that marks the set."""
    accept(ledger, revisions=(REVISION,), tasks=(TASK,))
    ledger.end_task(TASK._replace(state="succeeded", ended_at=NOW), NOW, SET, frozenset())
    entry = Restore("r", FromWarehouse("shop", "latest"), "other")
    ledger.record(Rows(restores=(RestoreTask("r", entry, "d", "running", NOW, backup_set=SET.id),)), NOW)

    assert ledger.begin_removal(SET, NOW) is False
    assert ledger.read(None, NOW).sets == (SET,)


def test_a_restore_does_not_begin_from_a_set_that_has_begun_to_go(ledger):
    """S3: asked in the transaction that records the beginning."""
    accept(ledger, revisions=(REVISION,), tasks=(TASK,))
    ledger.end_task(TASK._replace(state="succeeded", ended_at=NOW), NOW, SET, frozenset())
    entry = Restore("r", FromWarehouse("shop", "latest"), "other")
    begun = RestoreTask("r", entry, "d", "running", NOW, backup_set=SET.id)
    before = begun._replace(id="before")
    ledger.record(Rows(restores=tuple(item._replace(state="pending") for item in (begun, before))), NOW)

    assert ledger.begin_restore(before, NOW) is True
    ledger.save_restore(before._replace(state="succeeded", ended_at=NOW), NOW)
    assert ledger.begin_removal(SET, NOW) is True
    assert ledger.begin_restore(begun, NOW) is False
    assert ledger.read(None, NOW).restores["r"].state == "pending"


def test_a_request_that_was_edited_or_taken_out_meanwhile_does_not_begin_and_stays_as_it_is(ledger):
    """R5: the pass that records it may come between a worker's looks and its beginning."""
    accept(ledger, revisions=(REVISION,), tasks=(TASK,))
    ledger.end_task(TASK._replace(state="succeeded", ended_at=NOW), NOW, SET, frozenset())
    request = RestoreTask("r", Restore("r", FromWarehouse("shop", "latest"), "other"), "d", "pending", NOW)
    gone, edited = request._replace(id="gone", state="cancelled", ended_at=NOW), request._replace(id="edited", digest="e")
    ledger.record(Rows(restores=(gone, edited)), NOW)

    for name in ("gone", "edited"):
        begun = request._replace(id=name, state="running", backup_set=SET.id)
        assert ledger.begin_restore(begun, NOW) is False
    ledger.save_restore(request._replace(id="gone", reason="it waits"), NOW)
    assert ledger.read(None, NOW).restores == {"gone": gone, "edited": edited}


def test_what_a_worker_begins_while_a_pass_decides_is_not_written_over(ledger):
    """D2, R1, R5: the pass has read it as waiting; a run that the ledger tells as ended would be said wrongly."""
    request = RestoreTask("r", Restore("r", FromWarehouse("shop", "latest"), "other"), "d", "pending", NOW, storage="disk")
    waiting = TASK._replace(id="later", slot=NOW + timedelta(hours=1))
    accept(ledger, revisions=(REVISION,), tasks=(TASK, waiting), restores=(request,))
    ledger.end_task(TASK._replace(state="succeeded", ended_at=NOW), NOW, SET, frozenset())
    begun = request._replace(state="running", backup_set=SET.id)
    assert ledger.begin_restore(begun, NOW)
    running = ledger.begin_task(waiting.id, "shop", "disk", NOW, go_on=False)

    ledger.record(Rows(
        tasks=(waiting._replace(state="missed", ended_at=NOW),),
        restores=(request._replace(state="cancelled", ended_at=NOW),),
    ), NOW)  # fmt: skip

    recorded = ledger.read(None, NOW)
    assert (recorded.open_tasks, recorded.restores) == ((running,), {"r": begun})


def test_who_carries_a_restore_out_knows_the_old_name_and_does_not_write_it_back(ledger):
    """P8, R1."""
    request = RestoreTask("r", Restore("r", FromWarehouse("shop", "latest"), "other"), "d", "running", NOW)
    accept(ledger, restores=(request,))
    named_anew = request._replace(entry=request.entry._replace(warehouse="elsewhere"), digest="e")
    ledger.record(Rows(readdressed=(named_anew._replace(state="pending"),)), NOW)

    ledger.save_restore(request._replace(journal="begun"), NOW)

    assert ledger.read(None, NOW).restores == {"r": named_anew._replace(journal="begun")}


def test_what_a_clock_ahead_has_passed_over_counts_again_once_the_clock_is_trusted(ledger):
    """S5: it was neither missed nor skipped nor disabled at a time that has not come; what had its run has had it."""
    days = [NOW + timedelta(days=number) for number in range(-1, 5)]
    states = ("missed", "missed", "skipped", "disabled", "succeeded", "failed")
    every = [
        Task(f"shop-{day:%Y%m%dT%H%M%SZ}", "shop", day, state, 1, created_at=day, ended_at=max(day, days[0]))
        for day, state in zip(days, states, strict=True)
    ]
    every[1] = every[1]._replace(ended_at=days[-1])
    ahead = REVISION._replace(settled_until=days[-1])
    ledger.accept(DESIRED, Rows(revisions=(ahead,), tasks=tuple(every)), days[-1])

    ledger.trust_clock(days[1])

    recorded = ledger.read(DESIRED, days[1])
    assert recorded.plans["shop"].settled_until == days[1] - timedelta(seconds=1)  # so that the slot at days[1] counts
    assert recorded.ahead == {("shop", day) for day in days[4:]}
    assert ledger.recent_tasks(days[0] - timedelta(days=1)) == tuple(every[at] for at in (0, 4, 5))
    assert recorded.seen_at == days[1]


def test_a_rename_moves_history_and_sets(ledger):
    """P8."""
    accept(ledger, revisions=(REVISION,), tasks=(TASK,))
    ledger.end_task(TASK._replace(state="succeeded", ended_at=NOW), NOW, SET, frozenset())

    ledger.record(Rows(renamings=(Renaming("shop", "store"),)), NOW)

    recorded = ledger.read(None, NOW)
    assert list(recorded.plans) == ["store"]
    assert recorded.sets == (SET._replace(warehouse="store"),)
    assert recorded.last_tasks["store"].id == TASK.id


def test_a_task_that_was_renamed_while_it_ran_ends_under_its_new_name(ledger):
    """P8, D2: who carries it out knows the old one."""
    accept(ledger, revisions=(REVISION,), tasks=(TASK,))
    running = ledger.begin_task(TASK.id, "shop", "disk", NOW, go_on=False)
    ledger.record(Rows(renamings=(Renaming("shop", "store"),)), NOW)

    ledger.end_task(running._replace(state="succeeded", ended_at=NOW), NOW, SET, frozenset())

    recorded = ledger.read(None, NOW)
    assert recorded.sets == (SET._replace(warehouse="store"),)
    assert recorded.last_tasks == {"store": running._replace(state="succeeded", ended_at=NOW, warehouse="store")}


def test_overwritten_revisions_stay_readable_with_time_and_commit(ledger, place):
    """P2."""
    accept(ledger, revisions=(REVISION,))
    later = NOW + timedelta(days=2)
    ledger.record(Rows(revisions=(
        REVISION._replace(ended_at=later), REVISION._replace(revision=2, taken_over_at=later, settled_until=later),
    )), later)  # fmt: skip

    with doors.ledger_for_reading(place) as connection:
        assert reading.revisions(connection, "shop") == (
            REVISION._replace(ended_at=later),
            REVISION._replace(revision=2, taken_over_at=later, settled_until=later),
        )


def test_a_writer_that_lost_the_ledger_writes_no_more(ledger, place, tmp_path):
    """T3: the fencing number."""
    accept(ledger, revisions=(REVISION,))
    Ledger(open_to_write(place, simulated=False, resolve=secrets.resolve), place, Lease(tmp_path / "other")).close()

    with pytest.raises(LeaseHeld, match="writes no more"):
        ledger.record(Rows(tasks=(TASK,)), NOW)
    assert ledger.read(None, NOW).open_tasks == ()


def test_a_second_process_does_not_get_the_lease_and_a_killed_one_frees_it_at_once(path):
    """T3."""
    script = (
        "import sys, pathlib; from reconciler.effects.ledger import Lease;"
        "lease = Lease(pathlib.Path(sys.argv[1])); lease.__enter__(); print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"

    with pytest.raises(LeaseHeld, match=f"process {process.pid}"), Lease(path):
        pass

    process.kill()
    process.communicate()
    with Lease(path):
        pass


def test_eight_threads_write_at_once_and_nothing_is_lost(ledger):
    accept(ledger, revisions=(REVISION,))

    def write(number: int) -> None:
        for step in range(20):
            slot = NOW + timedelta(minutes=number * 100 + step)
            ledger.record(Rows(tasks=(TASK._replace(id=f"t-{number}-{step}", slot=slot),)), NOW)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ledger.read(None, NOW).open_tasks) == 160


def test_a_newer_ledger_is_refused_and_left_as_it_is(place):
    with doors.ledger_to_write(place, SystemClock(), simulated=False):
        pass
    change(place, "UPDATE meta SET content = '99' WHERE name = 'schema_version'")
    before = contents(place)

    uses = (
        lambda: doors.ledger_to_write(place, SystemClock(), simulated=False),
        lambda: doors.ledger_for_a_word(place, simulated=False),
        lambda: doors.ledger_for_reading(place),
    )
    for use in uses:
        with pytest.raises(LedgerUnusable, match="newer release"), use():
            pass
    assert contents(place) == before


def change(place, statement: str) -> None:
    """As another program would."""
    engine = sqlite.open_engine(place) if isinstance(place, Path) else server.open_engine(place, secrets.resolve)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def contents(place) -> list[tuple]:
    engine = sqlite.open_engine(place) if isinstance(place, Path) else server.open_engine(place, secrets.resolve)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text("SELECT name, content FROM meta ORDER BY name"))]
    engine.dispose()
    return found


@pytest.mark.parametrize("damage", [b"not a database at all", b"SQLite format 3\0" + b"\xff" * 200])
def test_a_damaged_ledger_is_refused_and_left_as_it_is(path, damage):
    """Never taken for an empty one."""
    path.write_bytes(damage * 30)
    before = path.read_bytes()

    for use in (lambda: open_to_write(path, simulated=False), lambda: doors.ledger_for_reading(path).__enter__()):
        with pytest.raises(LedgerUnusable, match="left as it is|not a ledger"):
            use()
    assert path.read_bytes() == before


def test_another_sqlite_database_is_not_taken_for_a_ledger(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE meta (name TEXT, content TEXT)")
    connection.close()

    with pytest.raises(LedgerUnusable, match="not a ledger"), doors.ledger_for_reading(path):
        pass


def test_the_real_clock_and_a_given_one_are_never_mixed(place):
    with doors.ledger_to_write(place, SystemClock(), simulated=True):
        pass

    with pytest.raises(Misuse, match="made with --now"), doors.ledger_to_write(place, SystemClock(), simulated=False):
        pass


def test_a_ledger_in_a_file_is_read_beside_a_live_writer(file_ledger, path):
    """The newest commit is seen, although it lies in the write-ahead log."""
    accept(file_ledger, revisions=(REVISION,), tasks=(TASK,))
    assert path.with_name("ledger.sqlite-wal").stat().st_size > 0

    with doors.ledger_for_reading(path) as connection:
        assert reading.all_tasks(connection) == (TASK,)


def test_reading_a_file_changes_no_byte(path):
    with Lease(path):
        ledger = Ledger(open_to_write(path, simulated=False), path, Lease(path))
        accept(ledger, revisions=(REVISION,), tasks=(TASK,))
        ledger.close()
    before = {item.name: item.read_bytes() for item in path.parent.iterdir()}

    with doors.ledger_for_reading(path) as connection:
        assert reading.all_tasks(connection) == (TASK,)
        with pytest.raises(Exception, match="readonly"):
            connection.execute(text("DELETE FROM tasks"))

    assert {item.name: item.read_bytes() for item in path.parent.iterdir()} == before


@pytest.mark.parametrize("writer_was_killed", [False, True])
def test_a_ledger_in_a_read_only_folder_can_be_read(path, tmp_path, writer_was_killed):
    """A folder mounted for CI to look into. Root feels permissions only without its capabilities."""
    ledger = Ledger(open_to_write(path, simulated=False), path, Lease(path))
    accept(ledger, revisions=(REVISION,), tasks=(TASK,))
    if writer_was_killed:
        copy = tmp_path / "copy"
        copy.mkdir()
        for name in ("ledger.sqlite", "ledger.sqlite-wal"):
            shutil.copy(path.with_name(name), copy / name)
        path = copy / "ledger.sqlite"
    ledger.close()
    for item in path.parent.iterdir():
        if item.is_file():
            item.chmod(0o444)
    path.parent.chmod(0o555)
    script = (
        "import sys, pathlib; from reconciler import doors; from reconciler.effects.ledger import reading\n"
        "with doors.ledger_for_reading(pathlib.Path(sys.argv[1])) as c: print(len(reading.all_tasks(c)))"
    )
    plain = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"] if os.getuid() == 0 else []
    done = subprocess.run([*plain, sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False)
    path.parent.chmod(0o755)

    assert (done.stdout, done.stderr) == ("1\n", "")


def test_wishes_and_allowances_need_no_lease(ledger, place):
    """R6, P7."""
    accept(ledger, revisions=(REVISION,), tasks=(TASK,))
    before = ledger.words()

    with doors.ledger_for_a_word(place, simulated=False) as other:
        assert wish_to_cancel(other, TASK.id, NOW) == "waiting"
        allow(other, "removals", "sha256:1", NOW)

    assert (before, ledger.words()) == ((frozenset(), 0), ({TASK.id}, 1))
    recorded = ledger.read(None, NOW)
    assert [item.subject for item in recorded.cancellations] == [TASK.id]
    assert {tuple(item) for item in recorded.allowances} == {("removals", "sha256:1")}


def test_a_wish_about_something_unknown_is_refused(ledger, place):
    with doors.ledger_for_a_word(place, simulated=False) as other:
        with pytest.raises(Misuse, match="nothing-such is neither"):
            wish_to_cancel(other, "nothing-such", NOW)


def test_where_there_is_no_ledger_none_is_made_for_a_word_or_a_look(place):
    with doors.ledger_for_a_word(place, simulated=False) as engine, doors.ledger_for_reading(place) as connection:
        assert (engine, connection) == (None, None)
    with doors.ledger_for_reading(place) as connection:
        assert connection is None


def test_names_are_told_apart_by_every_letter_and_words_of_any_length_and_alphabet_come_back(ledger):
    """Nothing is folded, cut or lost by the database's own ways with text."""
    words = "Ключ 钥匙 🔑 " + "x" * 100_000
    tasks = tuple(
        TASK._replace(id=name, slot=NOW + timedelta(hours=number), state="failed", reason=words, size_bytes=2**60)
        for number, name in enumerate(("a-1", "A-1", "ä-1"))
    )
    accept(ledger, tasks=(*tasks, TASK._replace(id="b", slot=NOW - timedelta(days=1), reason="NUL \0 and \udcff")))

    found = ledger.recent_tasks(NOW - timedelta(days=2))

    assert found[1:] == tasks
    assert found[0].reason == "NUL \N{REPLACEMENT CHARACTER} and ?"


def test_a_file_is_for_its_owner_alone(file_ledger, path):
    accept(file_ledger)

    assert {item.name: item.stat().st_mode & 0o077 for item in path.parent.iterdir() if item.is_file()
            and item.name.startswith("ledger")} == dict.fromkeys(
        [item.name for item in path.parent.glob("ledger*")], 0
    )  # fmt: skip


@pytest.fixture
def old(path):
    """A ledger of schema 1, as the release before schema 2 left it."""
    connection = sqlite3.connect(path)
    connection.executescript((Path(__file__).with_name("version-1.sql")).read_text())
    connection.close()
    return path


def test_an_older_ledger_is_brought_up_to_date_by_the_writer_with_all_that_it_holds(old):
    """T1: its fencing number goes on, so that whoever still writes under an older one is refused."""
    with doors.ledger_for_reading(old) as connection:
        before = reading.recorded(connection, DESIRED, NOW)
    assert [item.id for item in before.sets] == [TASK.id]
    with pytest.raises(LedgerUnusable, match="older release"), doors.ledger_for_a_word(old, simulated=False):
        pass

    with doors.ledger_to_write(old, SystemClock(), simulated=False) as ledger:
        assert ledger.read(DESIRED, NOW) == before
        assert ledger.begin_task("shop-20261124T020000Z", "shop", "disk", NOW, go_on=False).attempt == 1
        assert numbers(old) == [(4,)]
        assert dict(contents(old))["schema_version"] == "2"
        assert "fence" not in dict(contents(old))


def numbers(path) -> list[tuple[int]]:
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT fence FROM lease").fetchall()
    connection.close()
    return found


def test_an_upgrade_that_was_cut_short_is_made_to_its_end(old):
    """T1: a database that ends the transaction at each change of a table is left in the middle of a step."""
    connection = sqlite3.connect(old)
    connection.execute("CREATE TABLE lease (id INTEGER PRIMARY KEY, fence BIGINT, holder TEXT, ends_at BIGINT)")
    connection.close()

    with doors.ledger_to_write(old, SystemClock(), simulated=False):
        assert numbers(old) == [(4,)]


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_a_database_that_holds_something_else_is_left_alone(kind, database_server):
    server = database_server(kind)
    name = server.create()
    server.ask("CREATE TABLE tasks (id INTEGER)", name)
    place = ledger_place.parse(server.url(name))

    with pytest.raises(LedgerUnusable, match="holds something else"):
        doors.ledger_to_write(place, SystemClock(), simulated=False).__enter__()

    with doors.ledger_for_reading(place) as connection:
        assert connection is None
    assert server.ask(TABLES.format(name if kind == "mariadb" else "public"), name) == [("tasks",)]


TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = '{}'"
