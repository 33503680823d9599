"""SHOW of databases, tables, sizes, groups, nodes: contract §4, §5.1, §7. All columns are strings."""

from typing import Any

import sqlglot

from . import clock, processes
from .answers import Rows, table
from .catalogs import matches
from .errors import Refused
from .statements import Show
from .warehouse import SYSTEM

FRONTENDS = ("Name Host EditLogPort HttpPort QueryPort RpcPort ArrowFlightSqlPort Role IsMaster ClusterId Join Alive "
             "ReplayedJournalId LastStartTime LastHeartbeat IsHelper ErrMsg Version CurrentConnected")  # fmt: skip
BACKENDS = ("BackendId Host HeartbeatPort BePort HttpPort BrpcPort ArrowFlightSqlPort LastStartTime LastHeartbeat Alive "
            "SystemDecommissioned TabletNum DataUsedCapacity TrashUsedCapacity AvailCapacity TotalCapacity UsedPct MaxDiskUsedPct "
            "RemoteUsedCapacity Tag ErrMsg Version Status HeartbeatFailureCounter NodeRole")  # fmt: skip


def plain(session: Any, asked: Show) -> Rows:
    if asked.what in FORMS:
        return FORMS[asked.what](session, asked, False) if FORMS[asked.what] is _tables else FORMS[asked.what](session, asked)
    full = asked.what.startswith("FULL ")
    form = FORMS[asked.what.removeprefix("FULL ")]
    return (
        form(session, asked._replace(what=asked.what.removeprefix("FULL ")), full)
        if form is _tables
        else form(session, asked)
    )


def _databases(session: Any, asked: Show) -> Rows:
    names = sorted([*SYSTEM, *(name for name in session.warehouse.databases if session.user.sees(name))])
    return table("Database", [(name,) for name in names if asked.like is None or matches(asked.like, name)])


def _tables(session: Any, asked: Show, full: bool) -> Rows:
    database = session.warehouse.database(asked.target[-1] if asked.target else session.database)
    found = [(name, "VIEW" if each.kind == "VIEW" else "BASE TABLE", "") for name, each in sorted(database.tables.items())
             if (asked.like is None or matches(asked.like, name)) and (asked.what == "TABLES" or each.kind == "VIEW")]  # fmt: skip
    if full:
        return table(f"Tables_in_{database.name} Table_type Storage_format", found)
    return table(f"Tables_in_{database.name}", [row[:1] for row in found])


def _columns(session: Any, asked: Show) -> Rows:
    each = session.find(asked.target)
    rows = [(column.name, column.type.lower(), "No" if "NOT NULL" in column.rest.upper() else "Yes", "false", None, "")
            for column in each.definition.columns]  # fmt: skip
    return table("Field Type Null Key Default Extra", rows)


def _partitions(session: Any, asked: Show) -> Rows:
    each = session.find(asked.target)
    stamp = clock.shown(each.created, session.variable("time_zone"))
    rows = []
    for name, predicate in each.definition.predicates(each.name).items():
        count = session.warehouse.store.count(each, predicate)
        rows.append(
            (
                each.partitions[name],
                name,
                1 + (count > 0),
                stamp,
                "NORMAL",
                each.definition.partitions.column,
                count,
                f"{count * 100} B",
            )
        )
    return table(
        "PartitionId PartitionName VisibleVersion VisibleVersionTime State PartitionKey RowCount DataSize", rows
    )


def _qualified(session: Any, asked: Show, query: str) -> str:
    """The body names its tables as `internal`.`db`.`t`: export contract §5.2."""
    tree = sqlglot.parse_one(query, read="doris")
    for node in tree.find_all(sqlglot.exp.Table):
        node.set("db", sqlglot.exp.to_identifier(node.db or (asked.target[-2] if len(asked.target) > 1 else session.database)))
        node.set("catalog", sqlglot.exp.to_identifier("internal"))
    return tree.sql("doris", identify=True)


def _create(session: Any, asked: Show) -> Rows:
    each = session.find(asked.target)
    if asked.what == "CREATE TABLE" and each.kind != "VIEW":
        return Rows(("Table", "Create Table"), [(each.name, create_text(each))])
    if asked.what == "CREATE MATERIALIZED VIEW" and each.kind == "MV":
        text = f"CREATE MATERIALIZED VIEW {each.name} BUILD IMMEDIATE REFRESH COMPLETE ON MANUAL\nAS {each.definition.query}"
        return Rows(("Materialized View", "Create Materialized View"), [(each.name, text)])
    if each.kind != "VIEW":
        raise Refused(f"'{each.name}' is not VIEW", 1347)
    text = f"CREATE VIEW `{each.name}` AS {_qualified(session, asked, each.definition.query)};"
    return Rows(
        ("View", "Create View", "character_set_client", "collation_connection"),
        [(each.name, text, "utf8mb4", "utf8mb4_0900_bin")],
    )


def create_text(each: Any) -> str:
    columns = ",\n".join(
        f"  `{column.name}` {column.type.lower()} {column.rest}".rstrip() for column in each.definition.columns
    )
    engine = (
        ""
        if each.definition.tail.upper().startswith("ENGINE")
        else f"ENGINE={each.kind if each.kind != 'MV' else 'MATERIALIZED_VIEW'}\n"
    )
    return f"CREATE TABLE `{each.name}` (\n{columns}\n) {engine}{each.definition.tail};"


