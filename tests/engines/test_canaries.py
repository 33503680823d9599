"""F41 and GR11: no secret is in anything that this product writes or says, whatever goes wrong and whoever says it.

Each path is a day of one installation: something is made to go wrong, the pass of that day runs, and everything that
came of it is searched for the secrets: what was said, tracebacks, status, ledger, its log, and every object in storage.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
from datetime import timedelta
from pathlib import Path

import pytest
import seaweed
from told import status

from reconciler import secrecy
from reconciler.config import load
from reconciler.core import instants

PASSWORD, LAKE = "canary-password-48151623", 'canary-"lake"-\\48151623'
SECRETS = (PASSWORD, seaweed.SECRET_KEY, LAKE)
FORMS = {form.encode() for secret in SECRETS for form in (secret, secret.replace("\\", "\\\\").replace('"', '\\"'))}
ECHO = f'errCode = 2, detailMessage = syntax error near "s3.secret_key" = "{seaweed.SECRET_KEY}", "password" = "{PASSWORD}"'
STATEMENTS = (
    "^CREATE (READ ONLY )?REPO", "^BACKUP", "^SHOW BACKUP", "^SHOW REPO", "^DROP REPO", "^SHOW CATALOGS", "^SHOW CREATE CATALOG", "^USE", "^SET",
    "information_schema.tables", "^SHOW (PROC|FRONTENDS|BACKENDS)", "^SELECT @@version_comment", "^SHOW DATABASES",
)  # fmt: skip
RESTORING = ("^CREATE READ ONLY REPO", "^CREATE DATABASE", "^RESTORE", "^SHOW RESTORE", "^CREATE (EXTERNAL )?CATALOG", "^DROP REPO")
CODES = (1064, 1105)


class Watched:
    """The installation, and the search through all that it leaves."""

    def __init__(self, at, monkeypatch, *more: str) -> None:
        self.at, self.site, self.environment = at, at.site, monkeypatch
        self.forms = FORMS | {secret.encode() for secret in more}
        self.day = instants.parse("2026-11-23T02:00:00Z")
        self.paths = 0
        self.met = 0  # paths in which an error was told at all

    def a_day(self, name: str) -> None:
        """The pass of the next slot, and the search."""
        self.day += timedelta(days=1)
        self.site.said.clear()
        told = ""
        try:
            self.site.apply(self.day)
        except Exception:  # noqa: BLE001  whatever it is, its traceback is searched
            told = traceback.format_exc()
        said = "\n".join(map(str, self.site.said)) + told
        self.met += "failed" in said or "waits" in said or "error" in said.lower()
        self.search(name, said.encode())

    def search(self, name: str, *told: bytes) -> None:
        places = {"said": b"\n".join(told)}
        places |= {path.name: path.read_bytes() for path in self.site.folder.glob("*") if path.is_file()}
        leaks = [place for place, content in places.items() for form in self.forms if form in content]
        assert leaks == [], f"{name}: {leaks}"
        self.paths += 1

    def search_storage(self) -> None:
        client = seaweed.client(self.at.s3)
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=seaweed.BUCKET, Prefix=f"{self.at.prefix}/"):
            for item in page.get("Contents", ()):
                content = client.get_object(Bucket=seaweed.BUCKET, Key=item["Key"])["Body"].read()
                assert not [form for form in self.forms if form in content], item["Key"]

    def outcome(self, restore: str) -> tuple[str, str]:
        (task,) = [task for task in status(self.site)["restore_tasks"] if task["id"] == restore]
        return task["state"], task["message"]


@pytest.fixture
def watched(warehouses, monkeypatch):
    monkeypatch.setenv("CANARY_PASSWORD", PASSWORD)
    monkeypatch.setenv("CANARY_LAKE", LAKE)
    at = warehouses()
    for server in (at.source, at.target):
        server.add_user("keeper", PASSWORD, admin=True)
    for name in ("shop", "other"):
        at.site.document["warehouses"][name] |= {"user": "keeper", "password": {"env": "CANARY_PASSWORD"}}
    at.source.sql('CREATE CATALOG lake PROPERTIES ("type" = "jdbc", "jdbc.password" = "hidden")')
    at.site.plan["objects"] = {"databases": ["*"], "external_catalogs": ["lake"]}
    at.site.document["warehouses"]["shop"]["plan"] |= {"objects": at.site.plan["objects"], "timeout": "10m"}
    at.site.write()
    return Watched(at, monkeypatch)


def test_a_server_that_repeats_its_statement_tells_no_secret(watched):
    """At each statement of a backup and of a restore, as an error of the statement and as one of the server: 39 paths."""
    at = watched.at
    for code in CODES:
        for statement in STATEMENTS:
            at.source.faults.answer(statement, code, ECHO)
            watched.a_day(f"{statement} {code}")
            at.source.faults.traps.clear()
    watched.a_day("a good one")
    secret = {"env": "CANARY_LAKE"}
    for code in CODES:
        for number, statement in enumerate(RESTORING):
            at.site.restore(
                f"r-{code}-{number}", databases={"sales": f"copy_{code}_{number}"}, external_catalogs=["lake"],
                catalog_secrets={"lake": {"jdbc.password": secret}}, restore_properties={"replication_num": 1},
            )  # fmt: skip
            at.target.faults.answer(statement, code, f"{ECHO} and {LAKE}")
            watched.a_day(f"{statement} {code}")
            at.target.faults.traps.clear()

    assert watched.paths == 2 * len(STATEMENTS) + 1 + 2 * len(RESTORING)
    assert watched.met >= 25
    watched.search_storage()


def test_jobs_storages_and_references_that_fail_tell_no_secret(watched):
    """Jobs that a server ends, stores that refuse it, references that lead to something else: 14 paths."""
    at, environment = watched.at, watched.environment
    for state in ("SNAPSHOTING", "UPLOADING", "UPLOAD_INFO"):
        at.source.faults.fail_job(state, ECHO)
        watched.a_day(f"job {state}")
    for text in ("Access Denied", ECHO):
        at.source.faults.s3 = text
        watched.a_day(f"S3 refuses the server: {text[:10]}")
        at.source.faults.s3 = ""
    for name, value in (("DORIS_TEST_SECRET", "canary-wrong"), ("DORIS_TEST_ACCESS", "canary-nobody"), ("DORIS_TEST_SECRET", f"{seaweed.SECRET_KEY}\nx"),
                        ("DORIS_TEST_ACCESS", "two\nlines"), ("CANARY_PASSWORD", f"{PASSWORD}x"), ("CANARY_PASSWORD", "")):  # fmt: skip
        with environment.context() as changed:
            changed.setenv(name, value)
            _forget_clients()
            watched.a_day(f"{name} {value!r}")
        _forget_clients()
    for key, value in (("port", 1), ("tls", {}), ("hosts", ["no-such-host.invalid"])):
        entry = at.site.document["warehouses"]["shop"]
        before = dict(entry)
        entry[key] = value
        at.site.write()
        watched.a_day(f"{key} {value}")
        at.site.document["warehouses"]["shop"] = before
        at.site.write()
    assert (watched.paths, watched.met >= 12) == (14, True)


@pytest.mark.parametrize(("product", "version", "statements"), [
    ("doris", "3.0.3", ("^INSERT", "^SELECT COUNT.* S3")), ("starrocks", "3.4.0", ("^INSERT", "^SELECT COUNT.* FILES")),
])  # fmt: skip
def test_a_server_that_repeats_the_statement_of_a_load_tells_no_key(warehouses, monkeypatch, product, version, statements):
    """Loads of exports carry keys, and so does the look at what casts would lose: 4 paths."""
    at = warehouses(product, version)
    at.source.sql("CREATE TABLE sales.timed (id INT NOT NULL, at DATETIME) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
    at.source.sql("INSERT INTO sales.timed VALUES (1, '2026-01-01 00:00:00')")
    at.site.plan["method"] = "export"
    at.site.write()
    at.site.apply("2026-11-23T01:00:00Z")
    watched = Watched(at, monkeypatch, seaweed.ACCESS_KEY)
    watched.a_day("the backup")
    for code in CODES:
        for number, statement in enumerate(statements):
            name = f"r-{code}-{number}"
            at.site.restore(name, databases={"sales": f"copy_{code}_{number}"})
            at.target.faults.repeat(statement, code, times=9)
            watched.a_day(f"{statement} {code}")
            at.target.faults.traps.clear()
            state, words = watched.outcome(name)
            assert (state, "could not be carried out: " in words, '_key"="***"' in words) == ("failed", True, True), words
    assert watched.paths == 1 + 2 * len(statements)
    watched.search_storage()


def _forget_clients() -> None:
    from reconciler import doors

    doors._open.cache_clear()


def test_commands_and_their_processes_show_no_secret(watched):
    """Standard output and error of the real commands, a kill, and the command lines of all processes: 8 paths."""
    at, site = watched.at, watched.site
    at.source.faults.answer("^SHOW", 1105, f"{ECHO[:60]} {PASSWORD}", times=50)  # what this process has read itself
    for words in (("--dry-run", "--connect"), ("--dry-run", "--connect", "--format", "json"), ("apply",), ("status",), ("backups",),
                  ("validate", "plans.yaml"), ("rebuild", "--dry-run")):  # fmt: skip
        ran = site.run(*words, now="2026-11-24T02:00:00Z")
        watched.search(" ".join(words), ran.out.encode(), ran.err.encode())
    at.source.faults.traps.clear()
    at.source.faults.hang("^BACKUP")
    process = site.start("apply", now="2026-11-25T02:00:00Z")
    (trap,) = at.source.faults.traps
    while trap.times and process.poll() is None:
        threading.Event().wait(0.01)
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _is_below(path, process.pid)]
    process.send_signal(signal.SIGKILL)
    out, err = process.communicate()
    at.source.faults.release()
    watched.search("a kill", out.encode(), err.encode(), *lines)
    assert (watched.paths, lines != []) == (8, True)


def _is_below(path: Path, parent: int) -> bool:
    try:
        return int(path.parent.name) == parent or f"PPid:\t{parent}\n" in (path.parent / "status").read_text()
    except OSError:
        return False


def test_no_value_of_the_configuration_holds_a_secret(watched):
    """It has references; what they lead to is read at the moment of use."""
    loaded = load.load(watched.site.paths.plans)

    shown = pickle.dumps(loaded) + repr(loaded).encode()
    assert loaded.desired is not None
    assert b"CANARY_PASSWORD" in shown
    assert not [form for form in FORMS if form in shown]


def test_a_child_that_needs_no_secret_has_none_in_its_environment(monkeypatch):
    from reconciler.engines import duckdb_process

    monkeypatch.setenv("CANARY_PASSWORD", PASSWORD)
    monkeypatch.setattr(duckdb_process, "CHILD", (sys.executable, "-c", "import os; print(dict(os.environ))"))
    with duckdb_process._child() as child:
        told = child.stdout.read()

    assert "PATH" in told
    assert PASSWORD not in told
    assert PASSWORD in subprocess.run(["env"], capture_output=True, text=True, check=True, env=dict(os.environ)).stdout


def test_a_known_secret_is_hidden_in_each_way_that_it_may_be_written():
    secrecy.remember(LAKE)
    for form in FORMS:
        assert 'canary-"lake' not in secrecy.hidden(f"near {LAKE} and {form.decode()}").replace("\\", "")
