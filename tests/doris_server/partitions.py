"""Partitions that come and go: those of AUTO PARTITION on INSERT, those of dynamic_partition by the scheduler."""

import dataclasses
import re
from datetime import timedelta
from typing import Any

from .tables import Table, quoted

UNITS = {"HOUR": timedelta(hours=1), "DAY": timedelta(days=1), "WEEK": timedelta(weeks=1), "MONTH": timedelta(days=30), "YEAR": timedelta(days=365)}


def make(warehouse: Any, table: Table, staged: str) -> None:
    """Those that the staged rows need, of an AUTO PARTITION table."""
    parts = table.definition.partitions
    if not parts.auto:
        return
    column, known = quoted(parts.column), {name for name, _ in parts.items}
    query = f"SELECT DISTINCT {column} FROM {staged}"
    if parts.auto != "LIST":
        unit = f"INTERVAL 1 {parts.auto}"
        kind = "DATE" if "TIME" not in next(each.type.upper() for each in table.definition.columns if each.name == parts.column) else "TIMESTAMP"
        start = f"date_trunc('{parts.auto}', {column})"
        query = f"SELECT DISTINCT strftime({start}, '%Y%m%d%H%M%S'), ({start})::{kind}::VARCHAR, ({start} + {unit})::{kind}::VARCHAR FROM {staged} WHERE {column} IS NOT NULL"
    for row in warehouse.store.run(query).fetchall():
        name, values = (f"p{row[0]}", row[1:]) if parts.auto != "LIST" else _of_value(row[0])
        if name not in known:
            add(warehouse, table, name, tuple(values))


def _of_value(value: object) -> tuple[str, tuple[str, ...]]:
    text = str(value)
    return f"p{re.sub(r'[^0-9A-Za-z]', '', text)}{len(text)}", (text,)


def add(warehouse: Any, table: Table, name: str, values: tuple[str, ...]) -> None:
    parts = table.definition.partitions
    items = tuple(sorted((*parts.items, (name, values)), key=lambda item: item[1]))
    table.definition = dataclasses.replace(table.definition, partitions=parts._replace(items=items))
    table.partitions[name] = next(warehouse.ids)


def drop(warehouse: Any, table: Table, name: str) -> None:
    parts = table.definition.partitions
    warehouse.store.delete(table, table.definition.predicates(table.name)[name])
    items = tuple(item for item in parts.items if item[0] != name)
    table.definition = dataclasses.replace(table.definition, partitions=parts._replace(items=items))
    del table.partitions[name]


def schedule(warehouse: Any, table: Table) -> None:
    """Old partitions are dropped, with their rows: of dynamic_partition those older than `start` units, by
    partition.retention_count all past ones but the newest so many."""
    found = table.definition.settings
    if "partition.retention_count" in found:
        today = warehouse.clock.now.strftime("%Y-%m-%d %H:%M:%S")
        past = [name for name, (_, high) in table.definition.partitions.items if high <= today]
        for name in past[: -int(found["partition.retention_count"])]:
            drop(warehouse, table, name)
    if found.get("dynamic_partition.enable", "false").lower() != "true" or not found.get("dynamic_partition.start"):
        return
    unit = UNITS[found.get("dynamic_partition.time_unit", "DAY").upper()]
    oldest = (warehouse.clock.now + unit * int(found["dynamic_partition.start"])).strftime("%Y-%m-%d")
    for name, (_, high) in table.definition.partitions.items:
        if high[:10] <= oldest:
            drop(warehouse, table, name)
