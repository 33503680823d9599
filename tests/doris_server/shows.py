"""SHOW of databases, tables, sizes, groups, nodes. All columns are strings."""

from typing import Any

from . import clock, column_facts, create_texts, kinds, processes, starrocks_shows, tails
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

PARTITIONS = ("PartitionId PartitionName VisibleVersion VisibleVersionTime State PartitionKey Range DistributionKey Buckets ReplicationNum "
              "StorageMedium CooldownTime RemoteStoragePolicy LastConsistencyCheckTime DataSize IsInMemory ReplicaAllocation IsMutable "
              "SyncWithBaseTables UnsyncTables")  # fmt: skip
DESC_ALL = "IndexName IndexKeysType Field Type InternalType Null Key Default Extra Visible DefineExpr WhereClause"


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
    rows = [row[2:4] + row[5:9] for row in _index_rows(session, session.find(asked.target))]
    return table("Field Type Null Key Default Extra", rows)


def _all_columns(session: Any, asked: Show) -> Rows:
    """DESC t ALL: the table's own index, then its rollups and synchronous views, a blank row between."""
    each = session.find(asked.target)
    rows = _index_rows(session, each)
    for name, (_, columns) in each.rollups.items():
        rows.append(("",) * 12)
        kinds_of = {column.name: column.type for column in each.definition.columns}
        for at, column in enumerate(columns):
            kind = kinds.printed(kinds_of.get(column, "bigint"))
            rows.append((name if at == 0 else "", "DUP_KEYS" if at == 0 else "", column, kind, kind, "Yes", "true" if at == 0 else "false",
                         None, "", "true", "", ""))  # fmt: skip
    return table(DESC_ALL, rows)


def _index_rows(session: Any, each: Any) -> list[tuple]:
    starrocks, rows = session.warehouse.dialect.starrocks, []
    model = {"DUPLICATE": "DUP_KEYS", "UNIQUE": "UNIQUE_KEYS", "AGGREGATE": "AGG_KEYS", "PRIMARY": "PRIMARY_KEYS"}[each.definition.model]
    for at, column in enumerate(each.definition.columns):
        facts = column_facts.parse(column.rest)
        kind = create_texts.starrocks_type(column.type) if starrocks else kinds.printed(column.type)
        extra = facts.aggregation or ("NONE" if model == "DUP_KEYS" and column.name not in each.definition.keys else "")
        extra = ",".join(filter(None, (extra, "AUTO_INCREMENT" if facts.auto is not None else "", "STORED GENERATED" if facts.generated else "")))
        rows.append((each.name if at == 0 else "", model if at == 0 else "", column.name, kind, kind, "Yes" if facts.nullable else "No",
                     str(column.name in each.definition.keys).lower(), facts.default, extra, "true", "", ""))  # fmt: skip
    return rows


def _partitions(session: Any, asked: Show) -> Rows:
    """Each with its visible version, which every write makes larger."""
    if session.find(asked.target).kind not in {"OLAP", "MV"}:
        raise Refused(f"Table[{asked.target[-1]}] is not a OLAP table", 1105)
    if session.warehouse.dialect.starrocks:
        return starrocks_shows.partitions(session, session.find(asked.target))
    each, zone, wide = session.find(asked.target), session.variable("time_zone"), session.warehouse.dialect.has("-wide_partitions")
    tail, rows = tails.parse(each.definition.tail), []
    ranges, key = dict(each.definition.partitions.items), each.definition.partitions.column
    for name, predicate in each.definition.predicates(each.name).items():
        count = session.warehouse.store.count(each, predicate)
        version, at = each.version(name)
        size = human(count * session.warehouse.row_bytes)
        row = (each.partitions[name], name, version, clock.shown(at, zone), "NORMAL", key, _range(ranges.get(name)),
               ", ".join(tail.hashed) or "RANDOM", tail.buckets or "10", each.definition.replication, "HDD", "9999-12-31 23:59:59", "",
               None, size, "false", f"tag.location.default: {each.definition.replication}", "true", "true", None)  # fmt: skip
        rows.append((*row, version, count) if wide else row)
    return table(PARTITIONS + (" CommittedVersion RowCount" if wide else ""), rows)


def _range(values: tuple[str, ...] | None) -> str:
    return "" if values is None else "; ".join(values)


