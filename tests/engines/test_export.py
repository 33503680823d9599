"""Method `export`: VeloDB and every decoupled warehouse, against the stand-in and real S3."""

import pytest
from told import DYNAMIC, MONDAY_2, TASK, restored, states

from reconciler.engines.doris import export_portions
from reconciler.engines.doris.statements import text

EVERY = [
    ("id", "INT NOT NULL", "1"), ("flag", "BOOLEAN", "TRUE"), ("tiny", "TINYINT", "-128"),
    ("small", "SMALLINT", "-32768"), ("big", "BIGINT", "9223372036854775807"),
    ("large", "LARGEINT", "170141183460469231731687303715884105727"), ("f", "FLOAT", "1.5"), ("d", "DOUBLE", "1e300"),
    ("money", "DECIMAL(38,9)", "12345678901234567890123456789.123456789"), ("day", "DATE", "'1500-02-03'"),
    ("wide", "DECIMAL(76,9)", "'1234567890123456789012345678901234567890.5'"),
    ("at", "DATETIME(6)", "'1969-12-31 23:59:59.123456'"), ("c", "CHAR(5)", "'ab'"), ("v", "VARCHAR(20)", "'x\"y'"),
    ("s", "STRING", "'ü'"), ("j", "JSON", "'{\"a\": 1}'"), ("ip", "IPV4", "'200.1.2.3'"), ("ip6", "IPV6", "'::1'"),
    ("list", "ARRAY<INT>", "[1, NULL, 3]"), ("days", "ARRAY<DATE>", "['1500-02-03']"),
]  # fmt: skip
MADE = (
    ("MAP<STRING,INT>", "MAP {'a': 1}"), ("STRUCT<a:INT,b:STRING>", "struct_pack(a := 1, b := 'x')"), ("VARBINARY", "X'00FF'"),
    ("VARIANT", "'{\"a\": 1}'"), ("TIMESTAMPTZ", "'2026-01-01 00:00:00+00:00'"), ("DATETIME", "'2026-01-01 00:00:00'"),
    ("ARRAY<ARRAY<DATETIME(3)>>", "[['2026-01-01 00:00:00.123']]"), ("HLL", "hll_hash(1)"), ("BITMAP", "to_bitmap(3)"),
    ("QUANTILE_STATE", "to_quantile_state(1, 2048)"),
)  # fmt: skip


@pytest.mark.parametrize("target", ["coupled", "decoupled"])
def test_an_export_comes_back_under_another_name_in_either_mode(decoupled, target):
    """E2, E4, R7."""
    at = decoupled(target)
    at.back_up()
    state, words = at.restore(databases={"sales": "sales_restored", "crm": "crm"})

    assert (state, words) == ("succeeded", f"restored crm, sales_restored from {TASK}")
    at.assert_same("sales", "sales_restored", "orders", "days", "names")
    at.assert_same("crm", "crm", "people")


def test_every_statement_of_work_runs_in_the_chosen_cluster(decoupled):
    """E2: the backup cluster exports, the named cluster loads."""
    at = decoupled()
    at.target.warehouse.groups["other"] = type(at.target.warehouse.groups["etl"])("other")
    at.back_up()
    assert at.restore(to={"warehouse": "other", "cluster": "etl"}, databases={"sales": "copy"})[0] == "succeeded"
    assert {group for group, *_ in at.source.warehouse.work} == {"backup_cg"}
    assert {group for group, *_ in at.target.warehouse.work} == {"etl"}


