"""Definitions through an export: every property that Doris prints, tables that make their own partitions.

What a restored table shall be is made at the target by hand, from what is the table's own; both are compared as the
server prints them. Which properties are tied to a cluster is from Doris' Env.java.
"""

import re

import pytest
import told
from told import MONDAY_3, TASK, restored

UNIQUE = (
    'CREATE TABLE {database}.uniq (id BIGINT NOT NULL AUTO_INCREMENT({next_id}), v VARCHAR(9) NULL DEFAULT "a(b" COMMENT \'x "y" (z\', '
    "seen DATETIME(3) NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), twice BIGINT AS (id * 2) NULL, at DATETIME NOT NULL, "
    'INDEX words (v) USING INVERTED PROPERTIES("parser" = "english") COMMENT "of (v") UNIQUE KEY(id) CLUSTER BY (v) '
    "COMMENT 'all (of \"it\"' DISTRIBUTED BY HASH(id) BUCKETS 3 PROPERTIES ({properties})"
)
FLAT = "CREATE TABLE {database}.flat (n INT NULL, v VARIANT NULL) DISTRIBUTED BY RANDOM BUCKETS AUTO PROPERTIES ({properties})"
DYNAMIC = (
    "CREATE TABLE {database}.dyn (day DATE NOT NULL, n INT) DUPLICATE KEY(day) PARTITION BY RANGE(day) "
    "(PARTITION p_2017 VALUES [('2017-01-01'), ('2018-01-01')), PARTITION p_2026 VALUES [('2026-01-01'), ('2027-01-01'))) "
    "DISTRIBUTED BY HASH(day) BUCKETS 1 PROPERTIES ({properties})"
)
AUTO = (
    "CREATE TABLE {database}.auto (at DATETIME NOT NULL, n INT) DUPLICATE KEY(at) AUTO PARTITION BY RANGE (date_trunc(`at`, 'month')) "
    "({months}) DISTRIBUTED BY HASH(at) BUCKETS AUTO PROPERTIES ({properties})"
)
LISTED = (
    "CREATE TABLE {database}.listed (place VARCHAR(9) NOT NULL, n INT) DUPLICATE KEY(place) AUTO PARTITION BY LIST (`place`) ({places}) "
    "DISTRIBUTED BY HASH(place) BUCKETS 2 PROPERTIES ({properties})"
)
# Partitions that AUTO PARTITION makes of the rows below.
GENERATED = {"months": ", ".join(
    f"PARTITION p2026{month:02}01000000 VALUES [('2026-{month:02}-01 00:00:00'), ('2026-{month + 1:02}-01 00:00:00'))" for month in (1, 2, 4)
), "places": 'PARTITION pBern4 VALUES IN ("Bern"), PARTITION pOslo4 VALUES IN ("Oslo")'}  # fmt: skip
# What is a table's own.
OF_UNIQUE = {
    "bloom_filter_columns": "v, seen", "compression": "ZSTD", "light_schema_change": "true", "enable_unique_key_merge_on_write": "true",
    "enable_unique_key_skip_bitmap_column": "true", "enable_mow_light_delete": "true", "function_column.sequence_col": "at",
    "store_row_column": "true", "row_store_columns": "id,v", "row_store_page_size": "16384", "storage_page_size": "65536",
    "storage_dict_page_size": "262144", "skip_write_index_on_load": "true", "disable_auto_compaction": "true", "storage_format": "V2",
    "inverted_index_storage_format": "V3", "enable_single_replica_compaction": "true", "group_commit_interval_ms": "5000",
    "group_commit_data_bytes": "1048576",
}  # fmt: skip
OF_FLAT = {
    "enable_duplicate_without_keys_by_default": "true", "estimate_partition_size": "10G", "variant_enable_flatten_nested": "true",
    "compaction_policy": "time_series", "time_series_compaction_goal_size_mbytes": "2048",
    "time_series_compaction_file_count_threshold": "4000", "time_series_compaction_time_threshold_seconds": "7200",
    "time_series_compaction_empty_rowsets_threshold": "10", "time_series_compaction_level_threshold": "2",
}  # fmt: skip
OF_DYNAMIC = {
    "dynamic_partition.enable": "true", "dynamic_partition.time_unit": "YEAR", "dynamic_partition.time_zone": "Europe/Berlin",
    "dynamic_partition.start": "-9", "dynamic_partition.end": "3", "dynamic_partition.prefix": "p_", "dynamic_partition.buckets": "7",
    "dynamic_partition.create_history_partition": "false", "dynamic_partition.history_partition_num": "2",
    "dynamic_partition.hot_partition_num": "1", "dynamic_partition.reserved_history_periods": "[2024-01-01,2024-12-31]",
}  # fmt: skip
OF_AUTO = {"partition.retention_count": "2"}
OF_LISTED = {"light_schema_change": "true"}
EVERY = ((UNIQUE, OF_UNIQUE), (FLAT, OF_FLAT), (DYNAMIC, OF_DYNAMIC), (AUTO, OF_AUTO), (LISTED, OF_LISTED))
# What is its cluster's, or somebody else's.
OF_EITHER = {"is_being_synced": "true", "binlog.enable": "true", "binlog.ttl_seconds": "86400",
             "binlog.max_bytes": "9223372036854775807", "binlog.max_history_nums": "9223372036854775807"}  # fmt: skip
