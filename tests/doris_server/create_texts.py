"""What SHOW CREATE prints: everything that is so, also what nobody wrote."""

from typing import Any

import sqlglot

from . import column_facts, kinds, tails
from .errors import Refused
from .sql import Sql
from .tables import Table, replication

VAULT = "built_in_storage_vault"
LEAST = {"DATE": "0000-01-01", "DATETIME": "0000-01-01 00:00:00", "INT": "-2147483648", "BIGINT": "-9223372036854775808",
         "TINYINT": "-128", "SMALLINT": "-32768"}  # fmt: skip
OWN = ("dynamic_partition.", "binlog.", "function_column.", "bloom_filter", "colocate_with", "compression", "store_row",
       "enable_unique_key", "enable_mow", "row_store", "compaction", "time_series", "storage_policy", "storage_cooldown", "partition.",
       "replicated_storage", "fast_schema", "datacache.", "enable_persistent", "persistent_index", "partition_live", "unique_constraints",
       "foreign_key", "estimate_partition", "variant_", "vertical_compaction", "skip_write_index", "deprecated_", "storage_page_size", "storage_dict_page_size",
       "enable_duplicate_without_keys")  # fmt: skip
KNOWN = {"replication_num", "replication_allocation", "min_load_replica_num", "is_being_synced", "storage_medium", "storage_format",
         "inverted_index_storage_format", "light_schema_change", "disable_auto_compaction", "enable_single_replica_compaction",
         "group_commit_interval_ms", "group_commit_data_bytes", "file_cache_ttl_seconds", "storage_vault_id", "storage_vault_name",
         "in_memory", "storage_type", "version_info", "tablet_type", "write_quorum", "bucket_size", "storage_volume"}  # fmt: skip


NOT_SHOWN_APART = {f"dynamic_partition.{key}" for key in ("replication_num", "replication_allocation", "storage_policy", "storage_medium")}


def check_properties(warehouse: Any, given: dict[str, str]) -> None:
    """What CREATE TABLE refuses."""
    unknown = {key: value for key, value in given.items() if key not in KNOWN and not key.startswith(OWN)}
    if unknown:
        listed = ", ".join(f"{key}={value}" for key, value in unknown.items())
        raise Refused(f"Unknown properties: {{{listed}}}", 1105)
    if given.get("storage_vault_id", warehouse.vault) != warehouse.vault:
        raise Refused("storageVaultId check failed", 1105)
    if "storage_vault_name" in given and given["storage_vault_name"] != VAULT:
        raise Refused(f"Storage vault '{given['storage_vault_name']}' does not exist", 1105)
    for key in ("storage_policy", "dynamic_partition.storage_policy"):
        if given.get(key) and given[key] not in warehouse.policies:
            raise Refused(f"Storage policy does not exist. name: {given[key]}", 1105)


def check_replicas(warehouse: Any, given: dict[str, str]) -> None:
    """A server that keeps its rows itself puts each copy on a node of its own, and makes three unless told otherwise."""
    future = {key.removeprefix("dynamic_partition."): value for key, value in given.items() if key.startswith("dynamic_partition.")}
    wanted = max(int(replication(given)), int(replication(future, "1")))
    if warehouse.dialect.cloud or wanted <= warehouse.backends:
        return
    if warehouse.dialect.starrocks:
        nodes = ",".join(str(number) for number, _ in nodes_of(warehouse))
        raise Refused("Table replication num should be less than or equal to the number of available BE nodes. You can change this default "
                      f"by setting the replication_num table properties. Current alive backend is [{nodes}].", 1064)  # fmt: skip
    raise Refused(f"replication num should be less than the number of available backends. replication num is {wanted}, "
                  f"available backend num is {warehouse.backends}", 1105)  # fmt: skip


def nodes_of(warehouse: Any) -> list[tuple[int, int]]:
    """The id and the port of each."""
    return [(10002 + at, 9050 + at) for at in range(warehouse.backends)]


