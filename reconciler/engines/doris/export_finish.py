"""What stands on restored tables: functions, rollups, views and materialized views, and properties that act.

Everything here may have been done by an earlier run: it is asked for so that a second time changes nothing.
"""

import re
from collections.abc import Callable
from typing import Any

from reconciler.core.ports import Watch
from reconciler.engines.doris import ddl, export_statements, replay, replicas
from reconciler.engines.doris.export_check import Part
from reconciler.engines.doris.session import Said, Session
from reconciler.errors import EngineFailed

UNKNOWN = re.compile(r"unknown (?:table )?propert", re.IGNORECASE)
PAUSE = 2.0  # seconds; a table makes one rollup at a time
BUSY = ("not normal", "state(rollup)", "state is rollup", "schema_change", "under alter", "is rollup")


def run(
    session: Session, parts: tuple[Part, ...], given: dict[str, str], nodes: int | None, watch: Watch
) -> None:
    """In databases whose rows are complete, at a target with so many nodes. Raises EngineFailed, naming what cannot
    be made.
    """
    for part in parts:
        _make_functions_and_rollups(session, part, watch)
    _make(session, "views", _views(parts, given, nodes, starrocks=session.about().is_starrocks))
    for part in parts:
        for record in part.inventory["tables"]:
            for pair in ddl.held_back(record["statement"], given).items():
                _set(session, part.place.target, record["name"], pair)


def _set(session: Session, database: str, table: str, pair: tuple[str, str]) -> None:
    """One at once: servers take no more. What they do not know is left out, as in a definition."""
    try:
        session.tell(export_statements.alter_properties(database, table, [pair]))
    except Said as refusal:
        if not UNKNOWN.search(refusal.words):
            raise


def _make_functions_and_rollups(session: Session, part: Part, watch: Watch) -> None:
    database = part.place.target
    _make(session, "functions", [
        (f"{database}.{item['name']}", replay.function(item["statement"], database))
        for item in part.inventory["functions"]
    ])  # fmt: skip
    for record in part.inventory["tables"]:
        for item in record["rollups"]:
            _make_rollup(session, database, record["name"], item, watch)


def _views(
    parts: tuple[Part, ...], given: dict[str, str], nodes: int | None, *, starrocks: bool
) -> list[tuple[str, str]]:
    """Of both kinds and all databases, since they may stand on each other: each one's title and statement."""
    moved = {part.source: part.place.target for part in parts}
    copies = {key: value for key, value in given.items() if key.startswith("replication")}
    plain = [(part.place.target, item) for part in parts for item in part.inventory["views"]]
    filled = [(part.place.target, item) for part in parts for item in part.inventory["materialized_views"]]
    found = [(f"{database}.{item['name']}", replay.view(item["statement"], moved, database, item["name"]))
             for database, item in plain]  # fmt: skip
    return found + [(f"{database}.{item['name']}", replay.materialized_view(
        item["statement"], moved, database, item["name"],
        replicas.properties(item["statement"], nodes, copies), starrocks=starrocks,
    )) for database, item in filled]  # fmt: skip


def _make(session: Session, kind: str, waiting: list[tuple[str, str]]) -> None:
    """As often as one more could be made: they may need each other, in any order."""
    while waiting:
        failed, last = _tried(session.tell, waiting)
        if len(failed) == len(waiting):
            names = ", ".join(name for name, _ in failed)
            raise EngineFailed(f"all rows are there, but {kind} {names} cannot be made: {last}")
        waiting = failed


def _tried(tell: Callable[[str], Any], waiting: list[tuple[str, str]]) -> tuple[list[tuple[str, str]], str]:
    """Those that could not be made, and the server's last word on one."""
    failed, last = [], ""
    for name, statement in waiting:
        try:
            tell(statement)
        except Said as refusal:
            if refusal.passing:
                raise
            failed.append((name, statement))
            last = str(refusal)
    return failed, last


def _make_rollup(session: Session, database: str, table: str, item: dict[str, Any], watch: Watch) -> None:
    """Its rows are made by the server afterwards; only that it is begun is waited for."""
    statement = replay.rollup(item["statement"], tuple(item["columns"]), database, table, item["name"])
    while item["name"] not in _indexes(session, database, table):
        try:
            session.tell(statement)
        except Said as refusal:
            words = refusal.words.lower()
            if "already exist" in words or "duplicate" in words:
                return
            if not any(part in words for part in BUSY):
                raise
            watch.pause(PAUSE)
        else:
            return


def _indexes(session: Session, database: str, table: str) -> set[str]:
    rows = session.ask(export_statements.describe_all(database, table))
    return {str(row["IndexName"]) for row in rows}
