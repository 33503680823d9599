"""Exports of StarRocks on bad days: its server goes away at each statement, a database is replaced, work is cancelled."""


import pytest
from told import MONDAY_2, MONDAY_3, TASK, in_parts, restored, states, wait_until

EXPORT = (
    "^SELECT @@", "^SET time_zone", "^SET query_timeout", "^SET insert_max", "^SHOW DATABASES", "^SHOW CATALOGS",
    "^SELECT TABLE_NAME, TABLE_TYPE", "materialized_views", "^SELECT TABLE_NAME, COLUMN_NAME", "^SELECT bitmap_to", "^SHOW CREATE TABLE",
    "^SHOW PARTITIONS", "^SELECT UTC_TIMESTAMP", "^INSERT INTO FILES", "^SELECT COUNT.* FILES", "^SELECT COUNT.* `sales`", "^SELECT MAX",
    "^SHOW CREATE VIEW", "^SHOW CREATE MATERIALIZED VIEW", "^SHOW FULL FUNCTIONS", "^SHOW CREATE CATALOG",
)  # fmt: skip
RESTORE = (
    "^SHOW DATABASES", "^SELECT TABLE_NAME", "^SELECT UTC_TIMESTAMP", "^SHOW BACKENDS", "^CREATE DATABASE", "^CREATE TABLE",
    "^SET insert_timeout", "^SELECT COUNT.* `sales", "^SELECT COUNT.* FILES", "^INSERT", "^SHOW LOAD", "^ALTER DATABASE `sales` ",
    "^ALTER DATABASE `sales__restore", "^CREATE EXTERNAL CATALOG", "^CREATE VIEW", "^CREATE MATERIALIZED VIEW", "^ALTER TABLE .* SET",
    "^DROP DATABASE",
)  # fmt: skip
REPLACE = ("^ALTER DATABASE `sales` ", "^ALTER DATABASE `sales__restore", "^DROP DATABASE", "^CREATE VIEW")
SOURCE = (
    "CREATE MATERIALIZED VIEW sales.summary REFRESH ASYNC AS SELECT what, count(*) AS n FROM sales.orders GROUP BY what",
    "CREATE TABLE sales.counted (id BIGINT NOT NULL AUTO_INCREMENT, at DATETIME) PRIMARY KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
    "INSERT INTO sales.counted (at) VALUES ('2026-01-01 00:00:00'), ('1969-12-31 23:59:59')",
    "CREATE TABLE sales.agg (id INT NOT NULL, who BITMAP BITMAP_UNION) AGGREGATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
    "INSERT INTO sales.agg SELECT 1, to_bitmap(7)",
    "CREATE TABLE sales.live (day DATE NOT NULL, n INT) DUPLICATE KEY(day) PARTITION BY RANGE(day) "
    '(PARTITION p1 VALUES LESS THAN ("2026-02-01")) DISTRIBUTED BY HASH(day) BUCKETS 1 PROPERTIES ("partition_live_number" = "9")',
    "INSERT INTO sales.live VALUES ('2026-01-15', 1)",
    'CREATE EXTERNAL CATALOG lake PROPERTIES ("type" = "jdbc", "password" = "hush")',
)
OWN = "CREATE TABLE sales.mine (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1"
REPLACING = {"databases": {"sales": "sales"}, "if_exists": {"replace": ["sales"]}}
TABLES = ("orders", "days", "names", "counted", "agg", "live")


@pytest.fixture
def full(stars):
    at = stars()
    for statement in SOURCE:
        at.source.sql(statement)
    at.site.plan["objects"] = {"databases": ["crm", "sales"], "external_catalogs": ["lake"]}
    at.site.plan["check_row_counts"] = True
    at.site.write()
    at.site.apply("2026-11-23T01:30:00Z")
    at.target.sql("CREATE DATABASE sales")
    at.target.sql(OWN)
    return at


@pytest.mark.parametrize("statements", in_parts(EXPORT), ids=str)
def test_a_backup_of_everything_whose_server_restarts_leaves_nothing_out(full, statements):
    """D6, S1."""
    full.pass_while_it_restarts(full.source, statements, MONDAY_2)
    assert states(full.site)[TASK] == ("succeeded", None)
    full.assert_every_file_is_in_an_inventory("sales", "crm")
    assert full.document("manifest.json")["skipped_objects"] == []
    assert full.table("sales", "orders")["rows"] == 3


