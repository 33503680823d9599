"""One plan with all that an export keeps, whose server goes away at each statement of backup and restore."""

import pytest
from told import MONDAY_2, MONDAY_3, TASK, in_parts, restored, states

EXPORT = (
    "^SELECT @@", "^SET time_zone", "^USE `?internal", "^SHOW COMPUTE GROUPS", "^SHOW DATABASES", "^SHOW CATALOGS", "^SHOW CATALOG `",
    "^SELECT bitmap_to", "^SELECT `__DORIS", "^SHOW CREATE MATERIALIZED VIEW .* ON", "^SHOW CREATE MATERIALIZED VIEW `sales`",
    "^SHOW CREATE FUNCTION", "^SELECT MAX", "^SELECT COUNT", "^SET enable_parallel", "^USE @", "^SET query_timeout", "^SET session_context",
    "^SELECT TABLE_NAME, TABLE_TYPE", "^SELECT TABLE_NAME, COLUMN_NAME", "^SHOW CREATE TABLE", "^SHOW PARTITIONS", "^DESC",
    "^SELECT UTC_TIMESTAMP", "^SELECT .* OUTFILE", "^SHOW CREATE VIEW", "^SHOW FULL FUNCTIONS", "^SHOW GRANTS",
)  # fmt: skip
RESTORE = (
    "^SHOW COMPUTE GROUPS", "^USE @", "^SHOW DATABASES", "^SHOW CATALOGS", "^SELECT TABLE_NAME", "^CREATE FUNCTION",
    "^CREATE MATERIALIZED VIEW IF", "^create materialized view daily", "^ALTER TABLE .* ADD ROLLUP", "^DESC", "^ALTER TABLE .* SET",
    "^ALTER DATABASE `sales` ", "^ALTER DATABASE `sales__restore", "^DROP DATABASE", "^CREATE CATALOG", "^SET enable_strict_cast",
    "^SELECT COUNT.* S3", "^CREATE DATABASE", "^CREATE TABLE", "^INSERT", "^SHOW TRANSACTION", "^CREATE VIEW",
    "^SET session_context", "^SELECT COUNT.* FROM `", "^SELECT UTC_TIMESTAMP", "^SHOW CREATE TABLE",
)  # fmt: skip
SOURCE = (
    "CREATE MATERIALIZED VIEW sales.summary BUILD IMMEDIATE REFRESH AUTO ON MANUAL AS SELECT count(*) AS n FROM sales.orders",
    "ALTER TABLE sales.orders ADD ROLLUP by_id (id)",
    "CREATE MATERIALIZED VIEW daily AS SELECT day, sum(n) FROM sales.days GROUP BY day",
    'CREATE FUNCTION sales.my_add(INT, INT) RETURNS INT PROPERTIES ("file" = "http://x/a.jar", "symbol" = "A")',
    "CREATE TABLE sales.counted (id BIGINT NOT NULL AUTO_INCREMENT(1), v INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
    "INSERT INTO sales.counted (v) VALUES (10), (20), (30)",
    "CREATE TABLE sales.agg (id INT NOT NULL, who BITMAP BITMAP_UNION) AGGREGATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
    "INSERT INTO sales.agg VALUES (1, to_bitmap(7))",
    "CREATE TABLE sales.seq (id INT NOT NULL, v VARCHAR(9)) UNIQUE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 "
    'PROPERTIES ("function_column.sequence_type" = "int")',
    "INSERT INTO sales.seq (id, v, `__DORIS_SEQUENCE_COL__`) VALUES (1, 'nine', 9)",
    "CREATE TABLE sales.dyn (day DATE NOT NULL, n INT) DUPLICATE KEY(day) PARTITION BY RANGE(day) "
    '(PARTITION p20261122 VALUES [("2026-11-22"), ("2026-11-23")), PARTITION p20261123 VALUES [("2026-11-23"), ("2026-11-24"))) '
    'DISTRIBUTED BY HASH(day) BUCKETS 1 PROPERTIES ("dynamic_partition.enable" = "true", "dynamic_partition.time_unit" = "DAY", '
    '"dynamic_partition.start" = "-30", "dynamic_partition.end" = "1", "dynamic_partition.prefix" = "p", '
    '"dynamic_partition.buckets" = "1")',
    "INSERT INTO sales.dyn VALUES ('2026-11-22', 1)",
    'CREATE CATALOG lake PROPERTIES ("type" = "jdbc", "password" = "hush")',
)


@pytest.fixture
def full(decoupled):
    at = decoupled()
    for statement in SOURCE:
        at.source.sql(statement)
    at.site.plan["objects"] = {"databases": ["crm", "sales"], "external_catalogs": ["lake"]}
    at.site.plan["check_row_counts"] = True
    at.site.write()
    at.site.apply("2026-11-23T01:30:00Z")
    return at


@pytest.mark.parametrize("statements", in_parts(EXPORT), ids=str)
def test_a_backup_of_everything_whose_server_restarts_leaves_nothing_out(full, statements):
    """D6, S1."""
    full.pass_while_it_restarts(full.source, statements, MONDAY_2)
    assert states(full.site)[TASK] == ("succeeded", None)
    full.assert_every_file_is_in_an_inventory("sales", "crm")
    assert full.document("manifest.json")["skipped_objects"] == []


@pytest.mark.parametrize("statements", in_parts(RESTORE), ids=str)
def test_a_restore_of_everything_whose_server_restarts_is_whole(full, statements):
    """R1, R4, R7: one database replaced, one renamed, a catalog. What fails before the claim is tried at the next pass."""
    full.back_up()
    full.target.sql("CREATE DATABASE sales")
    full.target.sql("CREATE TABLE sales.mine (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
    full.site.restore(
        "r-1", databases={"sales": "sales", "crm": "crm2"}, if_exists={"replace": ["sales"]}, external_catalogs=["lake"],
        catalog_secrets={"lake": {"password": {"env": "DORIS_TEST_SECRET"}}},
    )  # fmt: skip
    full.pass_while_it_restarts(full.target, statements, MONDAY_3)
    assert restored(full)[0] == "succeeded", restored(full)
    full.assert_same("sales", "sales", "orders", "days", "names", "counted", "agg", "seq", "dyn")
    full.assert_same("crm", "crm2", "people")
    assert {"crm2", "sales"} == {row[0] for row in full.target.sql("SHOW DATABASES")} - {"information_schema", "mysql", "__internal_schema"}
    assert "lake" in str(full.target.sql("SHOW CATALOGS"))
    assert full.target.sql("SHOW FULL FUNCTIONS FROM sales")
    assert {row[0] for row in full.target.sql("DESC sales.orders ALL") if row[0]} == {"orders", "by_id"}
    assert {row[0] for row in full.target.sql("DESC sales.days ALL") if row[0]} == {"days", "daily"}
    assert '"dynamic_partition.enable" = "true"' in full.target.sql("SHOW CREATE TABLE sales.dyn")[0][1]