def human(size: int) -> str:
    """Bytes as the servers write them: a number and a unit, and for nothing only a blank."""
    amount = float(size)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1024:
            return f"{amount:.3f} {unit if size else ''}"
        amount /= 1024
    return f"{amount:.3f} TB"


def _tablets(session: Any, asked: Show) -> Rows:
    """Those of rollups as well, unless one index is asked for; the rows of these are not counted. Doris wants ADMIN."""
    if not session.warehouse.dialect.starrocks:
        session.user.needs_admin()
    each, rows = session.find(asked.target), []
    chosen = [name for name in (asked.like or "").split(",") if name]
    for name in chosen:
        if name not in each.partitions:
            raise Refused(f"Unknown partition: {name}", 1105)
    for at, index in enumerate((each.name, *each.rollups)):
        for name, tablet, predicate in each.tablets():
            if (not chosen or name in chosen) and asked.properties.get("index", index) == index:
                count = session.warehouse.store.count(each, predicate)
                number = tablet + at * 10**12
                rows.append((number, number + 1, 10002, 1, each.version(name)[0], count * session.warehouse.row_bytes, count, "NORMAL"))
    return table("TabletId ReplicaId BackendId SchemaHash Version LocalDataSize RowCount State", rows)


def _create(session: Any, asked: Show) -> Rows:
    each, warehouse = session.find(asked.target), session.warehouse
    if asked.what == "CREATE SYNC VIEW":
        if asked.like not in each.rollups:
            raise Refused(f"Materialized view [{asked.like}] does not exist in table [{each.name}]", 1105)
        text = each.rollups[asked.like][0]
        return table("TableName ViewName CreateStmt", [(each.name, asked.like, text)] if text else [])
    if asked.what == "CREATE MATERIALIZED VIEW":
        if each.kind != "MV":
            raise Refused(f"'{each.name}' is not MATERIALIZED VIEW", 1347)
        return Rows(("Materialized View", "Create Materialized View"), [(each.name, create_texts.materialized(warehouse, each))])
    if asked.what == "CREATE TABLE" and each.kind != "VIEW":
        return Rows(("Table", "Create Table"), [(each.name, create_texts.table(warehouse, each))])
    if each.kind != "VIEW":
        raise Refused(f"'{each.name}' is not VIEW", 1347)
    return _create_view(session, each)


def _create_view(session: Any, each: Any) -> Rows:
    body = each.definition.query
    if session.warehouse.dialect.starrocks:
        listed = ", ".join(f"`{column.name}`" for column in each.definition.columns)
        text = f"CREATE VIEW `{each.name}` ({listed})\nAS {body.replace('`internal`.', '')};"
        return Rows(("View", "Create View", "character_set_client", "collation_connection"), [(each.name, text, "utf8", "utf8_general_ci")])
    return Rows(
        ("View", "Create View", "character_set_client", "collation_connection"),
        [(each.name, f"CREATE VIEW `{each.name}` AS {body};", "utf8mb4", "utf8mb4_0900_bin")],
    )


def _create_database(session: Any, asked: Show) -> Rows:
    database = session.warehouse.database(asked.target[-1])
    own = {"storage_vault_name": create_texts.VAULT} if session.warehouse.dialect.cloud and not session.warehouse.dialect.starrocks else {}
    pairs = ",\n".join(f'"{key}" = "{value}"' for key, value in (own | database.properties).items())
    text = f"CREATE DATABASE `{database.name}`" + (f" PROPERTIES (\n{pairs}\n)" if pairs else "")
    return Rows(("Database", "Create Database"), [(database.name, text)])


def _data(session: Any, asked: Show) -> Rows:
    """Sizes here are a hundred bytes a row, times the replicas."""
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
            f"{count * session.warehouse.row_bytes * int(each.definition.replication)}.000 B",
            each.definition.replication,
            count,
            "0.000",
        )
        return table("TableName IndexName Size ReplicaCount RowCount RemoteSize", [row])
    return _database_data(session, session.warehouse.database(session.database))


def _database_data(session: Any, database: Any) -> Rows:
    rows = []
    for each in database.tables.values():
        size = session.warehouse.store.count(each) * session.warehouse.row_bytes * int(each.definition.replication)
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
        session.warehouse.store.count(each) * session.warehouse.row_bytes * int(each.definition.replication)
        for each in database.tables.values()
    )


