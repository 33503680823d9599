"""Rows of a query as Parquet files, with what the servers' writers do to types."""

import math
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from . import kinds, queries, sources
from .errors import Refused
from .tables import quoted

SAMPLE = 10_000  # rows by which the size of a row is told
GREGORIAN = "DATE '1582-10-15'"
NOT_IN_STARROCKS = {"HUGEINT", kinds.WIDE, *kinds.OPAQUE.values()}


class Part(NamedTuple):
    """Rows of one file, by their numbers from `first` on."""

    first: int
    count: int


class Source:
    """The result of a query, once: a snapshot."""

    def __init__(self, session: Any, query: str) -> None:
        self._session, self._store = session, session.warehouse.store
        self._columns = queries.described(session, query)
        chosen = ", ".join(f"{raw(session, name, kind)} AS {quoted(name)}" for name, kind in self._columns)
        self._name = f"result_{next(session.warehouse.ids)}"
        session.scratch.append(self._name)
        queries.duck(session, f"CREATE TABLE {self._name} AS SELECT {chosen} FROM ({query})")
        self.count = self._store.run(f"SELECT count(*) FROM {self._name}").fetchone()[0]

    def share(self, at: int, writers: int, size: float = math.inf, missed: int = 0) -> list[Part]:
        """One writer's files. One is closed when it is over the size, and the next opened: the last may be empty."""
        first, end = at * self.count // writers, (at + 1) * self.count // writers
        count = max(0, end - first - missed)
        if count == 0 or size == math.inf:
            return [Part(first, count)]
        sample = min(count, SAMPLE)
        rows = max(1, math.ceil(size * sample / len(self.content(Part(first, sample), "uncompressed"))))
        return [Part(begin, min(rows, first + count - begin)) for begin in range(first, first + count + 1, rows)]

    def content(self, part: Part, compression: str) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "part")
            query = f"SELECT * FROM {self._name} WHERE rowid >= {part.first} AND rowid < {part.first + part.count}"
            try:
                self._store.run(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION {compression})")
            except duckdb.Error as error:
                raise Refused(str(error), 1105) from error
            return path.read_bytes()


def raw(session: Any, name: str, kind: str) -> str:
    """A column that nobody cast, as the server's writer would put it."""
    column = quoted(name)
    if session.warehouse.dialect.starrocks:
        return _of_starrocks(name, kind, column)
    if kind == kinds.OPAQUE["AGG_STATE"] or kind == "TIMESTAMP WITH TIME ZONE":
        raise Refused(f"[INTERNAL_ERROR]Unknown primitive type({kind}) convert to Arrow type: column {name}", 1105)
    if kind in kinds.OPAQUE.values():
        return f"encode({column}::VARCHAR)"
    if kind == kinds.IPV4:
        return f"({column}.ipv4::BIGINT - CASE WHEN {column}.ipv4 >= 2147483648 THEN 4294967296 ELSE 0 END)::INTEGER"
    if kind == kinds.WIDE:
        return f"TRY_CAST({column}.wide AS DECIMAL(38,9))"
    if kind == "TIMESTAMP":
        return _time(column, sources.zone_seconds(session))
    if kind == "DATE":
        return f"CASE WHEN {column} < {GREGORIAN} THEN {column} + 10 ELSE {column} END"
    return f"{column}::VARCHAR" if kind == "HUGEINT" else column


def _time(column: str, seconds: int) -> str:
    """INT96 by the session's zone; before 1970 a fraction is misread."""
    early = f"{column} < TIMESTAMP '1970-01-01' AND microsecond({column}) % 1000000 > 0"
    return f"{column} - INTERVAL ({seconds}) SECOND + CASE WHEN {early} THEN INTERVAL 1 SECOND ELSE INTERVAL 0 SECOND END"


def _of_starrocks(name: str, kind: str, column: str) -> str:
    """Times are written without their fractions [?], and what has no Parquet type is refused."""
    if kind in NOT_IN_STARROCKS:
        raise Refused(f"Getting analyzing error. Detail message: Unsupported type of column {name} for parquet: {kind}.", 1064)
    return f"date_trunc('second', {column})" if kind == "TIMESTAMP" else column
