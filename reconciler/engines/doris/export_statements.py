"""The statements of the method `export`. Forms checked against DorisParser.g4 (2026-01)."""

from collections.abc import Iterable

from reconciler.core.ports import ObjectLocation
from reconciler.engines.doris import columns as types
from reconciler.engines.doris.columns import Column
from reconciler.engines.doris.statements import name, properties, text

FILE_SIZE = "1024MB"


def settings(seconds: int) -> tuple[str, ...]:
    """For every connection: bad rows fail a load, hidden rows stay hidden, labels are kept, time is enough."""
    return (
        f"SET query_timeout = {seconds}", f"SET insert_timeout = {seconds}", "SET enable_insert_strict = true",
        "SET show_hidden_columns = false", "SET group_commit = 'off_mode'",
    )  # fmt: skip


def show_create(kind: str, database: str, table: str) -> str:
    """`kind` is TABLE or VIEW."""
    return f"SHOW CREATE {kind} {name(database)}.{name(table)}"


def columns(database: str, table: str) -> str:
    return (
        "SELECT COLUMN_NAME, COLUMN_TYPE, GENERATION_EXPRESSION "  # noqa: S608  all quoted
        f"FROM information_schema.columns WHERE TABLE_SCHEMA = {text(database)} AND TABLE_NAME = {text(table)} "
        "ORDER BY ORDINAL_POSITION"
    )


def outfile(
    database: str, table: str, chosen: tuple[Column, ...], location: ObjectLocation, folder: str,
    storage: Iterable[tuple[str, str]],
) -> str:  # fmt: skip
    """One table, one statement, one snapshot."""
    target = f"s3://{location.bucket}/{location.prefix}{folder}part-"
    pairs = (*storage, ("compress_type", "zstd"), ("max_file_size", FILE_SIZE))
    return (
        f"SELECT {types.selected(chosen)} FROM {name(database)}.{name(table)} "  # noqa: S608  all quoted
        f"INTO OUTFILE {text(target)} FORMAT AS PARQUET {properties(pairs)}"
    )


def load(
    database: str, table: str, label: str, chosen: tuple[Column, ...], uri: str, storage: Iterable[tuple[str, str]]
) -> str:
    given = (("uri", uri), ("format", "parquet"), *storage)
    pairs = ", ".join(f"{text(key)}={text(value)}" for key, value in given)
    names = ", ".join(name(item.name) for item in chosen)
    return (
        f"INSERT INTO {name(database)}.{name(table)} WITH LABEL {name(label)} ({names}) "  # noqa: S608  all quoted
        f"SELECT {types.loaded(chosen)} FROM S3({pairs})"
    )


def count(database: str, table: str) -> str:
    return f"SELECT COUNT(*) AS amount FROM {name(database)}.{name(table)}"  # noqa: S608  all quoted


def show_transaction(database: str, label: str) -> str:
    return f"SHOW TRANSACTION FROM {name(database)} WHERE LABEL = {text(label)}"
