"""What a database holds, as the server tells it, and what of it a snapshot keeps."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from reconciler.engines.doris import statements
from reconciler.engines.doris.dialect import SYSTEM_DATABASES
from reconciler.engines.doris.session import Said, Session

GONE = frozenset({1051, 1109, 1146})
KEPT_ENGINES = frozenset({"doris", "starrocks", "olap"})


class Table(NamedTuple):
    """`kind` is table, view, materialized view, or the name of another engine. Rows and bytes are the server's own
    statistics, which may lag behind.
    """

    name: str
    kind: str
    rows: int | None
    size_bytes: int | None


def databases(session: Session) -> tuple[str, ...]:
    """All but the system's own."""
    names = (str(next(iter(row.values()))) for row in session.ask("SHOW DATABASES"))
    return tuple(sorted(name for name in names if name not in SYSTEM_DATABASES))


def catalogs(session: Session) -> tuple[str, ...]:
    """The external ones."""
    rows = session.ask("SHOW CATALOGS")
    names = ((row.get("CatalogName") or row.get("Catalog"), str(row["Type"]).lower()) for row in rows)
    return tuple(sorted(str(name) for name, kind in names if kind != "internal" and name != "default_catalog"))


def of(session: Session, database: str) -> tuple[Table, ...]:
    return tuple(map(_table, session.ask(statements.tables(database))))


def is_gone(refusal: Said) -> bool:
    """Whether the server says that it has no such table or view (any more)."""
    told = ("Unknown table", "does not exist in database")
    return refusal.code in GONE or any(words in refusal.words for words in told)


def skipped(database: str, tables: Iterable[Table]) -> tuple[str, ...]:
    """What a snapshot leaves out, in words (D7)."""
    return tuple(
        f"{database}.{table.name} ({table.kind}: a snapshot does not keep it)"
        for table in tables if table.kind not in ("table", "view")
    )  # fmt: skip


def on_list(tables: Iterable[Table]) -> tuple[str, ...] | None:
    """None where the server may take the whole database; a table of another engine would fail its statement."""
    tables = tuple(tables)
    if all(table.kind in ("table", "view", "materialized view") for table in tables):
        return None
    return tuple(table.name for table in tables if table.kind in ("table", "view"))


def _table(row: dict[str, Any]) -> Table:
    engine = str(row["ENGINE"] or "").lower()
    kind = str(row["TABLE_TYPE"]).upper()
    if "VIEW" in kind and "MATERIALIZED" not in kind:
        told = "view"
    elif kind == "BASE TABLE" and engine in KEPT_ENGINES:
        told = "table"
    else:
        told = engine if engine not in ("", "none") else "materialized view"
    return Table(str(row["TABLE_NAME"]), told, _number(row["TABLE_ROWS"]), _number(row["DATA_LENGTH"]))


def _number(value: Any) -> int | None:
    return None if value is None else int(value)
