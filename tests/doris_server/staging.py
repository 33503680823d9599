"""The rows of an INSERT before they are in the table: converted, completed, checked."""

import re
from typing import Any

import duckdb

from . import column_facts, kinds, merging, partitions, queries
from .errors import Refused
from .tables import Table, literal, quoted

FILTERED = "Insert has filtered data in strict mode. first_error_msg: {}. url: http://127.0.0.1:8040/api/_load_error_log?file=__shard_0/error_log_insert_stmt"
RATIO = "Insert has too many filtered data {}/{} insert_max_filter_ratio is {}. first_error_msg: {}"


def stage(session: Any, table: Table, given: tuple[str, ...], source: str) -> str:
    """A table of the store with all columns of the target and `position`; it goes with the statement."""
    columns = _chosen(session, table, given)
    found = queries.described(session, source)
    if len(found) != len(columns):
        raise Refused("insert into cols should be corresponding to the query output", 1105)
    name = f"stage_{next(session.warehouse.ids)}"
    session.scratch.append(name)
    _filled(session, table, columns, source, [kind for _, kind in found], name)
    _computed(session, table, name)
    partitions.make(session.warehouse, table, name)
    _filter(session, table, name)
    return name


def publish(warehouse: Any, table: Table, staged: str) -> None:
    """Into the table; the partitions that got rows have a new version."""
    touched = [name for name, predicate in table.definition.predicates(table.name).items()
               if warehouse.store.run(f"SELECT count(*) FROM {staged} WHERE {predicate}").fetchone()[0]]  # fmt: skip
    merging.put(warehouse.store, table, staged)
    table.written(touched, warehouse.clock.now)
    warehouse.store.run(f"DROP TABLE IF EXISTS {staged}")


def _chosen(session: Any, table: Table, given: tuple[str, ...]) -> tuple[str, ...]:
    facts = _facts(table)
    generated = {name for name, each in facts.items() if each.generated}
    named = {name.lower(): name for name in table.all_columns}
    for name in given:
        if name.lower() not in named:
            raise Refused(f"Unknown column '{name}' in '{table.name}'", 1105)
    chosen = tuple(named[name.lower()] for name in given) or tuple(name for name in facts if name not in generated)
    for name in chosen:
        if name in generated:
            raise Refused(f"The value specified for generated column '{name}' in table '{table.name}' is not allowed.", 1105)
    _needs_sequence(session, table, chosen)
    for name, each in facts.items():
        if name not in chosen and not each.nullable and each.default is None and each.auto is None and not each.generated:
            raise Refused(f"Column has no default value, column={name}", 1105)
    return chosen


def _needs_sequence(session: Any, table: Table, chosen: tuple[str, ...]) -> None:
    sequence = merging.sequence_column(table)
    needed = session.variables.get("require_sequence_in_insert", "true") in {"true", "1"}
    if sequence and sequence not in chosen and needed and not session.warehouse.dialect.starrocks:
        raise Refused(f"Table {table.name} has sequence column, need to specify the sequence column", 1105)


def _facts(table: Table) -> dict[str, column_facts.Facts]:
    return {column.name: column_facts.parse(column.rest) for column in table.definition.columns}


def _filled(session: Any, table: Table, columns: tuple[str, ...], source: str, types: list[str], name: str) -> None:
    inner = ", ".join(f"v{at}" for at in range(len(columns)))
    strict, starrocks = _strict(session), session.warehouse.dialect.starrocks
    exprs = dict(zip(columns, (f"v{at}" for at in range(len(columns))), strict=True))
    kinds_of = dict(zip(columns, types, strict=True))
    listed = []
    for column in (*table.definition.columns, *table.hidden):
        facts = column_facts.parse(column.rest)
        if column.name in exprs:
            made = converted(column.type, exprs[column.name], kinds_of[column.name], strict, session.from_files, not starrocks)
            if facts.auto is not None:
                made = f"coalesce({made}, {_counted(table, facts)})"
        elif facts.auto is not None:
            made = _counted(table, facts)
        else:
            made = _default(session, facts, column.type)
        listed.append(f"({made})::{kinds.kept(column.type)} AS {quoted(column.name)}")
    query = f"SELECT {', '.join(listed)}, position FROM (SELECT *, row_number() OVER () AS position FROM ({source}) AS q({inner}))"
    try:
        session.warehouse.store.run(f"CREATE TABLE {name} AS {query}")
    except duckdb.Error as error:
        raise Refused(FILTERED.format(str(error).splitlines()[0]), 5025) from error
    count = session.warehouse.store.run(f"SELECT count(*) FROM {name}").fetchone()[0]
    if any(facts.auto is not None for facts in _facts(table).values()):
        table.last_auto += count


