"""Method `export` of a Doris with disks of its own, by the plan's word: it could make snapshots, and makes none."""

import pytest
from told import MONDAY_2, TASK, restored, states

STANDING = (
    "CREATE MATERIALIZED VIEW sales.summary BUILD IMMEDIATE REFRESH AUTO ON MANUAL AS SELECT count(*) AS n FROM sales.orders",
    "ALTER TABLE sales.orders ADD ROLLUP by_id (id)",
    "CREATE TABLE sales.agg (id INT NOT NULL, n BIGINT SUM, who BITMAP BITMAP_UNION) AGGREGATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
    "INSERT INTO sales.agg VALUES (1, 2, to_bitmap(7)), (1, 5, to_bitmap(9))",
    'CREATE CATALOG lake PROPERTIES ("type" = "jdbc", "password" = "hush")',
)
EXPORT = ("^USE `?internal", "^SHOW DATABASES", "^SHOW CREATE TABLE", "^SHOW PARTITIONS", "^SELECT .* OUTFILE", "^SHOW CREATE VIEW")  # fmt: skip


@pytest.fixture
def chosen(coupled):
    def make(target: str = "coupled"):
        at = coupled(target)
        for statement in STANDING:
            at.source.sql(statement)
        at.site.plan["objects"] = {"databases": ["*"], "external_catalogs": ["lake"]}
        at.site.plan["check_row_counts"] = True
        at.site.write()
        at.site.apply("2026-11-23T01:30:00Z")
        return at

    return make


@pytest.mark.parametrize(("target", "version"), [
    ("coupled", "2.1.7"), ("coupled", "3.0.3"), ("coupled", "4.0.2"), ("decoupled", "3.0.3"), ("decoupled", "4.0.2"),
])  # fmt: skip
def test_an_export_that_the_plan_asks_for_comes_back_in_either_mode(coupled, target, version):
    """E2, E4, R7: `method: export` overrides what the engine would choose."""
    at = coupled(target, version)
    at.back_up()
    assert (at.source.warehouse.repositories, at.source.warehouse.jobs) == ({}, {})
    assert {item["method"] for item in map(at.inventory, ("sales", "crm"))} == {"export"}

    told = at.restore(databases={"sales": "copy", "crm": "crm"})

    assert told == ("succeeded", f"restored crm, copy from {TASK}")
    at.assert_same("sales", "copy", "orders", "days", "names")
    at.assert_same("crm", "crm", "people")


@pytest.mark.parametrize("target", ["coupled", "decoupled"])
def test_what_stands_on_tables_and_beside_them_comes_back_too(chosen, target):
    """E2, E4, R4: a database is replaced, and a catalog made."""
    at = chosen(target)
    at.target.sql("CREATE DATABASE sales")
    at.target.sql("CREATE TABLE sales.mine (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
    at.back_up()
    assert at.document("manifest.json")["skipped_objects"] == []
    told = at.restore(databases={"sales": "sales"}, if_exists={"replace": ["sales"]}, external_catalogs=["lake"],
                      catalog_secrets={"lake": {"password": {"env": "DORIS_TEST_SECRET"}}})  # fmt: skip
    assert told[0] == "succeeded", told
    at.assert_same("sales", "sales", "orders", "days", "names", "agg")
    present = {row[0] for row in at.target.sql("SHOW TABLES FROM sales")}
    assert present == {"agg", "days", "names", "orders", "summary"}
    assert {row[0] for row in at.target.sql("DESC sales.orders ALL") if row[0]} == {"orders", "by_id"}
    assert "lake" in str(at.target.sql("SHOW CATALOGS"))


def test_an_export_whose_server_restarts_is_whole_and_counts_nothing_twice(chosen):
    """D6, S1."""
    at = chosen()
    at.pass_while_it_restarts(at.source, EXPORT, MONDAY_2)
    assert states(at.site)[TASK] == ("succeeded", None)
    at.assert_every_file_is_in_an_inventory("sales", "crm")
    assert at.restore(databases={"sales": "copy"})[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "orders", "days", "names", "agg")
