"""Method `export` of StarRocks: INSERT INTO FILES, and back from FILES."""

import json

import pytest
from told import MONDAY_2, TASK, restored, states

from reconciler.engines.doris import export_portions

EVERY = [
    ("id", "INT NOT NULL", "1"), ("flag", "BOOLEAN", "TRUE"), ("big", "BIGINT", "9223372036854775807"),
    ("large", "LARGEINT", "170141183460469231731687303715884105727"), ("d", "DOUBLE", "1e300"),
    ("money", "DECIMAL(38,9)", "12345678901234567890123456789.123456789"), ("day", "DATE", "'1500-02-03'"),
    ("at", "DATETIME", "'1969-12-31 23:59:59.123456'"), ("c", "CHAR(5)", "'ab'"), ("s", "STRING", "'ü'"),
    ("j", "JSON", "'{\"a\": 1}'"), ("list", "ARRAY<INT>", "[1, NULL, 3]"),
]  # fmt: skip


@pytest.mark.parametrize("apart", [False, True])
def test_an_export_of_starrocks_comes_back(stars, apart):
    """E2, E4: chosen by the plan, or because its server refuses snapshots."""
    at = stars(**({"cloud": True} if apart else {}))
    at.back_up()
    assert at.inventory("sales")["method"] == "export"
    assert at.restore(databases={"sales": "copy", "crm": "crm"})[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "orders", "days", "names")
    at.assert_same("crm", "crm", "people")


