"""Opening a ledger: to write, with its schema brought up to date, or to read beside a live writer."""

import contextlib
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from reconciler.effects.ledger import tables
from reconciler.errors import LedgerUnusable, Misuse

SIDE_FILES = ("-wal", "-shm")


def open_to_write(path: Path, *, simulated: bool) -> Engine:
    """Creates or migrates the ledger. `simulated`: made for, and only used with, `--now`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30, "check_same_thread": False})
    event.listen(engine, "connect", _durable)
    event.listen(engine, "begin", _begin_to_write)
    with readable(path), engine.begin() as connection:
        if not inspect(connection).has_table("meta"):
            _create(connection, simulated=simulated)
        _check(connection, path, simulated=simulated)
    return engine


@contextlib.contextmanager
def open_to_read(path: Path) -> Iterator[Engine]:
    """A view of the ledger that changes nothing, in a folder that may be read-only."""
    with tempfile.TemporaryDirectory(prefix="reconcile-") as scratch, readable(path):
        source = _readable_uri(path, Path(scratch))
        engine = create_engine(
            "sqlite://", creator=lambda: sqlite3.connect(source, uri=True), poolclass=StaticPool
        )
        try:
            with engine.connect() as connection:
                _check(connection, path, simulated=None)
            yield engine
        finally:
            engine.dispose()


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Says what is wrong with a ledger that cannot be used, and that nothing was done to it."""
    try:
        yield
    except DatabaseError as error:
        raise LedgerUnusable(
            f"ledger {path} cannot be used: {error.orig}. It was left as it is and nothing was started or "
            f"removed; free the disk, or restore the file from a copy, or move it away"
        ) from error


def _readable_uri(path: Path, scratch: Path) -> str:
    """Beside a writer SQLite's own read-only mode; with none, immutable; where neither works, a copy."""
    if not path.with_name(path.name + "-wal").exists():
        return f"file:{path}?mode=ro&immutable=1"
    live = f"file:{path}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(live, uri=True)) as attempt:
            attempt.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        for name in (path.name, path.name + SIDE_FILES[0]):
            shutil.copyfile(path.with_name(name), scratch / name)
        return f"file:{scratch / path.name}"
    return live


def _durable(connection: Any, record: Any) -> None:  # noqa: ARG001  the event's form
    """Write-ahead log and a sync at every commit: what is recorded stays recorded."""
    connection.isolation_level = None  # SQLAlchemy's begin event starts each transaction
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA busy_timeout = 30000")


def _begin_to_write(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _create(connection: Connection, *, simulated: bool) -> None:
    tables.metadata.create_all(connection)
    rows = {
        "schema_version": str(tables.VERSION),
        "ledger_id": uuid.uuid4().hex,
        "simulated": str(int(simulated)),
        "fence": "0",
        "seen_at": "",
        "rebuilt_at": "",
    }
    connection.execute(
        insert(tables.meta), [{"name": name, "content": text} for name, text in rows.items()]
    )  # fmt: skip


def _check(connection: Connection, path: Path, *, simulated: bool | None) -> None:
    known = {}
    if inspect(connection).has_table("meta"):
        known = {row.name: row.content for row in connection.execute(select(tables.meta))}
    if "schema_version" not in known:
        raise LedgerUnusable(f"{path} is not a ledger of the reconciler; it was left as it is")
    if int(known["schema_version"]) > tables.VERSION:
        raise LedgerUnusable(
            f"ledger {path} was written by a newer release (schema {known['schema_version']}, this one knows "
            f"{tables.VERSION}); nothing was changed, use that release or a later one"
        )
    if simulated is not None and known["simulated"] != str(int(simulated)):
        raise Misuse(
            f"ledger {path} lives by the real clock, so --now cannot be used with it"
            if simulated
            else f"ledger {path} was made with --now and can only be used with it; give another --ledger"
        )


def ledger_exists(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0
