"""Statements that run: pausing them in their middle, listing them, ending them."""

import contextlib
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .answers import Rows, table
from .errors import Refused

COLUMNS = "CurrentConnected Id User Host LoginTime Catalog Db Command Time State QueryId TraceId Info FE CloudCluster"
STARROCKS_COLUMNS = "Id User Host Db Command ConnectionStartTime Time State Info IsPending Warehouse"
SHORT = 100  # characters of Info without FULL


@dataclass
class Running:
    sql: str
    started: datetime
    trap: Any = None
    query_id: str = field(default_factory=lambda: f"{uuid.uuid4().hex[:16]}-{uuid.uuid4().hex[:16]}")
    killed: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def elsewhere(session: Any) -> Iterator[None]:
    """For the way to S3 and back: the warehouse goes on meanwhile."""
    if session.running is None:
        yield
        return
    session.warehouse.lock.release()
    try:
        yield
    finally:
        session.warehouse.lock.acquire()


def pause(session: Any, at: str) -> None:
    """Where a statement may be held, or ended. The warehouse goes on without it meanwhile."""
    running = session.running
    if running is None:
        return
    if running.trap is not None and running.trap.holds(at):
        running.trap.reached.set()
        with elsewhere(session):
            while not (session.warehouse.faults.released.is_set() or running.killed.is_set() or _is_over(session)):
                running.killed.wait(0.01)
    if _is_over(session):
        raise Refused("query timeout", 1105)
    if running.killed.is_set():
        raise Refused("cancel query by user from 127.0.0.1:9030", 1105)


def _is_over(session: Any) -> bool:
    """query_timeout, for INSERT also insert_timeout if it is longer."""
    seconds = int(session.variables["query_timeout"])
    if session.running.sql.lstrip()[:6].upper() == "INSERT":
        seconds = max(seconds, int(session.variables["insert_timeout"]))
    return session.warehouse.clock.now - session.running.started > timedelta(seconds=seconds)


def kill(session: Any, who: str, query_only: bool) -> None:
    """By a connection's number on the same frontend, or by a query's or trace's id on any."""
    found = [other for other in session.warehouse.sessions.values() if _meant(other, who, session.frontend)]
    if not found:
        raise Refused(f"Unknown thread id: {who}", 1094)
    for other in found:
        if other.user.name != session.user.name:
            session.user.needs_admin()
        if other.running:
            other.running.killed.set()
        if not query_only and other.cut:
            other.cut()


def _meant(other: Any, who: str, frontend: int) -> bool:
    if who.isdigit():
        return other.number == int(who) and other.frontend == frontend
    return bool(other.running) and who in {other.running.query_id, other.trace}


def shown(session: Any, full: bool) -> Rows:
    """CloudCluster is only the policy's choice, NULL after USE @g."""
    starrocks = session.warehouse.dialect.starrocks
    row = _starrocks_row if starrocks else _row
    seen = (other for other in session.warehouse.sessions.values()
            if (session.user.admin or other.user.name == session.user.name) and (_shows_all(session) or other.frontend == session.frontend))
    return table(STARROCKS_COLUMNS if starrocks else COLUMNS, [row(session, other, full) for other in seen])


def _shows_all(session: Any) -> bool:
    dialect = session.warehouse.dialect
    name = "fetch_all_fe_for_system_table" if dialect.has("-all_frontends") else "show_all_fe_connection"
    return not dialect.starrocks and session.variables[name] in {"true", "1"}


def _row(session: Any, other: Any, full: bool) -> tuple:
    running = other.running
    info = (running.sql if full else running.sql[:SHORT]) if running else ""
    return ("Yes" if other is session else "No", other.number, other.user.name, "127.0.0.1:9030", "2026-01-01 00:00:00",
            other.catalog, other.database or "", "Query" if running else "Sleep", _seconds(session, running), "OK",
            running.query_id if running else "", other.trace, info, f"fe_{other.frontend}",
            other.user.default_group or "NULL")  # fmt: skip


def _starrocks_row(session: Any, other: Any, full: bool) -> tuple:
    running = other.running
    info = (running.sql if full else running.sql[:SHORT]) if running else ""
    return (other.number, other.user.name, "127.0.0.1:9030", other.database or "", "Query" if running else "Sleep",
            "2026-01-01 00:00:00", _seconds(session, running), "OK", info, "false", other.variables["warehouse"])  # fmt: skip


def _seconds(session: Any, running: Running | None) -> int:
    return int((session.warehouse.clock.now - running.started).total_seconds()) if running else 0


def active(session: Any):
    """information_schema.active_queries"""
    for other in session.warehouse.sessions.values():
        if other.running:
            yield (other.running.query_id, other.running.started.strftime("%Y-%m-%d %H:%M:%S"),
                   _seconds(session, other.running) * 1000, 1, other.database or "", f"fe_{other.frontend}", None, None,
                   "RUNNING", other.running.sql)  # fmt: skip
