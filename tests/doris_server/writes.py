"""INSERT: what goes into which column, what strict mode refuses, the transaction around it."""

import contextlib
from typing import Any, NamedTuple

from . import groups, processes, queries, staging, transactions
from .answers import Done
from .errors import Refused, unknown_database
from .words import Reader


class Head(NamedTuple):
    """INSERT INTO target [PARTITION (p, …)] [WITH LABEL l] [(columns)], and the rest of the statement."""

    target: tuple[str, ...]
    partitions: tuple[str, ...]
    label: str | None
    columns: tuple[str, ...]
    rest: str


def insert(session: Any, sql: str) -> Done:
    reader = Reader(sql, session.warehouse.dialect.starrocks)
    reader.expect("INSERT")
    if not reader.take("INTO"):
        reader.expect("OVERWRITE")
    if session.warehouse.dialect.starrocks and reader.sees("FILES", "("):
        from . import unload

        return unload.run(session, reader)
    return _insert(session, _head(reader))


def _head(reader: Reader) -> Head:
    target = reader.qualified()
    chosen = reader.listed(reader.name) if reader.take("PARTITION") or reader.take("PARTITIONS") else ()
    label = reader.name() if reader.take("WITH", "LABEL") else None
    columns: tuple[str, ...] = ()
    if reader.sees("(") and not reader.sees("(", "SELECT"):
        columns = reader.listed(reader.name)
    if reader.starrocks and reader.take("PROPERTIES"):
        reader.properties()
    return Head(target, chosen, label, columns, reader.sql[reader.next.start :].strip().rstrip(";"))


def _insert(session: Any, head: Head) -> Done:
    warehouse = session.warehouse
    database, name = session.place(tuple(part for part in head.target if part not in queries.INTERNAL or len(head.target) < 3))
    if database.name not in warehouse.databases:
        raise unknown_database(database.name)
    table = session.table_to_write(database.name, name)
    if head.label and session.variables.get("group_commit", "off_mode") != "off_mode":
        raise Refused("group commit is not supported with label", 1105)  # #35726
    transactions.refuse_used(session, database, head.label)
    session.from_files = False
    source = queries.values(session, head.rest)
    groups.work(session, "load" if session.from_files else "insert", f"{database.name}.{name}")
    transaction = transactions.begin(session, database, name, head.label)
    try:
        staged = staging.stage(session, table, head.columns, source)
        processes.pause(session, "prepare")
        transactions.commit(session, transaction, lambda: None)
    except Refused as refused:
        transactions.abort(warehouse, transaction, refused.text)
        raise
    return _published(session, table, transaction, staged, head.partitions)


def _published(session: Any, table: Any, transaction: Any, staged: str, chosen: tuple[str, ...]) -> Done:
    """The rows are in the table when the transaction is VISIBLE."""
    warehouse = session.warehouse
    transaction.rows = warehouse.store.run(f"SELECT count(*) FROM {staged}").fetchone()[0]
    transaction.publish = lambda: staging.publish(warehouse, table, staged)
    if warehouse.faults.late:
        warehouse.faults.late -= 1
        session.scratch.remove(staged)
        return Done(transaction.rows, transaction.told())
    with contextlib.suppress(Refused):  # a committed load can no longer be ended
        processes.pause(session, "committed")
    transactions.make_visible(warehouse, transaction)
    return Done(transaction.rows, transaction.told())
