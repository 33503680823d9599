"""Rows into a table as its model has them: all of them, the last of each key, or merged."""

from typing import Any

from .column_facts import SEQUENCE, parse
from .tables import Table, quoted

MERGES = {
    "SUM": "sum({})", "MAX": "max({})", "MIN": "min({})", "REPLACE": "last({} ORDER BY position)",
    "REPLACE_IF_NOT_NULL": "arg_max({}, position) FILTER ({} IS NOT NULL)", "BITMAP_UNION": "bitmap_union({})",
    "HLL_UNION": "hll_union({})", "QUANTILE_UNION": "quantile_union({})", "PERCENTILE_UNION": "quantile_union({})",
    "GENERIC": "last({} ORDER BY position)",
}  # fmt: skip


def put(store: Any, table: Table, staged: str) -> None:
    """The rows of a table of the store that has the same columns and `position`, into the table itself."""
    names = [quoted(name) for name in table.all_columns]
    listed = ", ".join(names)
    model = table.definition.model
    if model in {"UNIQUE", "PRIMARY"}:
        _replace(store, table, staged, listed)
    elif model == "AGGREGATE":
        _merge(store, table, staged, listed)
    else:
        store.run(f"INSERT INTO {table.physical} ({listed}) SELECT {listed} FROM {staged} ORDER BY position")


def _same(table: Table, staged: str) -> str:
    return " AND ".join(f"{table.physical}.{quoted(key)} IS NOT DISTINCT FROM {staged}.{quoted(key)}" for key in table.definition.keys)


def _replace(store: Any, table: Table, staged: str, listed: str) -> None:
    """The last one wins, or the one with the largest sequence, be it the old one."""
    keys = ", ".join(map(quoted, table.definition.keys))
    sequence = sequence_column(table)
    order = f"{quoted(sequence)} DESC NULLS LAST, position DESC" if sequence else "position DESC"
    both = f"SELECT {listed}, position FROM {staged} UNION ALL SELECT {listed}, 0 FROM {table.physical} WHERE EXISTS (SELECT 1 FROM {staged} WHERE {_same(table, staged)})"
    store.run(f"CREATE OR REPLACE TEMP TABLE merged AS SELECT * FROM ({both}) QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {order}) = 1")
    _exchange(store, table, staged, listed)


def _merge(store: Any, table: Table, staged: str, listed: str) -> None:
    """Old and new rows of a key become one."""
    kinds = {column.name: parse(column.rest).aggregation for column in table.definition.columns}
    keys = ", ".join(map(quoted, table.definition.keys))
    chosen = ", ".join(
        quoted(name) if name in table.definition.keys else f"{MERGES[kinds[name] or 'REPLACE'].replace('{}', quoted(name))} AS {quoted(name)}"
        for name in table.all_columns
    )
    both = f"SELECT {listed}, position FROM {staged} UNION ALL SELECT {listed}, 0 FROM {table.physical} WHERE EXISTS (SELECT 1 FROM {staged} WHERE {_same(table, staged)})"
    store.run(f"CREATE OR REPLACE TEMP TABLE merged AS SELECT {chosen} FROM ({both}) GROUP BY {keys}")
    _exchange(store, table, staged, listed)


def _exchange(store: Any, table: Table, staged: str, listed: str) -> None:
    store.run(f"DELETE FROM {table.physical} WHERE EXISTS (SELECT 1 FROM {staged} WHERE {_same(table, staged)})")
    store.run(f"INSERT INTO {table.physical} ({listed}) SELECT {listed} FROM merged")
    store.run("DROP TABLE merged")


def sequence_column(table: Table) -> str | None:
    if table.hidden:
        return SEQUENCE
    return table.definition.settings.get("function_column.sequence_col")
