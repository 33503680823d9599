"""Tables as their definitions, and their rows in DuckDB (one table `t<id>` each, whatever its name is)."""

import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from . import column_facts, kinds, macros, tails
from .statements import ColumnText, CreateTable, PartitionText

LEAST = re.compile(r"(0000-01-01|0001-01-01)( 00:00:00)?|-2147483648|-9223372036854775808|-128|-32768")  # where ranges begin
WHOLE = PartitionText()


@dataclass(frozen=True)
class Definition:
    """What CREATE said: it goes into a backup's __meta, and two of them tell if a schema differs."""

    kind: str  # OLAP, VIEW, MV, or an external engine
    columns: tuple[ColumnText, ...] = ()
    partitions: PartitionText = WHOLE
    tail: str = ""
    query: str = ""
    replication: str = "3"
    colocate: str = ""
    indexes: tuple[str, ...] = ()
    head: str = ""  # of a materialized view: BUILD … REFRESH … as given

    @classmethod
    def of(cls, asked: CreateTable) -> "Definition":
        kind = "OLAP" if asked.engine.upper() == "OLAP" else asked.engine.lower()
        colocate = asked.properties.get("colocate_with", "")
        copies = replication(asked.properties)
        return cls(kind, asked.columns, _bounded(asked.partitions), asked.tail, "", copies, colocate, asked.indexes)

    def to_json(self) -> dict:
        return {**self.__dict__, "columns": [list(column) for column in self.columns],
                "partitions": [self.partitions.column, self.partitions.kind, [[name, list(values)] for name, values in self.partitions.items], self.partitions.auto],
                "indexes": list(self.indexes)}  # fmt: skip

    @classmethod
    def from_json(cls, data: dict) -> "Definition":
        column, kind, items, auto = data["partitions"]
        parts = PartitionText(column, kind, tuple((name, tuple(values)) for name, values in items), auto)
        return cls(**{**data, "columns": tuple(ColumnText(*each) for each in data["columns"]), "partitions": parts,
                      "indexes": tuple(data["indexes"])})  # fmt: skip

    @property
    def model(self) -> str:
        """DUPLICATE unless it is said, or the columns say it."""
        kinds_of = [column_facts.parse(column.rest) for column in self.columns]
        aggregated = "AGGREGATE" if any(facts.aggregation for facts in kinds_of) else "DUPLICATE"
        return tails.parse(self.tail).model or aggregated

    @property
    def keys(self) -> tuple[str, ...]:
        """Where nothing says which: the columns before the first that is merged, or the first one."""
        own = [column.name for column in self.columns if not column_facts.parse(column.rest).aggregation]
        return tails.parse(self.tail).keys or tuple(own if self.model == "AGGREGATE" else own[:1])

    @property
    def settings(self) -> dict[str, str]:
        return tails.parse(self.tail).settings

    @property
    def schema(self) -> tuple:
        """What must be equal for a restore into an existing table."""
        keys = re.split(r"\bPARTITION\s+BY\b|\bDISTRIBUTED\b|\bPROPERTIES\b", self.tail, flags=re.IGNORECASE)[0]
        columns = tuple((column.name, column.type.upper(), column.rest.upper()) for column in self.columns)
        return self.kind, columns, self.partitions[:2], " ".join(keys.upper().split())

    def predicates(self, table: str) -> dict[str, str]:
        """Of each partition, the condition in DuckDB. Without partitions there is one, named as the table."""
        if not self.partitions.items and not self.partitions.column:
            return {table: "TRUE"}
        column = quoted(self.partitions.column)
        return {name: _predicate(self.partitions.kind, column, values) for name, values in self.partitions.items}


def replication(given: dict[str, str], usual: str = "3") -> str:
    """How many copies these properties ask for."""
    tagged = re.findall(r":\s*(\d+)", given.get("replication_allocation", ""))
    return given.get("replication_num") or (str(sum(map(int, tagged))) if tagged else usual)


def _bounded(given: PartitionText) -> PartitionText:
    """LESS THAN as a range with both its ends ("" where there is none), so that a partition stands for itself."""
    if given.kind != "RANGE":
        return given
    found: list[tuple[str, tuple[str, ...]]] = []
    for name, values in given.items:
        before = found[-1][1][1] if found else ""
        low, high = values if len(values) == 2 else (before, values[0])
        found.append((name, ("" if LEAST.fullmatch(low) else low, high)))
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
    state: str = "NORMAL"  # RESTORE: neither read nor written
    partitions: dict[str, int] = field(default_factory=dict)  # name: id
    versions: dict[str, tuple[int, datetime]] = field(default_factory=dict)  # of partitions that were written to
    rollups: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)  # name: statement, columns
    refreshed: bool = True  # a materialized view that has its rows
    last_auto: int = 0  # of AUTO_INCREMENT: the server's count, not the largest value

    @property
    def kind(self) -> str:
        return self.definition.kind

    @property
    def physical(self) -> str:
        return f"t{self.id}"

    @property
    def hidden(self) -> tuple[ColumnText, ...]:
        """The sequence column of function_column.sequence_type."""
        kind = self.definition.settings.get("function_column.sequence_type") if self.kind == "OLAP" else None
        return (ColumnText(column_facts.SEQUENCE, kind, ""),) if kind else ()

    @property
    def all_columns(self) -> tuple[str, ...]:
        return tuple(column.name for column in (*self.definition.columns, *self.hidden))

    def version(self, partition: str) -> tuple[int, datetime]:
        return self.versions.get(partition, (1, self.created))

    def tablets(self) -> list[tuple[str, int, str]]:
        """Each with its partition and the condition of its rows: buckets by a hash of the distribution's columns."""
        tail = tails.parse(self.definition.tail)
        count = int(tail.buckets) if tail.buckets.isdigit() else 1
        hashed = ", ".join(map(quoted, tail.hashed or self.all_columns[:1]))
        return [
            (name, self.partitions.get(name, self.id) * 1000 + at, f"({predicate}) AND (hash({hashed}) >> 20) % {count} = {at}")
            for name, predicate in self.definition.predicates(self.name).items() for at in range(count)
        ]  # fmt: skip

    def rename(self, name: str) -> None:
        """The one partition of a table that has none of its own is named as the table."""
        for known in (self.partitions, self.versions):
            if not self.definition.partitions.column and self.name in known:
                known[name] = known.pop(self.name)
        self.name = name

    def written(self, partitions: Iterable[str], now: datetime) -> None:
        """Their visible versions grow."""
        for name in partitions:
            self.versions[name] = (self.version(name)[0] + 1, now)


class Store:
    """The rows."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(":memory:")
        self.connection.execute("SET TimeZone = 'UTC'; SET threads = 1")
        for statement in macros.statements():
            self.connection.execute(statement)

    def run(self, sql: str) -> duckdb.DuckDBPyConnection:
        return self.connection.execute(sql)

    def create(self, table: Table) -> None:
        if table.kind == "VIEW":
            return
        columns = ", ".join(
            f"{quoted(column.name)} {kinds.kept(column.type)}" for column in (*table.definition.columns, *table.hidden)
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