@pytest.mark.parametrize("statements", in_parts(RESTORE), ids=str)
def test_a_restore_of_everything_whose_server_restarts_is_whole(full, statements):
    """R1, R4, R7: one database replaced, one renamed, a catalog. What fails before the claim is tried at the next pass."""
    full.back_up()
    full.site.restore(
        "r-1", databases={"sales": "sales", "crm": "crm2"}, if_exists={"replace": ["sales"]}, external_catalogs=["lake"],
        catalog_secrets={"lake": {"password": {"env": "DORIS_TEST_SECRET"}}},
    )  # fmt: skip
    full.pass_while_it_restarts(full.target, statements, MONDAY_3)
    assert restored(full)[0] == "succeeded", restored(full)
    full.assert_same("sales", "sales", *TABLES)
    full.assert_same("crm", "crm2", "people")
    assert databases(full.target) == {"crm2", "sales"}
    assert "lake" in str(full.target.sql("SHOW CATALOGS"))
    assert '"partition_live_number" = "9"' in full.target.sql("SHOW CREATE TABLE sales.live")[0][1]
    assert "REFRESH DEFERRED ASYNC" in full.target.sql("SHOW CREATE MATERIALIZED VIEW sales.summary")[0][1]


def test_a_load_that_took_effect_just_before_the_server_restarts_is_not_sent_again(stars):
    """R1: its label says so."""
    at = stars()
    at.back_up()
    at.site.restore("r-1", databases={"sales": "copy"})
    at.target.faults.hang_after("^INSERT INTO .*`orders`")

    def restarts_when_it_is_visible() -> None:
        wait_until(lambda: loads(at.target, "orders") == ["VISIBLE"])
        at.target.control.restart()

    at.pass_while(at.target, MONDAY_3, restarts_when_it_is_visible)
    assert restored(at)[0] == "succeeded", restored(at)
    assert loads(at.target, "orders") == ["VISIBLE"]
    at.assert_same("sales", "copy", "orders", "days", "names")


def test_a_named_database_is_replaced_as_a_whole(full):
    """R4: what was there is gone, nothing is left beside it."""
    full.back_up()
    assert full.restore(**REPLACING) == (
        "succeeded",
        f"restored sales from {TASK}; not taken over: AUTO_INCREMENT's counter: new rows may get used numbers (sales.counted)",
    )
    full.assert_same("sales", "sales", *TABLES)
    assert databases(full.target) == {"sales"}
    assert {row[0] for row in full.target.sql("SHOW TABLES FROM sales")} == {*TABLES, "summary"}


@pytest.mark.parametrize("switch", ["drop_before", "drop_after"])
def test_a_replacement_goes_on_by_what_the_server_shows(full, switch):
    """R1, R4: each step once, the replaced database dropped last."""
    full.back_up()
    full.site.restore("r-1", **REPLACING)
    full.pass_while_connections_are_lost(full.target, switch, REPLACE, MONDAY_3)
    assert restored(full)[0] == "succeeded", restored(full)
    full.assert_same("sales", "sales", *TABLES)
    assert databases(full.target) == {"sales"}


def test_a_replacement_that_fails_leaves_the_database_as_it_was_and_says_what_stands_beside_it(full):
    """R4."""
    full.back_up()
    full.target.faults.answer("^INSERT INTO .*`orders`", 1064, "no such luck")
    state, words = full.restore(**REPLACING)
    (beside,) = databases(full.target) - {"sales"}
    assert (state, words) == (
        "failed", f"warehouse other: no such luck (error 1064); database sales has 1 tables; database {beside} holds what was "
                  f"restored so far: drop it, nothing else uses it",
    )  # fmt: skip
    assert [row[0] for row in full.target.sql("SHOW TABLES FROM sales")] == ["mine"]


def test_a_backup_that_is_cancelled_ends_its_statements_at_the_server(stars):
    """R6, D4: known by the folder that is their own."""
    at = stars()
    at.cancel_at(at.source, "^INSERT INTO FILES.*`orders`", TASK, MONDAY_2)
    assert states(at.site)[TASK] == ("cancelled", "cancelled on request")
    wait_until(lambda: running(at.source, "INSERT INTO FILES") == 0)


def test_a_restore_that_is_cancelled_ends_its_loads_and_says_what_is_left(stars):
    """R6: known by their labels."""
    at = stars()
    at.back_up()
    at.site.restore("r-1", databases={"sales": "copy"})
    at.cancel_at(at.target, "^INSERT INTO .*`orders`", "r-1", MONDAY_3, at="prepare")
    assert restored(at) == ("cancelled", "cancelled on request; database copy has 2 tables")
    wait_until(lambda: running(at.target, "INSERT INTO `copy`") == 0)
    assert at.target.rows("copy.orders") == []


def loads(server, table: str) -> list[str]:
    return [each.status for each in server.warehouse.transactions if each.table == table]


def databases(server) -> set[str]:
    return {row[0] for row in server.sql("SHOW DATABASES")} - {"information_schema", "mysql", "__internal_schema"}


def running(server, words: str) -> int:
    return sum(words in str(row) for row in server.sql("SHOW FULL PROCESSLIST"))
