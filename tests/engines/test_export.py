"""Method `export`: VeloDB and every decoupled warehouse, against the stand-in and real S3."""

import pytest
from told import MONDAY_2, MONDAY_3, TASK, restored, states

EVERY = [
    ("id", "INT NOT NULL", "1"), ("flag", "BOOLEAN", "TRUE"), ("tiny", "TINYINT", "-128"),
    ("small", "SMALLINT", "-32768"), ("big", "BIGINT", "9223372036854775807"),
    ("large", "LARGEINT", "170141183460469231731687303715884105727"), ("f", "FLOAT", "1.5"), ("d", "DOUBLE", "1e300"),
    ("money", "DECIMAL(38,9)", "12345678901234567890123456789.123456789"), ("day", "DATE", "'1500-02-03'"),
    ("at", "DATETIME(6)", "'1969-12-31 23:59:59.123456'"), ("c", "CHAR(5)", "'ab'"), ("v", "VARCHAR(20)", "'x\"y'"),
    ("s", "STRING", "'ü'"), ("j", "JSON", "'{\"a\": 1}'"), ("ip", "IPV4", "'200.1.2.3'"),
]  # fmt: skip


@pytest.fixture
def decoupled(warehouses):
    """A decoupled source with two groups and the named one in the plan; the target coupled or decoupled."""

    def make(target: str = "decoupled"):
        at = warehouses("doris", "4.0.2", engine="velodb", cloud=True, groups=("backup_cg", "adhoc"),
                        target={} if target == "coupled" else {"cloud": True, "groups": ("etl",)})  # fmt: skip
        at.site.plan["backup_cluster"] = "backup_cg"
        at.site.write()
        at.site.apply("2026-11-23T01:00:00Z")
        return at

    return make


@pytest.mark.parametrize("target", ["coupled", "decoupled"])
def test_an_export_comes_back_under_another_name_in_either_mode(decoupled, target):
    """E2, E4, R7."""
    at = decoupled(target)
    at.site.restore("r-1", databases={"sales": "sales_restored", "crm": "crm"})
    assert at.site.apply(MONDAY_2).failures == ()
    assert at.site.apply(MONDAY_3).failures == ()

    assert restored(at)[0] == "succeeded", restored(at)
    for table in ("orders", "days"):
        assert at.target.rows(f"sales_restored.{table}") == at.source.rows(f"sales.{table}")
    assert at.target.rows("crm.people") == at.source.rows("crm.people")
    assert "names" in [row[0] for row in at.target.sql("SHOW TABLES FROM sales_restored")]


def test_every_type_that_can_go_comes_back_as_it_was(decoupled):
    """No silent loss."""
    at = decoupled()
    names = ", ".join(f"{name} {kind}" for name, kind, _ in EVERY)
    at.source.sql(f"CREATE TABLE crm.every ({names}) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
    at.source.sql(f"INSERT INTO crm.every VALUES ({', '.join(value for _, _, value in EVERY)})")
    at.source.sql(f"INSERT INTO crm.every VALUES (2, {', '.join(['NULL'] * (len(EVERY) - 1))})")
    at.site.restore("r-1", databases={"crm": "copy"})
    at.site.apply(MONDAY_2)
    at.site.apply(MONDAY_3)
    assert restored(at)[0] == "succeeded", restored(at)
    assert at.target.rows("copy.every") == at.source.rows("crm.every")


def test_a_table_that_cannot_go_fails_the_task_unless_it_may_be_left_out(decoupled):
    """No silent loss."""
    at = decoupled()
    at.source.sql("CREATE TABLE crm.state (id INT NOT NULL, a AGG_STATE) AGGREGATE KEY(id) DISTRIBUTED BY HASH(id)")
    at.site.apply(MONDAY_2)
    state, reason = states(at.site)[TASK]
    assert (state, "crm.state (no way through Parquet for a agg_state)" in reason) == ("failed", True), reason
    at.site.plan["skip_unsupported"] = True
    at.site.write()
    at.site.apply("2026-11-24T01:00:00Z")
    at.site.apply("2026-11-24T02:00:00Z")
    assert states(at.site)["shop-20261124T020000Z"][0] == "succeeded"


@pytest.mark.parametrize("switch", ["drop_before", "drop_after"])
@pytest.mark.parametrize("statement", ["^SELECT .* OUTFILE", "^SHOW CREATE", "^USE @"])
def test_an_export_whose_answer_is_lost_is_made_again_and_counted_once(decoupled, switch, statement):
    """Exactly once by files: those of the broken try are never counted."""
    at = decoupled()
    at.site.restore("r-1", databases={"sales": "copy"})
    getattr(at.source.faults, switch)(statement)
    at.site.apply(MONDAY_2)
    at.site.apply(MONDAY_3)

    assert states(at.site) == {TASK: ("succeeded", None)}
    assert restored(at)[0] == "succeeded", restored(at)
    assert at.target.rows("copy.orders") == at.source.rows("sales.orders")


@pytest.mark.parametrize("switch", ["drop_before", "drop_after"])
@pytest.mark.parametrize("statement", ["^CREATE DATABASE", "^CREATE TABLE", "^INSERT", "^SELECT COUNT", "^CREATE VIEW"])
def test_a_restore_of_an_export_whose_answer_is_lost_loads_each_table_once(decoupled, switch, statement):
    """R1: labels make a repeated load harmless."""
    at = decoupled()
    at.site.restore("r-1", databases={"sales": "copy"})
    at.site.apply(MONDAY_2)
    getattr(at.target.faults, switch)(statement)
    at.site.apply(MONDAY_3)

    assert restored(at)[0] == "succeeded", restored(at)
    assert at.target.rows("copy.orders") == at.source.rows("sales.orders")