@pytest.mark.parametrize("target", ["coupled", "decoupled"])
def test_every_type_that_can_go_comes_back_as_it_was(decoupled, target):
    """No silent loss."""
    at = decoupled(target)
    names = ", ".join(f"{name} {kind}" for name, kind, _ in EVERY)
    at.source.sql(f"CREATE TABLE crm.every ({names}) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
    at.source.sql(f"INSERT INTO crm.every VALUES ({', '.join(value for _, _, value in EVERY)})")
    at.source.sql(f"INSERT INTO crm.every VALUES (2, {', '.join(['NULL'] * (len(EVERY) - 1))})")
    at.back_up()
    assert at.restore(databases={"crm": "copy"})[0] == "succeeded", restored(at)
    at.assert_same("crm", "copy", "every")


@pytest.mark.parametrize("target", ["coupled", "decoupled"])
def test_types_that_are_made_by_functions_come_back_as_they_were(decoupled, target):
    """No silent loss."""
    at = decoupled(target)
    for number, (kind, value) in enumerate(MADE):
        at.source.sql(f"CREATE TABLE crm.t{number} (id INT NOT NULL, x {kind}) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
        at.source.sql(f"INSERT INTO crm.t{number} SELECT 1, {value}")
    at.back_up()
    assert at.restore(databases={"crm": "copy"})[0] == "succeeded", restored(at)
    at.assert_same("crm", "copy", *(f"t{number}" for number in range(len(MADE))))


def test_merged_tables_come_back_with_their_values_and_go_on_merging(decoupled):
    """Unique and aggregate models, bitmaps, sequence columns, generated columns, numbering columns."""
    at = decoupled()
    for statement in (
        "CREATE TABLE crm.uniq (id INT NOT NULL, v VARCHAR(9)) UNIQUE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
        "CREATE TABLE crm.agg (id INT NOT NULL, n BIGINT SUM, top INT MAX, who BITMAP BITMAP_UNION) AGGREGATE KEY(id) "
        "DISTRIBUTED BY HASH(id) BUCKETS 1",
        "CREATE TABLE crm.counted (id BIGINT NOT NULL AUTO_INCREMENT(1), v INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
        "CREATE TABLE crm.stamped (id INT NOT NULL, at DATETIME NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP) "
        'UNIQUE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ("enable_unique_key_merge_on_write" = "true")',
        "INSERT INTO crm.stamped VALUES (1, '2020-01-02 03:04:05')",
        "CREATE TABLE crm.made (id INT NOT NULL, twice INT AS (id * 2)) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
        "INSERT INTO crm.uniq VALUES (1, 'old'), (2, 'x')", "INSERT INTO crm.uniq VALUES (1, 'new')",
        "INSERT INTO crm.agg VALUES (1, 2, 3, to_bitmap(7)), (1, 5, 1, to_bitmap(9)), (2, 1, 1, to_bitmap(7))",
        "INSERT INTO crm.counted (v) VALUES (10), (20), (30)", "INSERT INTO crm.made (id) VALUES (4)",
    ):  # fmt: skip
        at.source.sql(statement)
    at.back_up()
    assert at.restore(databases={"crm": "copy"})[0] == "succeeded", restored(at)
    at.assert_same("crm", "copy", "uniq", "agg", "counted", "made", "stamped")
    assert at.target.sql("SELECT bitmap_to_string(who) FROM copy.agg ORDER BY id") == [("7,9",), ("7",)]

    at.target.sql("INSERT INTO copy.counted (v) VALUES (40)")
    assert len({row[0] for row in at.target.rows("copy.counted")}) == 4
    for server, database in ((at.source, "crm"), (at.target, "copy")):
        server.sql(f"INSERT INTO {database}.agg VALUES (1, 1, 9, to_bitmap(1))")
    at.assert_same("crm", "copy", "agg")


def test_the_hidden_order_of_versions_is_kept(decoupled):
    """A table with a sequence type: later loads that come out of order lose, as they would at the source."""
    at = decoupled()
    at.source.sql(
        "CREATE TABLE crm.seq (id INT NOT NULL, v VARCHAR(9)) UNIQUE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 "
        'PROPERTIES ("function_column.sequence_type" = "int")'
    )
    at.source.sql("INSERT INTO crm.seq (id, v, `__DORIS_SEQUENCE_COL__`) VALUES (1, 'nine', 9)")
    at.back_up()
    assert at.restore(databases={"crm": "copy"})[0] == "succeeded", restored(at)
    at.target.sql("INSERT INTO copy.seq (id, v, `__DORIS_SEQUENCE_COL__`) VALUES (1, 'five', 5)")
    assert at.target.rows("copy.seq") == [(1, "nine")]


def test_what_stands_on_tables_comes_back_after_them(decoupled):
    """Views in any order, materialized views without their rows, rollups, functions."""
    at = decoupled()
    for statement in (
        "CREATE VIEW sales.a_first AS SELECT what FROM sales.names", "CREATE VIEW sales.b_second AS SELECT what FROM sales.a_first",
        "CREATE MATERIALIZED VIEW sales.summary BUILD IMMEDIATE REFRESH AUTO ON MANUAL AS SELECT count(*) AS n FROM sales.orders",
        "ALTER TABLE sales.orders ADD ROLLUP by_id (id)",
        "CREATE MATERIALIZED VIEW daily AS SELECT day, sum(n) FROM sales.days GROUP BY day",
        'CREATE FUNCTION sales.my_add(INT, INT) RETURNS INT PROPERTIES ("file" = "http://x/a.jar", "symbol" = "A")',
    ):  # fmt: skip
        at.source.sql(statement)
    at.back_up()
    assert at.document("manifest.json")["skipped_objects"] == []
    assert at.restore(databases={"sales": "copy"})[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "a_first", "b_second")
    assert "BUILD DEFERRED" in at.target.sql("SHOW CREATE MATERIALIZED VIEW copy.summary")[0][1]
    for table in ("orders", "days"):
        indexes = {row[0] for row in at.target.sql(f"DESC copy.{table} ALL") if row[0]}
        assert indexes == {row[0] for row in at.source.sql(f"DESC sales.{table} ALL") if row[0]}
    signatures = [[row[0] for row in server.sql(f"SHOW FULL FUNCTIONS FROM {name}")]
                  for server, name in ((at.source, "sales"), (at.target, "copy"))]  # fmt: skip
    assert signatures[0] == signatures[1] != []


@pytest.mark.parametrize("target", ["coupled", "decoupled"])
def test_definitions_keep_what_is_theirs_and_wait_with_what_acts(decoupled, target):
    """Replicas of the source are not asked of the target; dynamic partitions are on again when all is loaded."""
    at = decoupled(target)
    at.source.sql(DYNAMIC)
    at.source.sql("INSERT INTO crm.dyn VALUES ('2026-11-22', 1), ('2026-11-23', 2)")
    at.back_up()
    assert at.restore(databases={"crm": "copy"})[0] == "succeeded", restored(at)
    at.assert_same("crm", "copy", "dyn")
    printed = at.target.sql("SHOW CREATE TABLE copy.dyn")[0][1]
    assert '"dynamic_partition.enable" = "true"' in printed


def leaving_out(at) -> str:
    """How the next day's backup ends where the plan lets such tables be left out."""
    at.site.plan["skip_unsupported"] = True
    at.site.write()
    at.site.apply("2026-11-24T01:00:00Z")
    at.site.apply("2026-11-24T02:00:00Z")
    return states(at.site)["shop-20261124T020000Z"][0]


def test_a_table_that_cannot_go_fails_the_task_unless_it_may_be_left_out(decoupled):
    """No silent loss."""
    at = decoupled()
    at.source.sql("CREATE TABLE crm.state (id INT NOT NULL, a AGG_STATE<sum(INT)> GENERIC) AGGREGATE KEY(id) DISTRIBUTED BY HASH(id)")
    at.site.apply(MONDAY_2)
    state, reason = states(at.site)[TASK]
    assert (state, "crm.state (no way through Parquet for a agg_state" in reason) == ("failed", True), reason
    assert leaving_out(at) == "succeeded"


def test_a_table_whose_definition_cannot_be_kept_fails_the_task_unless_it_may_be_left_out(decoupled):
    """No silent loss: the server prints a property's value as it is, and this one hides where the list ends."""
    at = decoupled()
    at.source.sql("CREATE TABLE crm.odd (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) PROPERTIES ('compaction_policy' = 'a\"b')")
    at.site.apply(MONDAY_2)
    state, reason = states(at.site)[TASK]
    assert (state, "crm.odd (its definition cannot be kept: its parentheses or quotes do not match" in reason) == ("failed", True), reason
    assert reason.endswith("; `skip_unsupported: true` in the plan leaves such tables out")
    assert leaving_out(at) == "succeeded"
    (manifest,) = [key for key in at.objects if key.endswith("20261124T020000Z/manifest.json")]
    (line,) = at.document(manifest)["skipped_objects"]
    assert line.startswith("crm.odd (its definition cannot be kept: ")


def test_defaults_that_the_server_prints_without_escapes_come_back_as_they_were(decoupled):
    """No silent loss: quotes in them would end the text, backslashes would vanish."""
    at = decoupled()
    defaults = ('5" 2', 'say "x" now', "a\\b", "plain", "it's", 'a", `x` int DEFAULT "b')
    listed = ", ".join(f"c{number} VARCHAR(40) DEFAULT {text(value)}" for number, value in enumerate(defaults))
    at.source.sql(f"CREATE TABLE crm.odd (id INT NOT NULL, {listed}) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id)")
    at.source.sql("INSERT INTO crm.odd (id) VALUES (1)")
    at.back_up()
    assert at.restore(databases={"crm": "copy"})[0] == "succeeded", restored(at)
    at.target.sql("INSERT INTO copy.odd (id) VALUES (2)")
    assert at.target.rows("copy.odd") == [(1, *defaults), (2, *defaults)]


def test_tables_that_the_user_may_not_see_are_told_of(decoupled):
    """D7: the server lists what the user may see, and nothing says what else there is."""
    at = decoupled()
    at.source.add_user("narrow", "", load=set(), select={"crm"}, tables={"sales.orders"})
    at.site.document["warehouses"]["shop"]["user"] = "narrow"
    at.site.write()
    at.site.apply("2026-11-23T01:30:00Z")
    at.back_up()
    words = "sales: tables that user narrow may not see, if there are any: it has SELECT on some of them only"
    assert [item["name"] for item in at.inventory("sales")["tables"]] == ["orders"]
    assert at.document("manifest.json")["skipped_objects"] == [words]
    shown = at.site.run("--dry-run", "--connect", now=MONDAY_2)
    assert f"warning: shop: not taken: {words}" in shown.out.splitlines()


def test_an_answer_that_is_not_understood_ends_the_task_in_words(decoupled, monkeypatch):
    """D6: no further try gets past it, and a task that stays at work for ever would say nothing."""

    def without(row):
        raise KeyError("VisibleVersion")

    at = decoupled()
    monkeypatch.setattr(export_portions, "partition", without)
    at.site.apply(MONDAY_2)
    state, reason = states(at.site)[TASK]
    assert (state, reason.split(" (test_")[0]) == (
        "failed", "warehouse shop: its server answered in a form that this release does not know, or this is a fault of the "
                  "release: KeyError: 'VisibleVersion'",
    )  # fmt: skip


def test_a_server_without_the_functions_of_a_type_is_asked_and_the_table_named(decoupled):
    """No silent loss: Doris 3.0.3 has no way to write a QUANTILE_STATE."""
    at = decoupled(version="3.0.3")
    at.source.sql("CREATE TABLE crm.q (id INT NOT NULL, a QUANTILE_STATE QUANTILE_UNION) AGGREGATE KEY(id) DISTRIBUTED BY HASH(id)")
    at.site.apply(MONDAY_2)
    state, reason = states(at.site)[TASK]
    assert (state, "crm.q (no way through Parquet for a quantile_state)" in reason) == ("failed", True), reason


def test_a_hidden_column_that_cannot_be_read_is_named_and_its_rows_come_back(decoupled):
    """D7: without it later loads may come out of order; the set says so."""
    at = decoupled()
    at.source.sql(
        "CREATE TABLE crm.seq (id INT NOT NULL, v VARCHAR(9)) UNIQUE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 "
        'PROPERTIES ("function_column.sequence_type" = "int")'
    )
    at.source.sql("INSERT INTO crm.seq (id, v, `__DORIS_SEQUENCE_COL__`) VALUES (1, 'nine', 9)")
    at.source.faults.answer("^SELECT `__DORIS_SEQUENCE_COL__`", 1105, "Unknown column '__DORIS_SEQUENCE_COL__'")
    at.site.apply(MONDAY_2)
    assert at.document("manifest.json")["skipped_objects"] == [
        "crm.seq: its hidden sequence column (the server does not let it be read)"
    ]
    assert at.restore(databases={"crm": "copy"})[0] == "succeeded", restored(at)
    at.assert_same("crm", "copy", "seq")


def test_a_property_that_the_target_does_not_know_is_left_out(decoupled):
    """E4: into an older server."""
    at = decoupled()
    at.source.sql(
        "CREATE TABLE crm.new (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 "
        'PROPERTIES ("compaction_policy" = "time_series")'
    )
    at.back_up()
    at.target.faults.answer("(?s)^CREATE TABLE .*compaction_policy", 1105, "Unknown properties: {compaction_policy=time_series}")
    assert at.restore(databases={"crm": "copy"})[0] == "succeeded", restored(at)
    assert "compaction_policy" not in at.target.sql("SHOW CREATE TABLE copy.new")[0][1].replace('"compaction_policy" = "size_based"', "")