def _frontends(session: Any, asked: Show) -> Rows:
    """The leader has IsMaster true."""
    warehouse, rows = session.warehouse, []
    for number, port in enumerate(warehouse.ports):
        alive = str(number not in warehouse.stopped).lower()
        row = [f"fe_{number}", "127.0.0.1", 9010, 8030, port, 9020, -1, "FOLLOWER", str(number == warehouse.leader).lower(), 1, "true",
               alive, 1, "", "", "true", "", warehouse.dialect.comment, "Yes" if number == session.frontend else "No"]  # fmt: skip
        rows.append([*row, *(["\\N"] if warehouse.dialect.has("-live_since") else [])])
    return table(FRONTENDS + (" LiveSince" if warehouse.dialect.has("-live_since") else ""), rows)


def _backends(session: Any, asked: Show) -> Rows:
    rows = [_backend(session, number, port) for number, port in create_texts.nodes_of(session.warehouse)]
    newer = session.warehouse.dialect.has("-live_since")
    return table(
        BACKENDS + (" CpuCores Memory LiveSince RunningTasks" if newer else ""),
        [[*row, *((2, "4 GB", "\\N", 0) if newer else ())] for row in rows],
    )


def _backend(session: Any, number: int, port: int) -> list[Any]:
    return [number, "127.0.0.1", port, 9060, 8040, 8060, -1, "", "", "true", "false", 10, "0.000", "0.000", "1.000 TB", "1.000 TB", "0.00 %",
           "0.00 %", "0.000", '{"location" : "default"}', "", session.warehouse.dialect.comment, "{}", 0, "mix"]  # fmt: skip


def _grants(session: Any, asked: Show) -> Rows:
    """With the rights of its roles, as Doris writes them (doris-website, SHOW GRANTS)."""
    user = session.user
    known = {name: [word for word, names in (("Select_priv", user.select), ("Load_priv", user.load)) if name in names]
             for name in sorted(user.select | user.load)}  # fmt: skip
    rights = {name: ",".join(words) for name, words in known.items()}
    databases = "; ".join(f"internal.{name}: {words}" for name, words in {"information_schema": "Select_priv", **rights}.items() if name != "*")
    tables = "; ".join(f"internal.{name}: Select_priv" for name in sorted(user.tables))
    return table("UserIdentity Comment Password Roles GlobalPrivs CatalogPrivs DatabasePrivs TablePrivs", [
        (f"'{user.name}'@'%'", "", "Yes", "", "Admin_priv  (false)" if user.admin else None,
         f"internal: {rights['*']}" if "*" in rights else None, databases, tables or None),
    ])  # fmt: skip


def _variables(session: Any, asked: Show) -> Rows:
    names = sorted(session.variables | session.warehouse.globals)
    found = [(name, session.variable(name)) for name in names if asked.like is None or matches(asked.like, name)]
    return Rows(("Variable_name", "Value"), found)


def frontend_config(session: Any, asked: Any) -> Rows:
    """ADMIN SHOW FRONTEND CONFIG: of StarRocks whether storage is shared."""
    session.user.needs_admin()
    mode = "shared_data" if session.warehouse.dialect.cloud else "shared_nothing"
    known = {"run_mode": mode} if session.warehouse.dialect.starrocks else {"cluster_id": "1"}
    rows = [(name, "[]", value, "String", "false", "") for name, value in known.items() if asked.like is None or matches(asked.like, name)]
    return table("Key AliasNames Value Type IsMutable Comment", rows)


def _proc(session: Any, asked: Show) -> Rows:
    raise Refused(f"the stand-in has no SHOW PROC {asked.target}", 1105)


FORMS = {
    "DATABASES": _databases, "SCHEMAS": _databases, "TABLES": _tables, "VIEWS": _tables, "COLUMNS": _columns, "PARTITIONS": _partitions, "ALL COLUMNS": _all_columns, "TABLETS": _tablets, "CREATE SYNC VIEW": _create,
    "CREATE TABLE": _create, "CREATE VIEW": _create, "CREATE MATERIALIZED VIEW": _create, "CREATE DATABASE": _create_database,
    "DATA": _data, "FRONTENDS": _frontends, "BACKENDS": _backends, "GRANTS": _grants, "ALL GRANTS": _grants, "VARIABLES": _variables,
    "GLOBAL VARIABLES": _variables, "PROCESSLIST": lambda session, _: processes.shown(session, full=False),
    "FULL PROCESSLIST": lambda session, _: processes.shown(session, full=True), "PROC": _proc,
}  # fmt: skip
