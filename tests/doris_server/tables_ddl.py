"""CREATE, DROP, RENAME, ALTER, TRUNCATE carried out: databases, tables, views of both kinds."""

import dataclasses
from typing import Any

from sqlglot import exp

from . import create_texts, kinds, labels, partitions, queries, tails
from . import statements as s
from .errors import Refused
from .sql import parsed
from .tables import Definition, quoted, replication


def create_database(session: Any, asked: s.CreateDatabase) -> None:
    labels.check_name("database", asked.name, 64)
    if asked.name not in session.warehouse.databases:
        session.warehouse.create_database(asked.name, asked.properties)
    elif not asked.quiet:
        raise Refused(f"Can't create database '{asked.name}'; database exists", 1007)


def drop_database(session: Any, asked: s.DropDatabase) -> None:
    if asked.name in session.warehouse.databases:
        session.warehouse.drop_database(asked.name)
    elif not asked.quiet:
        raise Refused(f"Can't drop database '{asked.name}'; database doesn't exist", 1008)


def rename_database(session: Any, asked: s.RenameDatabase) -> None:
    """Its id stays, and with it the labels of its loads."""
    found = session.warehouse.database(asked.name)
    session.user.needs_load(asked.name)
    labels.check_name("database", asked.new, 64)
    if asked.new in session.warehouse.databases:
        raise Refused(f"Database name[{asked.new}] is already used", 1105)
    session.warehouse.databases[asked.new] = session.warehouse.databases.pop(asked.name)
    found.name = asked.new


def create_table(session: Any, asked: s.CreateTable) -> None:
    database, name = session.place(asked.target)
    labels.check_table_name(name)
    if name not in database.tables:
        if asked.engine.upper() == "MATERIALIZED_VIEW":
            raise Refused("Do not support create table with engine name = materialized_view", 1105)
        if asked.engine.upper() == "OLAP":
            create_texts.check_properties(session.warehouse, asked.properties)
            create_texts.check_replicas(session.warehouse, asked.properties)
            _check_colocation(session, database, asked)
            _check_dynamic(asked)
        made = session.warehouse.create_table(database, name, Definition.of(asked))
        partitions.schedule(session.warehouse, made)
    elif not asked.quiet:
        raise Refused(f"Table '{name}' already exists", 1050)


def _check_colocation(session: Any, database: Any, asked: s.CreateTable) -> None:
    """A group's tables have as many buckets each."""
    group = asked.properties.get("colocate_with")
    if group is None:
        return
    buckets = tails.parse(asked.tail).buckets
    for other in database.tables.values():
        if other.definition.colocate == group and tails.parse(other.definition.tail).buckets != buckets:
            known = tails.parse(other.definition.tail).buckets
            raise Refused(f"Colocate tables must have same bucket num: {buckets}, should be: {known}", 1105)


def create_view(session: Any, asked: s.CreateView) -> None:
    """The query is tried, so that the columns are known. An async one gets its rows at once, unless it is deferred."""
    if asked.is_sync:
        _create_rollup(session, asked)
        return
    database, name = session.place(asked.target)
    if name in database.tables:
        if asked.quiet:
            return
        raise Refused(f"Table '{name}' already exists", 1050)
    inside = session.within(session.database or database.name)
    found = queries.described(session, queries.select(inside, asked.query))
    names = asked.columns or tuple(column for column, _ in found)
    columns = tuple(s.ColumnText(column, kinds.of_query(kind), "") for column, (_, kind) in zip(names, found, strict=True))
    body = create_texts.qualified(session.database or database.name, asked.query)
    kind, given = "MV" if asked.materialized else "VIEW", tails.parse(asked.tail).settings
    if asked.materialized:
        create_texts.check_replicas(session.warehouse, given)
    definition = Definition(kind, columns, tail=asked.tail, query=body, head=asked.head, replication=replication(given))
    made = session.warehouse.create_table(database, name, definition)
    made.refreshed = False
    if asked.materialized and "DEFERRED" not in asked.head.upper():
        refresh(session, made)


def refresh(session: Any, view: Any) -> None:
    if view.kind != "MV":
        raise Refused(f"Table {view.name} is not a materialized view", 1105)
    session.warehouse.store.delete(view, "TRUE")
    query = queries.select(session, view.definition.query)
    listed = ", ".join(f"v{at}::{kinds.kept(column.type)}" for at, column in enumerate(view.definition.columns))
    names = ", ".join(f"v{at}" for at in range(len(view.definition.columns)))
    queries.duck(session, f"INSERT INTO {view.physical} SELECT {listed} FROM ({query}) AS q({names})")
    view.refreshed = True
    view.written(view.partitions, session.warehouse.clock.now)


def _create_rollup(session: Any, asked: s.CreateView) -> None:
    """A synchronous one belongs to the one table that it reads."""
    tree = parsed(asked.query)
    tables = list(tree.find_all(exp.Table))
    if len(tables) != 1:
        raise Refused("The materialized view only support the single table in from clause.", 1105)
    base = session.find(queries.names(session, tables[0]))
    if any(asked.target[-1] in other.rollups for other in [base]):
        raise Refused(f"Materialized view[{asked.target[-1]}] already exists in the table {base.name}", 1105)
    found = queries.described(session, queries.select(session, asked.query))
    base.rollups[asked.target[-1]] = (asked.text, tuple(f"mv_{name}" for name, _ in found))