def _counted(table: Table, facts: column_facts.Facts) -> str:
    """The server's own count goes on, whatever values were given: they may collide."""
    return f"position + {table.last_auto + (facts.auto or 1) - 1}"


def _strict(session: Any) -> bool:
    return session.variables.get("enable_insert_strict") in {"true", "1"}


def _default(session: Any, facts: column_facts.Facts, kind: str) -> str:
    now = session.warehouse.clock.now.strftime("%Y-%m-%d %H:%M:%S.%f")
    if facts.on_update or (facts.default is not None and not facts.literal and "CURRENT" in facts.default.upper()):
        return f"TIMESTAMP {literal(now)}"
    if facts.default is None or not facts.literal:
        return "NULL"
    return converted(kind, literal(facts.default), "VARCHAR", strict=True, files=False)


def converted(kind: str, value: str, found: str, strict: bool, files: bool, step: bool = True) -> str:
    """A value of one of the store's types as a column of a server's type takes it."""
    kept, name = kinds.kept(kind), kinds.base(kind)
    if name in kinds.OPAQUE:
        return value if found == kept else _mismatch(value, found, kind)
    if name == "IPV4":
        return {kept: value, "VARCHAR": f"ipv4_of({value})", "INTEGER": f"ipv4_numbered({value})"}.get(found) or _mismatch(value, found, kind)
    if name == "LARGEINT" and files and found == "VARCHAR":
        return _mismatch(value, found, kind)  # of Parquet it is a text, which must be cast
    if kept == kinds.WIDE:
        return f"wide_of({value})"
    if name in {"JSON", "JSONB"}:
        return f"CASE WHEN {value} IS NULL OR json_valid({value}::VARCHAR) THEN json({value}::VARCHAR)::VARCHAR ELSE error('not JSON') END"
    if kept == "VARCHAR":
        return f"text_of({value})"
    if kept == "BLOB" and found == "VARCHAR":
        return f"encode({value})"
    made = f"{value}::{kept}" if strict else f"TRY_CAST({value} AS {kept})"
    return f"scaled({made}, {kinds.step(kind)})" if step and kinds.step(kind) > 1 else made


def _mismatch(value: str, found: str, kind: str) -> str:
    text = literal(f"can not cast from origin type {found} to target type={kind.upper()}")
    return f"CASE WHEN {value} IS NULL THEN NULL ELSE error({text}) END"


def _computed(session: Any, table: Table, name: str) -> None:
    for column, facts in _facts(table).items():
        if facts.generated:
            made = queries.expression(session, facts.generated)
            queries.duck(session, f"UPDATE {name} SET {quoted(column)} = {made}")


def _filter(session: Any, table: Table, name: str) -> None:
    """Bad rows: refused in strict mode, else left out up to insert_max_filter_ratio."""
    store = session.warehouse.store
    total = store.run(f"SELECT count(*) FROM {name}").fetchone()[0]
    for condition, text in _conditions(session, table):
        bad = store.run(f"SELECT count(*) FROM {name} WHERE {condition}").fetchone()[0]
        if bad and _strict(session):
            raise Refused(FILTERED.format(text), 5025)
        ratio = float(session.variables.get("insert_max_filter_ratio", "1.0"))
        if bad > ratio * total:
            raise Refused(RATIO.format(bad, total, ratio, text), 5025)
        store.run(f"DELETE FROM {name} WHERE {condition}")


def _conditions(session: Any, table: Table):
    starrocks = session.warehouse.dialect.starrocks
    for column in table.definition.columns:
        facts, width = column_facts.parse(column.rest), re.search(r"CHAR\s*\((\d+)\)", column.type.upper())
        if not facts.nullable or (starrocks and table.definition.model == "PRIMARY" and column.name in table.definition.keys):
            yield f"{quoted(column.name)} IS NULL", f"null value for not null column, column={column.name}"
        if width:
            long = f"strlen({quoted(column.name)}) > {width[1]}"
            yield long, f"the length of input is too long than schema. column_name: {column.name}; schema length: {width[1]}"
    if table.kind == "OLAP" and table.definition.partitions.column:
        inside = [f"({each})" for each in table.definition.predicates(table.name).values()] or ["FALSE"]
        yield f"NOT coalesce({' OR '.join(inside)}, FALSE)", "no partition for this tuple"
