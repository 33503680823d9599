"""Every statement that the snapshots of this family need, and the one way in which names and texts are quoted.

Forms as in the grammars of Doris (DorisParser.g4, 2026-01) and StarRocks (docs of 3.5); a test writes them all out
to tests/engines/statements-*.sql, to be checked against the real grammars.
"""

from collections.abc import Iterable

from reconciler.core.ports import ObjectLocation


def name(identifier: str) -> str:
    """An identifier in back-quotes, inside which a back-quote is doubled."""
    return "`" + identifier.replace("`", "``") + "`"


def text(value: str) -> str:
    """A string in double quotes with backslash escapes, which hold while sql_mode lacks NO_BACKSLASH_ESCAPES."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def properties(pairs: Iterable[tuple[str, str]]) -> str:
    return "PROPERTIES (" + ", ".join(f"{text(key)} = {text(value)}" for key, value in pairs) + ")"


def create_repository(
    repository: str, location: ObjectLocation, pairs: Iterable[tuple[str, str]], *, kind: str, scheme: str,
    read_only: bool,
) -> str:  # fmt: skip
    place = f"{scheme}://{location.bucket}/{location.prefix.rstrip('/')}"
    word = "READ ONLY " if read_only else ""
    return f"CREATE {word}REPOSITORY {name(repository)} WITH {kind} ON LOCATION {text(place)} {properties(pairs)}"


def drop_repository(repository: str) -> str:
    return f"DROP REPOSITORY {name(repository)}"


def backup(
    database: str, label: str, repository: str, tables: tuple[str, ...] | None, pairs: Iterable[tuple[str, str]]
) -> str:
    """`tables` None means all; else an ON list."""
    return (
        f"BACKUP SNAPSHOT {name(database)}.{name(label)} TO {name(repository)}{_on(tables)} {properties(pairs)}"
    )


def restore(
    database: str, label: str, repository: str, tables: tuple[str, ...], pairs: Iterable[tuple[str, str]]
) -> str:
    return (
        f"RESTORE SNAPSHOT {name(database)}.{name(label)} FROM {name(repository)}{_on(tables)} {properties(pairs)}"
    )


def _on(tables: tuple[str, ...] | None) -> str:
    return "" if tables is None else f" ON ({', '.join(map(name, tables))})"


def show_backup(database: str, label: str | None = None) -> str:
    where = "" if label is None else f" WHERE SnapshotName = {text(label)}"
    return f"SHOW BACKUP FROM {name(database)}{where}"


def show_restore(database: str, label: str | None = None) -> str:
    where = "" if label is None else f" WHERE Label = {text(label)}"
    return f"SHOW RESTORE FROM {name(database)}{where}"


def cancel(kind: str, database: str) -> str:
    """`kind` is BACKUP or RESTORE."""
    return f"CANCEL {kind} FROM {name(database)}"


def create_database(database: str) -> str:
    return f"CREATE DATABASE IF NOT EXISTS {name(database)}"


def tables(database: str) -> str:
    return (
        "SELECT TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_ROWS, DATA_LENGTH, CREATE_TIME "  # noqa: S608  all quoted
        f"FROM information_schema.tables WHERE TABLE_SCHEMA = {text(database)} ORDER BY TABLE_NAME"
    )


def show_catalog(catalog: str) -> str:
    return f"SHOW CATALOG {name(catalog)}"


def show_create_catalog(catalog: str) -> str:
    return f"SHOW CREATE CATALOG {name(catalog)}"


def create_catalog(catalog: str, comment: str, pairs: Iterable[tuple[str, str]], *, external: bool) -> str:
    word = "EXTERNAL " if external else ""
    note = f" COMMENT {text(comment)}" if comment else ""
    return f"CREATE {word}CATALOG {name(catalog)}{note} {properties(pairs)}"


def use_group(group: str) -> str:
    return f"USE @{name(group)}"


def set_warehouse(warehouse: str) -> str:
    """StarRocks' word for the nodes that work."""
    return f"SET WAREHOUSE = {text(warehouse)}"
