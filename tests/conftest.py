"""What many tests need: a folder with plans and real DuckDB files, a clock that only moves when told, commands."""

import contextlib
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb
import hypothesis
import pytest
import yaml

from reconciler import once
from reconciler.core import instants
from reconciler.core.model import S3Storage
from reconciler.storage.s3 import S3Store

sys.path.insert(0, str(Path(__file__).parent / "servers"))
sys.path.insert(0, str(Path(__file__).parent))  # for the package doris_server
import database
import seaweed

hypothesis.settings.register_profile("stable", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.load_profile("stable")

RECONCILE = Path(sys.executable).with_name("reconcile")
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)


class TestClock:
    """The Clock port: stands still, but for pauses, which it makes pass at once."""

    __test__ = False

    def __init__(self, now: datetime) -> None:
        self.time = now
        self.paused: list[float] = []
        self.jumped = timedelta()

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp() - self.jumped.total_seconds()

    def jump(self, amount: timedelta) -> None:
        """Somebody sets the clock."""
        self.time += amount
        self.jumped += amount

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.time += timedelta(seconds=seconds)


class Ran(NamedTuple):
    code: int
    out: str
    err: str


class Site:
    """One installation in a folder: plans, two DuckDB warehouses, a local storage, a ledger, a status file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = once.Paths(folder / "plans.yaml", folder / "ledger.sqlite", folder / "status.json")
        self.said: list[str] = []
        self.clock = TestClock(MONDAY)
        self.document: dict = {
            "version": 1,
            "installation": "test",
            "storages": {"disk": {"local": {"path": "backups"}}},
            "warehouses": {
                "shop": {
                    "engine": "duckdb", "path": "shop", "storage": "disk",
                    "plan": {
                        "periodic": {"backup_every": ["monday", "tuesday", "wednesday", "thursday", "friday",
                                                      "saturday", "sunday"], "start_time": "02:00"},
                        "objects": {"databases": ["*"]},
                        "retention_days": 7,
                    },
                },
                "other": {"engine": "duckdb", "path": "other"},
            },
        }  # fmt: skip
        for name in ("shop", "other"):
            (folder / name).mkdir()
        self.write()

    @property
    def plan(self) -> dict:
        return self.document["warehouses"]["shop"]["plan"]

    @property
    def set_folders(self) -> list[str]:
        """The tasks that have a manifest."""
        return sorted(path.parent.name for path in (self.folder / "backups").glob("test/*/*/manifest.json"))

    @property
    def files(self) -> list[str]:
        """Every file in the storage, but for the ledger's mark."""
        root = self.folder / "backups"
        found = (str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
        return sorted(name for name in found if not name.endswith("/.ledger.json"))

    def write(self) -> None:
        self.paths.plans.write_text(yaml.safe_dump(self.document, sort_keys=False))

    def rename(self, old: str, new: str) -> None:
        self.document["warehouses"][new] = self.document["warehouses"].pop(old) | {"previous_name": old}
        self.write()

    def restore(self, name: str, **fields: object) -> None:
        """Adds a request; by default `latest` of shop into other."""
        entry = {"id": name, "from": {"warehouse": "shop", "backup_set": "latest"}, "to": {"warehouse": "other"}}
        self.document.setdefault("restores", []).append(entry | fields)
        self.write()

    def database(self, name: str = "sales", rows: int = 1000, warehouse: str = "shop") -> Path:
        path = self.folder / warehouse / f"{name}.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute(
                f"CREATE TABLE t AS SELECT i, 'value ' || i AS v, i / 7 AS d FROM range({rows}) r(i)"
            )
        return path

    def apply(self, now: str | datetime | None = None) -> once.Outcome:
        """One pass in this process, at an instant or at the clock's own."""
        if now is not None:
            self.clock.time = instants.parse(now) if isinstance(now, str) else now
        return once.apply(self.paths, self.clock, self.said.append, lambda _: None, simulated=True)

    def run(self, *words: str, now: str | None = None, timeout: float = 60, **environment: str) -> Ran:
        """The real command in a process of its own."""
        arguments = [RECONCILE, *(("--now", now) if now else ()), *words]
        done = subprocess.run(
            arguments, cwd=self.folder, capture_output=True, text=True, timeout=timeout, check=False,
            env=os.environ | {"RECONCILE_FILE": "plans.yaml"} | environment,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str, now: str | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [RECONCILE, *(("--now", now) if now else ()), *words], cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"RECONCILE_FILE": "plans.yaml"},
        )  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def shop(site: Site) -> Site:
    """A site whose warehouse shop has a database, and whose plans were taken over on Monday at 00:00 UTC."""
    site.database()
    site.apply(MONDAY)
    return site


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory) -> Iterator[seaweed.Seaweed]:
    """A real S3 server for the session."""
    with seaweed.seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture(scope="session")
def database_server() -> Iterator[Callable[[str], database.Database]]:
    """A server of the kind, postgresql or mariadb, started when it is first asked for and stopped with the session."""
    with contextlib.ExitStack() as stack:
        started: dict[str, database.Database] = {}

        def server(kind: str) -> database.Database:
            if kind not in started:
                started[kind] = stack.enter_context(database.database(kind))
            return started[kind]

        yield server


@pytest.fixture
def s3_store(s3_server) -> Callable[..., S3Store]:
    """Makes stores below a prefix of the test's own."""
    prefix = f"tests/{uuid.uuid4().hex}"

    def make(**changes: object) -> S3Store:
        declared = S3Storage("bucket", seaweed.BUCKET, prefix, None, s3_server.endpoint)._replace(**changes)
        return S3Store(declared, lambda: (seaweed.ACCESS_KEY, seaweed.SECRET_KEY))

    return make


@pytest.fixture
def doris() -> Iterator[Callable]:
    """Starts stand-ins for Doris and StarRocks (the arguments of DorisServer); they end with the test."""
    from doris_server import DorisServer

    with contextlib.ExitStack() as stack:
        yield lambda *words, **more: stack.enter_context(DorisServer(*words, **more))


@pytest.fixture
def rows() -> Callable[[Path], list]:
    """All rows of table t of a database file."""

    def read(path: Path) -> list:
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute("FROM t ORDER BY ALL").fetchall()

    return read