OF_COUPLED = {"replication_allocation": "tag.location.default: 2", "min_load_replica_num": "1", "storage_medium": "SSD",
              "storage_cooldown_time": "2099-01-01 00:00:00", "storage_policy": "cold"}  # fmt: skip
OF_DECOUPLED = {"file_cache_ttl_seconds": "3600", "storage_vault_name": "built_in_storage_vault"}
ROWS = (
    "INSERT INTO {}.uniq (v, at) VALUES ('one', '2026-01-01 00:00:00'), (NULL, '1969-12-31 23:59:59')",
    "INSERT INTO {}.flat VALUES (1, '{{\"a\": 1}}'), (1, NULL)",
    "INSERT INTO {}.dyn VALUES ('2017-05-05', 1), ('2026-05-05', 2)",
    "INSERT INTO {}.auto VALUES ('2026-01-15 01:02:03', 1), ('2026-02-01 00:00:00', 2), ('2026-04-30 23:59:59', 3)",
    "INSERT INTO {}.listed VALUES ('Oslo', 1), ('Bern', 2), ('Oslo', 3)",
)
OVERDUE = 60 * 86_400  # seconds after which p_2017 is older than nine years
TABLES = ("uniq", "flat", "dyn", "auto", "listed")


def made(server, database: str, more: dict[str, str], next_id: int = 1, months: str = "", places: str = "") -> None:
    """All tables, with these properties beside their own."""
    server.sql(f"CREATE DATABASE {database}")
    for statement, own in EVERY:
        words = {"database": database, "next_id": next_id, "months": months, "places": places}
        server.sql(statement.format(properties=listed(own | more), **words))


def listed(pairs: dict[str, str]) -> str:
    return ", ".join(f'"{key}" = "{value}"' for key, value in pairs.items())


def printed(server, table: str) -> tuple[str, dict[str, str]]:
    """A definition: what stands before its properties, and those."""
    (row,) = server.sql(f"SHOW CREATE TABLE {table}")
    before, _, after = row[1].rpartition("\nPROPERTIES (")
    return before, dict(re.findall(r'"(.*?)" = "(.*?)"', after))


def definitions(server, database: str) -> dict[str, tuple[str, dict[str, str]]]:
    return {name: printed(server, f"{database}.{name}") for name in TABLES}


