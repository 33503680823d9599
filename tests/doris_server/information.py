"""information_schema, made anew from the warehouse's state for each query that asks for it."""

from typing import Any

from . import column_facts, create_texts, kinds, processes
from .errors import Refused
from .tables import literal
from .warehouse import SYSTEM

ENGINES = {"OLAP": "Doris", "VIEW": "View", "MV": None}
COLUMNS = {
    "schemata": "CATALOG_NAME SCHEMA_NAME DEFAULT_CHARACTER_SET_NAME DEFAULT_COLLATION_NAME SQL_PATH",
    "tables": "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_TYPE ENGINE TABLE_ROWS DATA_LENGTH CREATE_TIME UPDATE_TIME TABLE_COMMENT",
    "columns": "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION COLUMN_DEFAULT IS_NULLABLE DATA_TYPE COLUMN_TYPE "
               "COLUMN_KEY EXTRA COLUMN_COMMENT GENERATION_EXPRESSION",
    "materialized_views": "MATERIALIZED_VIEW_ID TABLE_SCHEMA TABLE_NAME REFRESH_TYPE IS_ACTIVE MATERIALIZED_VIEW_DEFINITION",
    "active_queries": "QUERY_ID QUERY_START_TIME QUERY_TIME_MS WORKLOAD_GROUP_ID DATABASE FRONTEND_INSTANCE QUEUE_START_TIME QUEUE_END_TIME "
                      "QUERY_STATUS SQL",
    "partitions": "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME PARTITION_NAME PARTITION_ORDINAL_POSITION PARTITION_METHOD PARTITION_EXPRESSION "
                  "PARTITION_DESCRIPTION TABLE_ROWS DATA_LENGTH",
    "views": "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME VIEW_DEFINITION",
}  # fmt: skip
NUMBERS = {"TABLE_ROWS", "DATA_LENGTH", "ORDINAL_POSITION", "PARTITION_ORDINAL_POSITION"}


def fresh(session: Any, name: str) -> str:
    """The name of a DuckDB table with the rows of information_schema.<name> as this user may see them."""
    kind = name.lower()
    absent = "active_queries" if session.warehouse.dialect.starrocks else "materialized_views"
    if kind not in COLUMNS or kind == absent:
        raise Refused(f"Unknown table '{name}'", 1109)
    columns = COLUMNS[kind].split()
    rows = list(globals()[f"_{kind}"](session))
    store, made = session.warehouse.store, f"information_{kind}"
    types = ", ".join(f"{column} {'BIGINT' if column in NUMBERS else 'VARCHAR'}" for column in columns)
    store.run(f"CREATE OR REPLACE TABLE {made} ({types})")
    if rows:
        values = ", ".join(
            "(" + ", ".join("NULL" if cell is None else literal(str(cell)) for cell in row) + ")" for row in rows
        )
        store.run(f"INSERT INTO {made} VALUES {values}")
    return made


def _every(session: Any):
    for database in session.warehouse.databases.values():
        if session.user.sees(database.name):
            for table in database.tables.values():
                if session.user.sees_table(database.name, table.name):
                    yield database, table


def _schemata(session: Any):
    for name in (*SYSTEM, *(name for name in session.warehouse.databases if session.user.sees(name))):
        yield "internal", name, "utf8", "utf8_general_ci", None


def _tables(session: Any):
    """Async materialized views have no ENGINE; external tables carry their own."""
    for name in sorted(COLUMNS):
        yield "internal", "information_schema", name, "SYSTEM VIEW", "SYSTEM VIEW", 0, 0, None, None, ""
    for database, table in _every(session):
        created = table.created.strftime("%Y-%m-%d %H:%M:%S")
        rows = session.warehouse.store.count(table)
        engine = (
            "StarRocks"
            if table.kind == "OLAP" and session.warehouse.dialect.starrocks
            else ENGINES.get(table.kind, table.kind)
        )
        kind = "VIEW" if table.kind == "VIEW" else "BASE TABLE"
        yield (
            "internal",
            database.name,
            table.name,
            kind,
            engine,
            rows,
            rows * session.warehouse.row_bytes,
            created,
            created,
            "",
        )


def _columns(session: Any):
    starrocks = session.warehouse.dialect.starrocks
    for database, table in _every(session):
        for number, column in enumerate(table.definition.columns, 1):
            facts = column_facts.parse(column.rest)
            printed = create_texts.starrocks_type(column.type) if starrocks else kinds.printed(column.type).replace("text", "string")
            kind = column.type.split("(")[0].split("<")[0].lower()
            extra = "auto_increment" if facts.auto is not None else "STORED GENERATED" if facts.generated else ""
            yield ("internal", database.name, table.name, column.name, number, facts.default, "YES" if facts.nullable else "NO", kind,
                   printed, _key(table, column.name), extra, facts.comment, facts.generated or None)  # fmt: skip


def _key(table: Any, name: str) -> str:
    known = {"UNIQUE": "UNI", "PRIMARY": "PRI", "AGGREGATE": "AGG", "DUPLICATE": "DUP"}
    return known[table.definition.model] if name in table.definition.keys else ""


def _active_queries(session: Any):
    yield from processes.active(session)


def _materialized_views(session: Any):
    for database, table in _every(session):
        if table.kind == "MV":
            yield table.id, database.name, table.name, "MANUAL", "true", table.definition.query


def _partitions(session: Any):
    for database, table in _every(session):
        parts = table.definition.partitions
        predicates = table.definition.predicates(table.name) if table.kind != "VIEW" else {}
        for number, (name, predicate) in enumerate(predicates.items(), 1):
            rows = session.warehouse.store.count(table, predicate)
            yield ("internal", database.name, table.name, name, number, parts.kind or "UNPARTITIONED", parts.column or None, None,
                   rows, rows * session.warehouse.row_bytes)  # fmt: skip


def _views(session: Any):
    for database, table in _every(session):
        if table.kind == "VIEW":
            yield "internal", database.name, table.name, table.definition.query
