"""Tables as their definitions, and their rows in DuckDB (one table `t<id>` each, whatever its name is)."""

import re
import tempfile
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb
import sqlglot
from sqlglot import exp

from .statements import ColumnText, CreateTable, PartitionText

TYPES = {"LARGEINT": "HUGEINT", "STRING": "VARCHAR", "BITMAP": "BLOB", "HLL": "BLOB", "QUANTILE_STATE": "BLOB", "AGG_STATE": "BLOB",
         "IPV4": "VARCHAR", "IPV6": "VARCHAR", "VARIANT": "VARCHAR", "JSONB": "VARCHAR", "JSON": "VARCHAR",
         "DATETIMEV2": "TIMESTAMP", "DATETIME": "TIMESTAMP", "DATEV2": "DATE", "DECIMALV3": "DECIMAL", "VARBINARY": "BLOB"}  # fmt: skip
WHOLE = PartitionText()


@dataclass(frozen=True)
class Definition:
    """What CREATE said: it goes into a backup's __meta, and two of them tell if a schema differs (§1.6)."""

    kind: str  # OLAP, VIEW, MV, or an external engine
    columns: tuple[ColumnText, ...] = ()
    partitions: PartitionText = WHOLE
    tail: str = ""
    query: str = ""
    replication: str = "3"
    colocate: str = ""

    @classmethod
    def of(cls, asked: CreateTable) -> "Definition":
        kind = "OLAP" if asked.engine.upper() == "OLAP" else asked.engine.lower()
        allocation = re.search(r"(\d+)\s*$", asked.properties.get("replication_allocation", ""))
        replication = asked.properties.get("replication_num") or (allocation[1] if allocation else "3")
        colocate = asked.properties.get("colocate_with", "")
        return cls(kind, asked.columns, _bounded(asked.partitions), asked.tail, "", replication, colocate)

    def to_json(self) -> dict:
        return {**self.__dict__, "columns": [list(column) for column in self.columns],
                "partitions": [self.partitions.column, self.partitions.kind, [[name, list(values)] for name, values in self.partitions.items]]}  # fmt: skip

    @classmethod
    def from_json(cls, data: dict) -> "Definition":
        column, kind, items = data["partitions"]
        parts = PartitionText(column, kind, tuple((name, tuple(values)) for name, values in items))
        return cls(**{**data, "columns": tuple(ColumnText(*each) for each in data["columns"]), "partitions": parts})

    @property
    def schema(self) -> tuple:
        """What must be equal for a restore into an existing table."""
        keys = re.split(r"\bPARTITION\s+BY\b|\bDISTRIBUTED\b|\bPROPERTIES\b", self.tail, flags=re.IGNORECASE)[0]
        columns = tuple((column.name, column.type.upper(), column.rest.upper()) for column in self.columns)
        return self.kind, columns, self.partitions[:2], " ".join(keys.upper().split())

    def predicates(self, table: str) -> dict[str, str]:
        """Of each partition, the condition in DuckDB. Without partitions there is one, named as the table."""
        if not self.partitions.items:
            return {table: "TRUE"}
        column = quoted(self.partitions.column)
        return {name: _predicate(self.partitions.kind, column, values) for name, values in self.partitions.items}


def _bounded(given: PartitionText) -> PartitionText:
    """LESS THAN as a range with both its ends ("" where there is none), so that a partition stands for itself."""
    if given.kind != "RANGE":
        return given
    found: list[tuple[str, tuple[str, ...]]] = []
    for name, values in given.items:
        before = found[-1][1][1] if found else ""
        found.append((name, values if len(values) == 2 else (before, values[0])))
    return given._replace(items=tuple(found))


def _predicate(kind: str, column: str, values: tuple[str, ...]) -> str:
    if kind == "LIST":
        return f"{column} IN ({', '.join(map(literal, values))})"
    low, high = values
    parts = [f"{column} >= {literal(low)}"] if low else []
    parts += [] if high == "MAXVALUE" else [f"{column} < {literal(high)}"]
    if not low:
        return f"({' AND '.join(parts) or 'TRUE'} OR {column} IS NULL)"
    return " AND ".join(parts) or "TRUE"


@dataclass
class Table:
    id: int
    name: str
    definition: Definition
    created: datetime
    state: str = "NORMAL"  # RESTORE: neither read nor written, §1.6
    partitions: dict[str, int] = field(default_factory=dict)  # name: id

    @property
    def kind(self) -> str:
        return self.definition.kind

    @property
    def physical(self) -> str:
        return f"t{self.id}"


class Store:
    """The rows."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(":memory:")
        self.connection.execute("SET TimeZone = 'UTC'; SET threads = 1")

    def run(self, sql: str) -> duckdb.DuckDBPyConnection:
        return self.connection.execute(sql)

    def create(self, table: Table) -> None:
        if table.kind == "VIEW":
            return
        columns = ", ".join(
            f"{quoted(column.name)} {duck_type(column.type)}" for column in table.definition.columns
        )
        self.run(f"CREATE TABLE {table.physical} ({columns})")

    def drop(self, table: Table) -> None:
        self.run(f"DROP TABLE IF EXISTS {table.physical}")

    def count(self, table: Table, predicate: str = "TRUE") -> int:
        return (
            0
            if table.kind == "VIEW"
            else self.run(f"SELECT count(*) FROM {table.physical} WHERE {predicate}").fetchone()[0]
        )

    def parquet(self, table: Table, predicate: str) -> bytes:
        """The rows of a partition, in place of a tablet's .dat file."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "rows")
            self.run(f"COPY (SELECT * FROM {table.physical} WHERE {predicate}) TO '{file}' (FORMAT parquet)")
            return file.read_bytes()

    def load(self, table: Table, parquet: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "rows")
            file.write_bytes(parquet)
            self.run(f"INSERT INTO {table.physical} SELECT * FROM read_parquet('{file}')")

    def delete(self, table: Table, predicate: str) -> None:
        self.run(f"DELETE FROM {table.physical} WHERE {predicate}")


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def duck_type(text: str) -> str:
    """A Doris type as DuckDB's nearest."""
    known = re.sub(r"\w+", lambda word: TYPES.get(word[0].upper(), word[0]), text)
    known = re.sub(r"TIMESTAMP\s*\(\d+\)", "TIMESTAMP", known)
    return exp.DataType.build(known, dialect="doris").sql("duckdb") if "<" in known else _plain(known)


def _plain(text: str) -> str:
    return sqlglot.parse_one(f"CAST(x AS {text})", read="duckdb").to.sql("duckdb")