def test_every_type_of_starrocks_that_can_go_comes_back_as_it_was(stars):
    """No silent loss."""
    at = stars()
    names = ", ".join(f"{name} {kind}" for name, kind, _ in EVERY)
    at.source.sql(f"CREATE TABLE crm.every ({names}) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
    at.source.sql(f"INSERT INTO crm.every VALUES ({', '.join(value for _, _, value in EVERY)})")
    at.source.sql(f"INSERT INTO crm.every VALUES (2, {', '.join(['NULL'] * (len(EVERY) - 1))})")
    at.back_up()
    assert at.restore(databases={"crm": "copy"})[0] == "succeeded", restored(at)
    at.assert_same("crm", "copy", "every")


@pytest.mark.parametrize("value", ['{"a": 1}', "[1]", "1", '"1"', "true", '"it is {not} an object"', "1.50"])
def test_json_of_starrocks_comes_back_as_what_it_was(stars, value):
    """No silent loss: a cast takes a text that is no object and no list for a string."""
    at = stars()
    at.source.sql("CREATE TABLE crm.j (id INT NOT NULL, j JSON) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
    at.source.sql(f"INSERT INTO crm.j VALUES (1, '{value}'), (2, NULL)")
    at.back_up()
    assert at.restore(databases={"crm": "copy"})[0] == "succeeded", restored(at)
    assert at.target.rows("copy.j") == at.source.rows("crm.j") == [(1, json.dumps(json.loads(value), separators=(",", ":"))), (2, None)]


@pytest.mark.parametrize("limits", [{"PORTION": 1}, {"PORTION": 2_000, "WHOLE": 1}])
def test_a_partition_of_several_physical_parts_goes_once(stars, monkeypatch, limits):
    """Exactly once: its name stands for all of them."""
    at = stars()
    at.source.warehouse.physical = 3
    at.source.sql("CREATE TABLE crm.many (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 5")
    at.source.sql(f"INSERT INTO crm.many VALUES {', '.join(f'({number})' for number in range(60))}")
    for name, value in limits.items():
        monkeypatch.setattr(export_portions, name, value)
    at.back_up()
    assert at.restore(databases={"sales": "copy", "crm": "crm2"})[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "orders", "days")
    at.assert_same("crm", "crm2", "many")


def test_a_counter_of_starrocks_that_begins_anew_is_told(stars):
    """Nothing is lost without a word: StarRocks has no statement that sets it."""
    at = stars()
    at.source.sql("CREATE TABLE crm.counted (id BIGINT NOT NULL, n BIGINT NOT NULL AUTO_INCREMENT) PRIMARY KEY(id) DISTRIBUTED BY HASH(id)")
    at.source.sql("INSERT INTO crm.counted (id) VALUES (7)")
    at.back_up()
    assert at.restore(databases={"crm": "copy"}) == (
        "succeeded", f"restored copy from {TASK}; not taken over: AUTO_INCREMENT's counter: new rows may get used numbers (copy.counted)"
    )
    at.assert_same("crm", "copy", "counted")


@pytest.mark.parametrize("apart", [{}, {"cloud": True}])
def test_a_large_partition_of_starrocks_goes_tablets_by_tablets_and_comes_back_whole(stars, monkeypatch, apart):
    """No statement runs for hours."""
    at = stars(**apart)
    at.source.sql("CREATE TABLE crm.many (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 5")
    at.source.sql(f"INSERT INTO crm.many VALUES {', '.join(f'({number})' for number in range(40))}")
    monkeypatch.setattr(export_portions, "WHOLE", 1)
    monkeypatch.setattr(export_portions, "PORTION", 2_000)
    at.back_up()
    assert [len(portion["tablets"]) for portion in at.table("crm", "many")["portions"]] == [3, 2]
    assert at.restore(databases={"crm": "copy"})[0] == "succeeded", restored(at)
    at.assert_same("crm", "copy", "many", "people")


@pytest.mark.parametrize("switch", ["drop_before", "drop_after"])
def test_an_export_of_starrocks_whose_connection_is_lost_is_whole(stars, switch):
    """Exactly once by files, in a fresh folder each time."""
    at = stars()
    at.pass_while_connections_are_lost(at.source, switch, ("^INSERT INTO FILES", "^SHOW PARTITIONS", "^SELECT COUNT"), MONDAY_2)
    assert states(at.site)[TASK] == ("succeeded", None)
    assert at.restore(databases={"sales": "copy"})[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "orders", "days")


@pytest.mark.parametrize("switch", ["drop_before", "drop_after"])
@pytest.mark.parametrize("statement", ["^INSERT", "^SHOW LOAD", "^CREATE TABLE"])
def test_a_restore_of_starrocks_whose_connection_is_lost_loads_once(stars, switch, statement):
    """R1."""
    at = stars()
    at.back_up()
    getattr(at.target.faults, switch)(statement)
    assert at.restore(databases={"sales": "copy"})[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "orders", "days")


def test_rows_that_storage_does_not_have_fail_the_try(stars):
    """The server tells rows and no files: they are counted where they lie."""
    at = stars()
    at.source.faults.lose_files(1)
    at.back_up()
    assert at.restore(databases={"sales": "copy"})[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "orders", "days")


@pytest.mark.parametrize(("cluster", "state", "words"), [
    ("wh_backup", "succeeded", ""), ("nightly", "failed", "nightly not exist"), ("asleep", "failed", "resume it (StarRocks: RESUME WAREHOUSE)"),
])  # fmt: skip
def test_the_warehouse_that_works_is_the_named_one(stars, cluster, state, words):
    """E2: `backup_cluster` is StarRocks' warehouse."""
    at = stars(cloud=True, groups=("default_warehouse", "wh_backup", "asleep"))
    at.source.control.suspend("asleep")
    at.site.plan["backup_cluster"] = cluster
    at.site.write()
    at.site.apply("2026-11-23T01:30:00Z")
    at.site.apply(MONDAY_2)
    found, reason = states(at.site)[TASK]
    assert (found, words in str(reason)) == (state, True), reason
    assert {group for group, kind, _ in at.source.warehouse.work if kind == "outfile"} <= {"wh_backup"}


def test_materialized_views_of_starrocks_come_back_empty_and_functions_are_named(stars):
    """D7."""
    at = stars()
    at.source.sql("CREATE MATERIALIZED VIEW sales.summary REFRESH ASYNC AS SELECT what, count(*) AS n FROM sales.orders GROUP BY what")
    at.back_up()
    assert [item["name"] for item in at.inventory("sales")["materialized_views"]] == ["summary"]
    assert at.restore(databases={"sales": "copy"})[0] == "succeeded", restored(at)
    assert (at.source.rows("sales.summary") != [], at.target.rows("copy.summary")) == (True, [])