def _create_database(session: Any, asked: Show) -> Rows:
    database = session.warehouse.database(asked.target[-1])
    pairs = ",\n".join(f'"{key}" = "{value}"' for key, value in database.properties.items())
    text = f"CREATE DATABASE `{database.name}`" + (f" PROPERTIES (\n{pairs}\n)" if pairs else "")
    return Rows(("Database", "Create Database"), [(database.name, text)])


def _data(session: Any, asked: Show) -> Rows:
    """§4: sizes here are a hundred bytes a row, times the replicas."""
    if asked.properties:
        return _warehouse_data(session, asked.properties)
    if not asked.target and session.database is None:
        rows = [
            (each.id, each.name, _size(session, each), 0, 0, 0) for each in session.warehouse.databases.values()
        ]
        return table("DbId DbName Size RemoteSize RecycleSize RecycleRemoteSize", rows)
    if asked.target:
        each = session.find(asked.target)
        count = session.warehouse.store.count(each)
        row = (
            each.name,
            each.name,
            f"{count * 100 * int(each.definition.replication)}.000 B",
            each.definition.replication,
            count,
            "0.000",
        )
        return table("TableName IndexName Size ReplicaCount RowCount RemoteSize", [row])
    return _database_data(session, session.warehouse.database(session.database))


def _database_data(session: Any, database: Any) -> Rows:
    rows = []
    for each in database.tables.values():
        size = session.warehouse.store.count(each) * 100 * int(each.definition.replication)
        rows.append((each.name, f"{size}.000 B", each.definition.replication, "0.000"))
    total = f"{_size(session, database)}.000 B"
    ends = [
        ("Total", total, len(rows), "0.000"),
        ("Quota", "1024.000 TB", 1073741824, ""),
        ("Left", "1024.000 TB", 1073741824, ""),
    ]
    return table("TableName Size ReplicaCount RemoteSize", [*rows, *ends])


def _warehouse_data(session: Any, properties: dict[str, str]) -> Rows:
    names = [name for name in properties.get("db_names", "").split(",") if name]
    found = [each for each in session.warehouse.databases.values() if not names or each.name in names]
    sizes = [(each.name, _size(session, each), 0) for each in found]
    return table("DBName DataSize RecycleSize", [*sizes, ("total", sum(row[1] for row in sizes), 0)])


def _size(session: Any, database: Any) -> int:
    return sum(
        session.warehouse.store.count(each) * 100 * int(each.definition.replication)
        for each in database.tables.values()
    )


def _frontends(session: Any, asked: Show) -> Rows:
    """§7. The leader has IsMaster true."""
    warehouse, rows = session.warehouse, []
    for number, port in enumerate(warehouse.ports):
        alive = str(number not in warehouse.stopped).lower()
        row = [f"fe_{number}", "127.0.0.1", 9010, 8030, port, 9020, -1, "FOLLOWER", str(number == warehouse.leader).lower(), 1, "true",
               alive, 1, "", "", "true", "", warehouse.dialect.comment, "Yes" if number == session.frontend else "No"]  # fmt: skip
        rows.append([*row, *(["\\N"] if warehouse.dialect.has("-live_since") else [])])
    return table(FRONTENDS + (" LiveSince" if warehouse.dialect.has("-live_since") else ""), rows)


def _backends(session: Any, asked: Show) -> Rows:
    row = [10002, "127.0.0.1", 9050, 9060, 8040, 8060, -1, "", "", "true", "false", 10, "0.000", "0.000", "1.000 TB", "1.000 TB", "0.00 %",
           "0.00 %", "0.000", '{"location" : "default"}', "", session.warehouse.dialect.comment, "{}", 0, "mix"]  # fmt: skip
    newer = session.warehouse.dialect.has("-live_since")
    return table(
        BACKENDS + (" CpuCores Memory LiveSince RunningTasks" if newer else ""),
        [[*row, *((2, "4 GB", "\\N", 0) if newer else ())]],
    )


def _grants(session: Any, asked: Show) -> Rows:
    """The contract gives no columns for it; these are some of the real ones."""
    user = session.user
    return table("UserIdentity Password Roles GlobalPrivs DatabasePrivs", [
        (f"'{user.name}'@'%'", "Yes", "", "Admin_priv" if user.admin else "\\N", "; ".join(f"internal.{name}: Load_priv" for name in sorted(user.load))),
    ])  # fmt: skip


def _variables(session: Any, asked: Show) -> Rows:
    names = sorted(session.variables | session.warehouse.globals)
    found = [(name, session.variable(name)) for name in names if asked.like is None or matches(asked.like, name)]
    return Rows(("Variable_name", "Value"), found)


def _proc(session: Any, asked: Show) -> Rows:
    raise Refused(f"the stand-in has no SHOW PROC {asked.target}", 1105)


FORMS = {
    "DATABASES": _databases, "SCHEMAS": _databases, "TABLES": _tables, "VIEWS": _tables, "COLUMNS": _columns, "PARTITIONS": _partitions,
    "CREATE TABLE": _create, "CREATE VIEW": _create, "CREATE MATERIALIZED VIEW": _create, "CREATE DATABASE": _create_database,
    "DATA": _data, "FRONTENDS": _frontends, "BACKENDS": _backends, "GRANTS": _grants, "ALL GRANTS": _grants, "VARIABLES": _variables,
    "GLOBAL VARIABLES": _variables, "PROCESSLIST": lambda session, _: processes.shown(session, full=False),
    "FULL PROCESSLIST": lambda session, _: processes.shown(session, full=True), "PROC": _proc,
}  # fmt: skip
