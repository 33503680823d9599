"""The child process that opens a .duckdb file: one request on standard input, JSON lines on standard output.

It lives apart so that a gigabyte of DuckDB's memory is not the reconciler's, and so that work can be stopped.
When the reconciler goes away its end of standard input closes, and the child ends itself.

What DuckDB 2.0's own EXPORT DATABASE would lose or break, and what is done here instead (each seen with
2.0.0): comments are not exported; views are written in the order of their names, so that a view on a later
one cannot be imported; a table that refers to itself is refused; in Parquet HUGEINT and UHUGEINT become DOUBLE,
INTERVAL is cut to milliseconds and TIME WITH TIME ZONE loses its offset.
"""

import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from reconciler.errors import may_pass

MEMORY_LIMIT = "1GiB"
# Level 1 is a quarter faster than the default level 3, for 4 % more space on the bench's table; snappy takes a
# little less time and half as much space again: `make bench`, section "Parquet level".
PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
SCHEMA, COMMENTS, BROKEN, INVENTORY = "schema.sql", "comments.sql", "broken.sql", "inventory.json"
# Types that Parquet, as DuckDB writes it, does not give back as they were; quoted names are passed over.
LOSSY = re.compile(r""""(?:[^"]|"")*"|'(?:[^']|'')*'|\b(U?HUGEINT|INTERVAL|TIME WITH TIME ZONE)\b""")

# DuckDB has one exception for all of input and output; only its words tell these apart (2.0.0).
PASSING_IO = re.compile(r"Could not set lock|No space left|Too many open files|Resource temporarily unavailable")

Connection = duckdb.DuckDBPyConnection


class Column(NamedTuple):
    name: str
    type: str

    @property
    def stored_as(self) -> str:
        """The type in Parquet: what would be lossy becomes text, also inside lists, maps and structs."""
        return LOSSY.sub(lambda found: "VARCHAR" if found[1] else found[0], self.type)


class Table(NamedTuple):
    schema: str
    name: str
    estimate: int
    columns: tuple[Column, ...]

    @property
    def quoted(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.name)}"