def drop(session: Any, asked: s.Drop) -> None:
    if asked.base:
        if session.find(asked.base).rollups.pop(asked.target[-1], None) is None and not asked.quiet:
            raise Refused(f"Materialized view [{asked.target[-1]}] does not exist in table [{asked.base[-1]}]", 1105)
        return
    database, name = session.place(asked.target)
    if name in database.tables:
        session.warehouse.drop_table(database, name)
    elif not asked.quiet:
        raise Refused(f"Unknown table '{name}'", 1051)


def alter_table(session: Any, asked: s.AlterTable) -> None:
    database, name = session.place(asked.target)
    found = database.table(name)
    if found.kind not in {"OLAP", "MV"} and asked.action != "rename":
        raise Refused(f"Table[{name}] is not an OLAP table", 1105)
    ALTERATIONS[asked.action](session, database, found, asked)


def _rename(session: Any, database: Any, found: Any, asked: s.AlterTable) -> None:
    if asked.name in database.tables:
        raise Refused(f"Table name[{asked.name}] is already used", 1105)
    database.tables[asked.name] = database.tables.pop(found.name)
    found.rename(asked.name)


def _truncate(session: Any, database: Any, found: Any, asked: s.AlterTable) -> None:
    predicates = found.definition.predicates(found.name)
    for name in asked.names or predicates:
        if name not in predicates:
            raise Refused(f"Partition {name} does not exist", 1105)
        session.warehouse.store.delete(found, predicates[name])
    found.written(asked.names or predicates, session.warehouse.clock.now)


def _add(session: Any, database: Any, found: Any, asked: s.AlterTable) -> None:
    column = asked.column
    session.warehouse.store.run(f"ALTER TABLE {found.physical} ADD COLUMN {quoted(column.name)} {kinds.kept(column.type)}")
    found.definition = dataclasses.replace(found.definition, columns=(*found.definition.columns, column))


def _check_dynamic(asked: s.CreateTable) -> None:
    """Of a table without ranges, and without what tells which partitions shall come (DynamicPartitionUtil)."""
    keys = {key for key in asked.properties if key.startswith("dynamic_partition.")}
    if keys and Definition.of(asked).partitions.kind != "RANGE":
        raise Refused("Only support dynamic partition properties on range partition table", 1105)
    if keys and "dynamic_partition.time_unit" not in keys:
        raise Refused("Must assign dynamic_partition.time_unit properties", 1105)


def _set(session: Any, database: Any, found: Any, asked: s.AlterTable) -> None:
    """One at once, but for those of dynamic partitions."""
    if len({key.split(".")[0] if key.startswith("dynamic_partition.") else key for key in asked.properties}) > 1:
        raise Refused("Can only set one table property at a time", 1105)
    create_texts.check_properties(session.warehouse, asked.properties)
    own = found.definition.settings | asked.properties
    found.definition = dataclasses.replace(found.definition, tail=tails.with_properties(found.definition.tail, own))
    partitions.schedule(session.warehouse, found)


def _rollup(session: Any, database: Any, found: Any, asked: s.AlterTable) -> None:
    """Its statement is not kept."""
    if asked.name in found.rollups:
        raise Refused(f"Rollup index[{asked.name}] already exists in table[{found.name}]", 1105)
    known = set(found.all_columns)
    for name in asked.names:
        if name not in known:
            raise Refused(f"Column[{name}] does not exist", 1105)
    found.rollups[asked.name] = ("", asked.names)


def _replace(session: Any, database: Any, found: Any, asked: s.AlterTable) -> None:
    """Both change their names, or the old one goes."""
    other = database.table(asked.name)
    if found.kind != "OLAP" or other.kind != "OLAP":
        raise Refused("Only support OLAP table", 1105)
    _swap(session, database, found, asked)
    if asked.properties.get("swap", "true").lower() == "false":
        session.warehouse.drop_table(database, asked.name)


def _swap(session: Any, database: Any, found: Any, asked: s.AlterTable) -> None:
    other, own = database.table(asked.name), found.name
    del database.tables[own], database.tables[asked.name]
    for table, name in ((found, asked.name), (other, own)):
        table.rename(name)
        database.tables[name] = table


def _add_partition(session: Any, database: Any, found: Any, asked: s.AlterTable) -> None:
    if asked.name in found.partitions:
        raise Refused(f"Duplicate partition name {asked.name}", 1517)
    before = [values[1] for _, values in found.definition.partitions.items] if found.definition.partitions.kind == "RANGE" else []
    values = asked.names if len(asked.names) == 2 or not before else (before[-1], *asked.names)
    partitions.add(session.warehouse, found, asked.name, values)


def _drop_partition(session: Any, database: Any, found: Any, asked: s.AlterTable) -> None:
    if asked.name not in found.partitions:
        raise Refused(f"Error in list of partitions to {asked.name}", 1508)
    partitions.drop(session.warehouse, found, asked.name)


ALTERATIONS = {"rename": _rename, "truncate": _truncate, "add": _add, "set": _set, "rollup": _rollup, "replace": _replace,
               "swap": _swap, "add_partition": _add_partition, "drop_partition": _drop_partition}  # fmt: skip
