"""Connections to a ledger in a file: durable ones to write, and others that read beside a live writer."""

import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

SIDE_FILES = ("-wal", "-shm")


def open_engine(path: Path) -> Engine:
    """Makes the file where there is none, for its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 30, "check_same_thread": False})
    event.listen(engine, "connect", _durable)
    event.listen(engine, "begin", _begin_to_write)
    return engine


def open_to_read(path: Path, scratch: Path) -> Engine:
    """Changes nothing, in a folder that may be read-only; `scratch` is for a copy where it must be one."""
    source = _readable_uri(path, scratch)
    return create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(source, uri=True), poolclass=StaticPool
    )


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