def table(warehouse: Any, each: Table) -> str:
    starrocks, definition = warehouse.dialect.starrocks, each.definition
    tail = tails.parse(definition.tail)
    lines = [f"  {_column(warehouse, column, tail)}" for column in definition.columns] + [f"  {index}" for index in definition.indexes]
    keys = ", ".join(f"`{key}`" for key in definition.keys)
    engine = "OLAP" if each.kind == "OLAP" else "MATERIALIZED_VIEW" if each.kind == "MV" else each.kind
    parts = [f"CREATE TABLE `{each.name}` (", ",\n".join(lines), f") ENGINE={engine}{' ' if starrocks else ''}"]
    if each.kind not in {"OLAP", "MV"}:
        pairs = ",\n".join(f'"{key}" = "{value}"' for key, value in tail.properties)
        return "\n".join([*parts, f"PROPERTIES (\n{pairs}\n);" if pairs else ";"])
    if definition.settings.get("enable_duplicate_without_keys_by_default") != "true":
        parts.append(f"{definition.model} KEY({keys})")
    if tail.cluster:
        parts.append(f"CLUSTER BY ({', '.join(f'`{name}`' for name in tail.cluster)})")
    if tail.comment:
        parts.append(f'COMMENT "{tail.comment}"' if starrocks else f"COMMENT '{tail.comment}'")
    parts += _partitions(definition, starrocks)
    parts.append(_distribution(tail, starrocks))
    pairs = ",\n".join(f'"{key}" = "{value}"' for key, value in properties(warehouse, each).items())
    return "\n".join([*parts, f"PROPERTIES (\n{pairs}\n);"])


def _column(warehouse: Any, column: Any, tail: tails.Tail) -> str:
    """A default stands in double quotes, and one in it is not escaped."""
    facts, starrocks = column_facts.parse(column.rest), warehouse.dialect.starrocks
    words = [f"`{column.name}`", starrocks_type(column.type) if starrocks else kinds.printed(column.type)]
    words += [facts.aggregation] if facts.aggregation else []
    if facts.generated and not starrocks:
        words.append(f"AS ({facts.generated})")
    words.append("NULL" if facts.nullable and not (starrocks and tail.model == "PRIMARY" and column.name in tail.keys) else "NOT NULL")
    if facts.auto is not None:
        words.append("AUTO_INCREMENT" if starrocks else f"AUTO_INCREMENT({facts.auto})")
    if facts.default is not None:
        words.append(f"DEFAULT {facts.default}" if not facts.literal else f'DEFAULT "{facts.default}"')
    words += ["ON UPDATE CURRENT_TIMESTAMP"] if facts.on_update else []
    if facts.generated and starrocks:
        words.append(f"AS {facts.generated}")
    comment = facts.comment.replace("\\", "\\\\").replace('"', '\\"')
    words += [f'COMMENT "{comment}"'] if comment or starrocks else []
    return " ".join(words)


def starrocks_type(text: str) -> str:
    """With the widths that it prints."""
    plain = kinds.printed(text).replace(",", ", ") if text.upper().startswith("DECIMAL") else kinds.printed(text)
    widths = {"tinyint": "(4)", "smallint": "(6)", "int": "(11)", "bigint": "(20)", "largeint": "(40)"}
    if plain == "text":
        return "varchar(65533)"
    return plain + widths.get(plain, "")


def _partitions(definition: Any, starrocks: bool) -> list[str]:
    parts = definition.partitions
    if not parts.column:
        return []
    column = f"`{parts.column}`"
    by = f"date_trunc({column}, '{parts.auto}')" if parts.auto not in {"", "LIST"} else column
    kind = next(kinds.base(each.type) for each in definition.columns if each.name == parts.column)
    listed = ",\n".join(_partition(name, values, parts.kind, kind, starrocks) for name, values in parts.items)
    auto = "AUTO " if parts.auto and not starrocks else ""
    return [f"{auto}PARTITION BY {parts.kind}({by})\n({listed})" if listed else f"{auto}PARTITION BY {parts.kind}({by})\n()"]


def _partition(name: str, values: tuple[str, ...], kind: str, column: str, starrocks: bool) -> str:
    shown = name if not starrocks and name.isidentifier() else f"`{name}`"
    if kind == "LIST":
        return f"PARTITION {shown} VALUES IN ({', '.join(chr(34) + value + chr(34) for value in values)})"
    low = values[0] or LEAST.get(column.removesuffix("V2"), "-2147483648")
    high = values[1]
    quote = '"' if starrocks else "'"
    if high == "MAXVALUE":
        return f"PARTITION {shown} VALUES [({quote}{low}{quote}), (MAXVALUE))"
    return f"PARTITION {shown} VALUES [({quote}{low}{quote}), ({quote}{high}{quote}))"


