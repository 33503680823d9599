"""What is asked of the server about one table before its portions and after them: definition, versions, …"""

from collections.abc import Iterable
from typing import Any

from reconciler.engines.doris import columns, ddl, ddl_text, export_portions, export_statements
from reconciler.engines.doris.export_contents import Lossy, Subject
from reconciler.engines.doris.export_portions import Partition
from reconciler.engines.doris.session import DENIED, Said, Session
from reconciler.errors import EngineFailed


def printed(session: Session, subject: Subject) -> str:
    (row,) = session.ask(export_statements.show_create("TABLE", subject.database, subject.table))
    return str(row["Create Table"])


def kept(text: str, subject: Subject) -> str:
    """A definition that was printed, as a set keeps it. Raises Lossy where it could not be replayed."""
    text = ddl.with_defaults(text, subject.defaults)
    try:
        ddl.replayable(text, subject.database, subject.table, {})
    except ValueError as error:
        raise Lossy(f"{subject.title} (its definition cannot be kept: {error})") from None
    return text


def is_other(text: str, begun: str, defaults: Iterable[tuple[str, str]]) -> bool:
    """Whether a definition that is printed now says other things than one that was kept; partitions aside."""
    try:
        now = ddl_text.without_partitions(ddl.with_defaults(text, defaults))
    except ValueError:
        return True
    return now != ddl_text.without_partitions(begun)


def refuse_other_columns(definition: str, subject: Subject) -> None:
    """The catalog and the definition must be of one moment, and the catalog must show every column."""
    told = {item.name.lower() for item in subject.columns} | {name.lower() for name in subject.generated}
    differ = told ^ {name.lower() for name in ddl.columns(definition)}
    if differ:
        raise EngineFailed(
            f"table {subject.title}: its definition and information_schema.columns do not name the same columns "
            f"({', '.join(sorted(differ))}); it was altered just now, or the user may not see them", passing=True
        )


def partitions(session: Session, subject: Subject) -> tuple[Partition, ...]:
    rows = session.ask(export_statements.show_partitions(subject.database, subject.table))
    return export_portions.listed(rows)


def tablets(session: Session, subject: Subject, names: Iterable[str]) -> dict[str, list[int]]:
    """Of each partition. None at all where the user may not see them (Doris wants ADMIN for it)."""
    try:
        return {name: _tablets(session, subject, name) for name in names}
    except Said as refusal:
        if refusal.code not in DENIED:
            raise
        return {}


def _tablets(session: Session, subject: Subject, partition: str) -> list[int]:
    """Those of the table itself, not of its rollups; every copy of one has a row."""
    dialect = session.about()
    rows = session.ask(export_statements.show_tablets(dialect, subject.database, subject.table, partition))
    return sorted({int(row["TabletId"]) for row in rows})


def sequence(session: Session, subject: Subject, kind: str | None) -> list[Any] | None:
    """The hidden column, as one of the columns; None where there is none, or the server keeps it to itself.

    Without it, later loads that come out of order may win over newer rows.
    """
    if kind is None:
        return None
    try:
        session.ask(export_statements.no_row(subject.database, subject.table, ddl.SEQUENCE))
    except Said as refusal:
        if refusal.passing:
            raise
        return None
    return list(columns.column(ddl.SEQUENCE, kind))


def next_id(session: Session, subject: Subject, definition: str) -> int | None:
    """Where a column that numbers itself shall go on."""
    column = ddl.counting_column(definition)
    if column is None:
        return None
    (row,) = session.ask(export_statements.largest(subject.database, subject.table, column))
    return int(row["largest"] or 0) + 1


def counted(session: Session, subject: Subject) -> int:
    (row,) = session.ask(export_statements.count(subject.database, subject.table))
    return int(row["amount"])


def rollups(session: Session, subject: Subject) -> list[dict[str, Any]]:
    """Those of Doris; StarRocks tells them among the materialized views."""
    if session.about().is_starrocks:
        return []
    indexes: dict[str, list[str]] = {}
    current = subject.table
    for row in session.ask(export_statements.describe_all(subject.database, subject.table)):
        current = str(row["IndexName"] or current)
        if row["Field"]:
            indexes.setdefault(current, []).append(str(row["Field"]))
    return [{"name": name, "columns": fields, "statement": _rollup(session, subject, name)}
            for name, fields in sorted(indexes.items()) if name != subject.table]  # fmt: skip


def _rollup(session: Session, subject: Subject, name: str) -> str | None:
    """The text that made it; None for one that is a choice of columns."""
    try:
        rows = session.ask(export_statements.show_create_rollup(subject.database, subject.table, name))
    except Said as refusal:
        if refusal.passing:
            raise
        return None
    return str(rows[0]["CreateStmt"] or "") or None if rows else None


def time(session: Session) -> str:
    """By the server's clock, in UTC: `2026-11-23 02:00:00`."""
    (row,) = session.ask(export_statements.SERVER_TIME)
    return str(row["server_time"])[:19]