@pytest.fixture(params=["coupled", "decoupled"])
def source(request, coupled, decoupled):
    """Makes them: the source of either mode, the target of the mode that is asked for."""

    def make(target: str):
        at = {"coupled": coupled, "decoupled": decoupled}[request.param](target)
        at.source.warehouse.policies.add("cold")
        at.source.sql("DROP DATABASE crm")
        made(at.source, "crm", OF_EITHER | (OF_COUPLED if request.param == "coupled" else OF_DECOUPLED))
        at.source.sql('ALTER TABLE crm.uniq SET ("colocate_with" = "near")')
        for statement in ROWS:
            at.source.sql(statement.format("crm"))
        return at

    return make


@pytest.mark.parametrize("target", ["coupled", "decoupled"])
def test_each_table_is_what_it_was_but_for_what_was_its_clusters(source, target):
    """E4."""
    at = source(target)
    at.back_up()
    assert at.restore(databases={"crm": "copy"})[0] == "succeeded", restored(at)

    _, of_source = printed(at.source, "crm.uniq")
    of_target = {"replication_num": of_source.get("replication_allocation", "3")[-1]}
    if target == "decoupled":
        of_target = {key: of_source[key] for key in of_source if key == "file_cache_ttl_seconds"}
    made(at.target, "wanted", of_target, next_id=3, **GENERATED)
    assert definitions(at.target, "copy") == definitions(at.target, "wanted")


@pytest.mark.parametrize("target", ["coupled", "decoupled"])
def test_their_rows_come_back_and_they_go_on_as_at_the_source(source, target):
    """E4: partitions are made and dropped by themselves as soon as all rows are there, and not before."""
    at = source(target)
    at.back_up()
    at.site.restore("r-1", databases={"crm": "copy"})
    at.target.advance(OVERDUE)
    at.target.faults.hang("^ALTER TABLE .* SET")

    def nothing_is_dropped_yet() -> None:
        at.target.control.schedule_partitions()
        at.assert_same("crm", "copy", *TABLES)

    at.pass_while(at.target, MONDAY_3, nothing_is_dropped_yet)
    assert restored(at)[0] == "succeeded", restored(at)
    at.source.advance(OVERDUE)
    at.source.control.schedule_partitions()
    at.assert_same("crm", "copy", *TABLES)
    assert [len(at.target.rows(f"copy.{name}")) for name in ("dyn", "auto")] == [1, 2]

    for server, database in ((at.source, "crm"), (at.target, "copy")):
        server.sql(f"INSERT INTO {database}.auto VALUES ('2026-07-01 00:00:00', 4), ('2026-02-28 00:00:00', 5)")
        server.sql(f"INSERT INTO {database}.listed VALUES ('Rom', 4), ('Bern', 5)")
    at.assert_same("crm", "copy", "auto", "listed")
    for table in ("auto", "listed"):
        assert printed(at.target, f"copy.{table}")[0] == printed(at.source, f"crm.{table}")[0]


@pytest.mark.parametrize("target", ["coupled", "decoupled"])
def test_partitions_to_come_have_what_their_table_has(coupled, target):
    """E4: not the copies, the tags and the policy of their source, which a smaller or other target lacks."""
    at = coupled(target, backends=1)
    at.source.warehouse.policies.add("cold")
    at.source.sql(told.DYNAMIC.replace('"dynamic_partition.buckets"', '"dynamic_partition.storage_policy" = "cold", "dynamic_partition.buckets"'))
    at.source.sql("INSERT INTO crm.dyn VALUES ('2026-11-22', 1)")
    at.back_up()
    assert at.restore(databases={"crm": "copy"}) == (
        "succeeded", f"restored copy from {TASK}; not taken over: dynamic_partition.storage_policy (copy.dyn)"
    )
    at.assert_same("crm", "copy", "dyn")
    assert '"dynamic_partition.enable" = "true"' in at.target.sql("SHOW CREATE TABLE copy.dyn")[0][1]