def _distribution(tail: tails.Tail, starrocks: bool) -> str:
    hashed = f"HASH({', '.join(f'`{name}`' for name in tail.hashed)})" if tail.hashed else "RANDOM"
    end = " " if starrocks else ""
    order = f"\nORDER BY({', '.join(f'`{name}`' for name in tail.order)})" if tail.order else ""
    buckets = f" BUCKETS {tail.buckets or '10'}{end}" if tail.buckets or not starrocks else ""
    return f"DISTRIBUTED BY {hashed}{buckets}{order}"


def properties(warehouse: Any, each: Table) -> dict[str, str]:
    """In the order of the server; what the user gave last."""
    given, definition = dict(each.definition.settings), each.definition
    if warehouse.dialect.starrocks:
        own = {"compression": "LZ4", "fast_schema_evolution": "true", "replicated_storage": "true", "replication_num": definition.replication}
        own |= {"datacache.enable": "true", "storage_volume": "builtin_storage_volume"} if warehouse.dialect.cloud else {}
        return own | given
    own = {"file_cache_ttl_seconds": "0"} if warehouse.dialect.cloud else {
        "replication_allocation": f"tag.location.default: {definition.replication}", "min_load_replica_num": "-1",
    }  # fmt: skip
    own |= {"is_being_synced": "false"}
    own |= {} if warehouse.dialect.cloud else {"storage_medium": "hdd"}
    own |= {"storage_format": "V2", "inverted_index_storage_format": "V2", "light_schema_change": "true",
            "disable_auto_compaction": "false", "enable_single_replica_compaction": "false",
            "group_commit_interval_ms": "10000", "group_commit_data_bytes": "134217728"}  # fmt: skip
    if definition.model == "UNIQUE":
        own |= {"enable_unique_key_merge_on_write": "true", "enable_mow_light_delete": "false"}
    if warehouse.dialect.cloud:
        own |= {"storage_vault_id": warehouse.vault, "storage_vault_name": VAULT}
    given.pop("replication_num", None)
    given.pop("replication_allocation", None)
    if given.get("dynamic_partition.enable"):
        own |= {"dynamic_partition.time_zone": "Etc/UTC", "dynamic_partition.create_history_partition": "false",
                "dynamic_partition.history_partition_num": "-1", "dynamic_partition.hot_partition_num": "0",
                "dynamic_partition.reserved_history_periods": "NULL"}  # fmt: skip
        own |= {} if warehouse.dialect.cloud else {
            "dynamic_partition.replication_allocation": f"tag.location.default: {definition.replication}", "dynamic_partition.storage_policy": "",
        }  # fmt: skip
    return own | {key: value for key, value in given.items() if not (warehouse.dialect.cloud and key in NOT_SHOWN_APART)}


def qualified(database: str, query: str) -> str:
    """The body of a view names its tables as `internal`.`db`.`t`."""
    tree = sqlglot.parse_one(query, read=Sql)
    for node in tree.find_all(sqlglot.exp.Table):
        if isinstance(node.this, sqlglot.exp.Identifier):
            node.set("db", sqlglot.exp.to_identifier(node.db or database))
            node.set("catalog", sqlglot.exp.to_identifier("internal"))
    return tree.sql("doris", identify=True)


def materialized(warehouse: Any, each: Table) -> str:
    """Name and columns without back-quotes; the properties of a table, the vault among them."""
    columns = ",".join(column.name for column in each.definition.columns)
    own = properties(warehouse, each)
    pairs = ",\n".join(f'"{key}" = "{value}"' for key, value in own.items())
    if warehouse.dialect.starrocks:
        quoted = ", ".join(f"`{column.name}`" for column in each.definition.columns)
        body = each.definition.query.replace("`internal`.", "")
        return (f"CREATE MATERIALIZED VIEW `{each.name}` ({quoted})\nDISTRIBUTED BY RANDOM\n{each.definition.head or 'REFRESH MANUAL'}\n"
                f'PROPERTIES (\n"replicated_storage" = "true",\n"replication_num" = "{each.definition.replication}"\n)\nAS {body};')  # fmt: skip
    head = each.definition.head or "BUILD IMMEDIATE REFRESH AUTO ON MANUAL"
    return (f"CREATE MATERIALIZED VIEW {each.name}\n({columns})\n{head}\nDUPLICATE KEY({each.definition.columns[0].name})\n"
            f"DISTRIBUTED BY RANDOM BUCKETS 2\nPROPERTIES (\n{pairs}\n)\nAS\n{each.definition.query}")  # fmt: skip