def quoted(name: str) -> str:
    """An identifier, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def main() -> None:
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        work = export if request.pop("do") == "export" else load
        tell({"done": work(**request)})
    except duckdb.Error as error:
        tell({"failed": str(error).strip(), "passing": _may_pass(error)})
    except OSError as error:
        tell({"failed": f"{error.filename}: {error.strerror}", "passing": may_pass(error)})


def tell(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def export(database: str, folder: str) -> dict[str, Any]:
    """Writes one consistent snapshot of a database into the folder; returns what the manifest needs."""
    connection = connect(":memory:", folder)
    connection.execute(f"ATTACH {literal(database)} AS source (READ_ONLY)")
    connection.execute("ATTACH ':memory:' AS skeleton")
    connection.execute("BEGIN")
    broken = export_structure(connection, Path(folder))
    tables = [export_table(connection, table, Path(folder), tick) for table, tick in _ticking(connection)]
    connection.execute("COMMIT")
    inventory = {"format": 1, "duckdb_version": duckdb.__version__, "tables": tables, "broken": broken}
    (Path(folder) / INVENTORY).write_text(json.dumps(inventory, indent=1))
    return {"tables": len(tables), "rows": sum(table["rows"] for table in tables), "broken": broken,
            "version": duckdb.__version__}  # fmt: skip


def export_structure(connection: Connection, folder: Path) -> list[str]:
    """Writes the structure in an order that is known to replay, and what cannot be replayed apart."""
    replica = connect(":memory:", str(folder))
    replayed, broken = replay(replica, structure_statements(connection, folder / "structure"))
    comments, uncommented = replay(replica, list(comment_statements(connection)))
    replica.close()
    lost = [statement for statement in broken if statement.startswith("CREATE TABLE")]
    if lost:
        raise duckdb.DataError(f"a table cannot be made anew from its own definition: {_headline(lost[0])}")
    write_statements(folder / SCHEMA, replayed)
    write_statements(folder / COMMENTS, comments)
    write_statements(folder / BROKEN, broken)
    return [_headline(statement) for statement in (*broken, *uncommented)]


def structure_statements(connection: Connection, folder: Path) -> list[str]:
    """DuckDB's own definitions. Its export of a database without tables gives all but tables and indexes, which
    come from the catalog: with them, the export refuses a table that refers to itself.
    """
    connection.execute("COPY FROM DATABASE source TO skeleton (SCHEMA)")
    for table in reversed(tables_of(connection, "skeleton")):
        connection.execute(f"DROP TABLE skeleton.{table.quoted}")
    connection.execute(f"EXPORT DATABASE skeleton TO {literal(str(folder))} ({PARQUET})")
    text = (folder / "schema.sql").read_text()
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    catalog = connection.execute(
        "SELECT sql FROM duckdb_tables() WHERE database_name = 'source' AND NOT temporary UNION ALL "
        "SELECT sql FROM duckdb_indexes() WHERE database_name = 'source'"
    ).fetchall()
    return [item.query.strip() for item in duckdb.extract_statements(text)] + [sql for (sql,) in catalog]


def replay(connection: Connection, statements: list[str]) -> tuple[list[str], list[str]]:
    """Runs statements in any order that works; returns them in that order, and those that never do."""
    done: list[str] = []
    waiting = statements
    while waiting:
        failed = [statement for statement in waiting if not _runs(connection, statement, done)]
        if len(failed) == len(waiting):
            return done, failed
        waiting = failed
    return done, []


def _runs(connection: Connection, statement: str, done: list[str]) -> bool:
    try:
        connection.execute(statement)
    except duckdb.Error:
        return False
    done.append(statement)
    return True


def comment_statements(connection: Connection) -> Iterator[str]:
    kinds = (
        ("TABLE", "duckdb_tables()", ("schema_name", "table_name")),
        ("VIEW", "duckdb_views()", ("schema_name", "view_name")),
        ("COLUMN", "duckdb_columns()", ("schema_name", "table_name", "column_name")),
        ("INDEX", "duckdb_indexes()", ("schema_name", "index_name")),
        ("SEQUENCE", "duckdb_sequences()", ("schema_name", "sequence_name")),
        ("TYPE", "duckdb_types()", ("schema_name", "type_name")),
        ("MACRO", "duckdb_functions() WHERE function_type = 'macro' AND", ("schema_name", "function_name")),
        ("MACRO TABLE", "duckdb_functions() WHERE function_type = 'table_macro' AND",
         ("schema_name", "function_name")),
    )  # fmt: skip
    for kind, source, columns in kinds:
        where = source if "WHERE" in source else f"{source} WHERE"
        rows = connection.execute(
            f"SELECT DISTINCT {', '.join(columns)}, comment FROM {where} "  # noqa: S608  our own constants
            f"database_name = 'source' AND comment IS NOT NULL ORDER BY ALL"
        ).fetchall()
        for *name, comment in rows:
            yield f"COMMENT ON {kind} {'.'.join(map(quoted, name))} IS {literal(comment)};"


def tables_of(connection: Connection, database: str) -> list[Table]:
    """In the order in which they were made, so that a table comes after those that it refers to."""
    columns: dict[tuple[str, str], tuple[Column, ...]] = {}
    for schema, table, name, kind in connection.execute(
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = ? AND NOT is_generated ORDER BY table_oid, column_index", [database]
    ).fetchall():  # fmt: skip
        columns[schema, table] = (*columns.get((schema, table), ()), Column(name, kind))
    rows = connection.execute(
        "SELECT schema_name, table_name, estimated_size FROM duckdb_tables() "
        "WHERE database_name = ? AND NOT temporary ORDER BY table_oid", [database]
    ).fetchall()  # fmt: skip
    return [Table(schema, name, size or 0, columns[schema, name]) for schema, name, size in rows]


def _ticking(connection: Connection) -> Iterator[tuple[Table, str]]:
    """Each table with the name of its file, telling before each how far the whole is."""
    tables = tables_of(connection, "source")
    total = sum(table.estimate for table in tables) or 1
    done = 0
    for number, table in enumerate(tables, start=1):
        tell({"progress": 100 * done / total})
        yield table, f"{number:05}.parquet"
        done += table.estimate


def export_table(connection: Connection, table: Table, folder: Path, name: str) -> dict[str, Any]:
    path = literal(str(folder / name))
    chosen = ", ".join(_as(column.name, column.type, column.stored_as) for column in table.columns)
    rows = connection.execute(
        f"COPY (SELECT {chosen} FROM source.{table.quoted}) TO {path} ({PARQUET})"  # noqa: S608  all quoted
    ).fetchall()[0][0]
    converted = [column for column in table.columns if column.stored_as != column.type]
    if converted:
        _prove(connection, table, converted, path)
    return {
        "schema": table.schema,
        "name": table.name,
        "file": name,
        "rows": rows,
        "columns": [{"name": c.name, "type": c.type, "stored_as": c.stored_as} for c in table.columns],
    }


def _prove(connection: Connection, table: Table, columns: Iterable[Column], path: str) -> None:
    """Reads converted columns back and compares: no value may come back other than it went."""
    columns = tuple(columns)
    there = ", ".join(f"CAST({quoted(column.name)} AS VARCHAR)" for column in columns)
    back = ", ".join(
        f"CAST(CAST({quoted(column.name)} AS {column.type}) AS VARCHAR)" for column in columns
    )  # fmt: skip
    (lost,) = connection.execute(
        f"SELECT count(*) FROM (SELECT {there} FROM source.{table.quoted} "  # noqa: S608  all quoted
        f"EXCEPT ALL SELECT {back} FROM read_parquet({path}))"
    ).fetchall()[0]
    if lost:
        kinds = ", ".join(f"{column.name} ({column.type})" for column in columns)
        raise duckdb.DataError(f"table {table.quoted}: {lost} rows of {kinds} do not come back as they were")


def load(folder: str, target: str, files: dict[str, str]) -> dict[str, Any]:
    """Makes a new database file from a fetched set; `files` maps a name in the set to its local path."""
    inventory = json.loads(Path(files[INVENTORY]).read_text())
    connection = connect(target, folder)
    after = run_structure(connection, files[SCHEMA])
    stored = {(item["schema"], item["name"]): item for item in inventory["tables"]}
    rows = load_tables(connection, stored, files)
    for statement in (*after, *read_statements(files[COMMENTS])):
        connection.execute(statement)
    connection.execute("CHECKPOINT")
    connection.close()
    return {"tables": len(stored), "rows": rows}


def run_structure(connection: Connection, path: str) -> list[str]:
    """Runs the structure but for indexes, which are made faster, and back, when the rows are there."""
    statements = read_statements(path)
    indexes = [item for item in statements if re.match(r"CREATE (UNIQUE )?INDEX ", item)]
    for statement in statements:
        if statement not in indexes:
            connection.execute(statement)
    return indexes


def load_tables(connection: Connection, stored: dict[tuple[str, str], Any], files: dict[str, str]) -> int:
    (database,) = connection.execute("SELECT current_database()").fetchall()[0]
    tables = tables_of(connection, database)
    total = sum(item["rows"] for item in stored.values()) or 1
    done = 0
    for table in tables:
        tell({"progress": 100 * done / total})
        done += load_table(connection, table, stored[table.schema, table.name], files)
    return done


def load_table(connection: Connection, table: Table, stored: dict[str, Any], files: dict[str, str]) -> int:
    columns = ", ".join(quoted(item["name"]) for item in stored["columns"])
    chosen = ", ".join(_as(item["name"], item["stored_as"], item["type"]) for item in stored["columns"])
    insert = (
        f"INSERT INTO {table.quoted} ({columns}) "  # noqa: S608  all quoted
        f"SELECT {chosen} FROM read_parquet({literal(files[stored['file']])}) AS stored"
    )
    rows = insert_all(connection, insert, parents_first(connection, table))
    if rows != stored["rows"]:
        raise duckdb.DataError(f"table {table.quoted}: {rows} rows restored, {stored['rows']} in the manifest")
    return rows


def insert_all(connection: Connection, insert: str, condition: str) -> int:
    """The rows inserted; with a condition, in as many rounds as rows become possible."""
    rows = 0
    while True:
        added = int(connection.execute(insert + condition).fetchall()[0][0])
        rows += added
        if not condition or not added:
            return rows


def parents_first(connection: Connection, table: Table) -> str:
    """For a table that refers to itself, the rows that are not there yet and whose parents are; else nothing."""
    keys = connection.execute(
        "SELECT constraint_column_names, referenced_column_names FROM duckdb_constraints() "
        "WHERE constraint_type = 'FOREIGN KEY' AND schema_name = $1 AND table_name = $2 AND referenced_table = $2",
        [table.schema, table.name],
    ).fetchall()
    if not keys:
        return ""
    conditions = []
    for own, referred in keys:
        absent = " OR ".join(f"stored.{quoted(name)} IS NULL" for name in own)
        conditions.append(f"({absent} OR {_exists(table, own, referred)})")
        conditions.append(f"NOT {_exists(table, referred, referred)}")
    return f" WHERE {' AND '.join(conditions)}"


def _exists(table: Table, stored: list[str], there: list[str]) -> str:
    """Whether the table has a row whose columns equal those of the stored row."""
    equal = " AND ".join(f"stored.{quoted(a)} = t.{quoted(b)}" for a, b in zip(stored, there, strict=True))
    return f"EXISTS (FROM {table.quoted} AS t WHERE {equal})"


def connect(database: str, folder: str) -> Connection:
    """A connection that keeps to a memory limit and spills into the folder; no extension is ever fetched."""
    return duckdb.connect(database, config={
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(Path(folder) / "spill"),
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    })  # fmt: skip


def write_statements(path: Path, statements: Iterable[str]) -> None:
    path.write_text("".join(statement + "\n" for statement in statements))


def read_statements(path: str) -> list[str]:
    return [item.query.strip() for item in duckdb.extract_statements(Path(path).read_text())]


def _as(name: str, held: str, wanted: str) -> str:
    return quoted(name) if held == wanted else f"CAST({quoted(name)} AS {wanted}) AS {quoted(name)}"


def _headline(statement: str) -> str:
    return statement if len(statement) <= 120 else statement[:117] + "..."  # noqa: PLR2004


def _may_pass(error: duckdb.Error) -> bool:
    """A lock held by another process, a full disk, a want of memory; an error in the data does not pass."""
    if isinstance(error, duckdb.IOException):
        return PASSING_IO.search(str(error)) is not None
    return isinstance(error, duckdb.OutOfMemoryException)


def _end_with_parent() -> None:
    """Ends the process when the reconciler's end of the pipe closes; its files are then nobody's."""
    watch: Callable[[], bytes] = sys.stdin.buffer.read
    watch()
    os._exit(1)


if __name__ == "__main__":
    main()
