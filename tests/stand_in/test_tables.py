"""Tables as their models have them, and what the server tells of them."""

from datetime import UTC, datetime

import pytest

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def query(client):
    made = client(version="4.0.2", now=NOON)
    made("CREATE DATABASE d")
    return made


def create(query, columns: str, keys: str = "DUPLICATE KEY(id)", more: str = "", name: str = "t") -> None:
    query(f"CREATE TABLE d.{name} ({columns}) {keys} DISTRIBUTED BY HASH(id) BUCKETS 2 {more}")


def test_a_unique_table_keeps_the_last_row_of_each_key(query):
    create(query, "id INT NOT NULL, v STRING", "UNIQUE KEY(id)")
    query("INSERT INTO d.t VALUES (1, 'a'), (1, 'b'), (2, 'c')")
    query("INSERT INTO d.t VALUES (2, 'd')")
    assert query.server.rows("d.t") == [(1, "b"), (2, "d")]


def test_an_aggregate_table_merges_its_rows(query):
    create(query, "id INT, s BIGINT SUM, m INT MAX, n INT MIN, r STRING REPLACE, i STRING REPLACE_IF_NOT_NULL, b BITMAP BITMAP_UNION, "
                  "h HLL HLL_UNION, q QUANTILE_STATE QUANTILE_UNION", "AGGREGATE KEY(id)")  # fmt: skip
    query("INSERT INTO d.t VALUES (1, 2, 3, 3, 'x', 'x', to_bitmap(5), hll_hash('a'), to_quantile_state(1, 2048))")
    query("INSERT INTO d.t VALUES (1, 5, 1, 1, NULL, NULL, to_bitmap(7), hll_hash('b'), to_quantile_state(2, 2048))")
    row = query("SELECT id, s, m, n, r, i, bitmap_to_string(b) AS b, hll_cardinality(h) AS h FROM d.t")
    assert row == [{"id": 1, "s": 7, "m": 3, "n": 1, "r": None, "i": "x", "b": "5,7", "h": 2}]


@pytest.mark.parametrize("given", ["sequence_type", "sequence_col"])
def test_a_sequence_decides_which_row_is_the_last(query, given):
    name = "__DORIS_SEQUENCE_COL__" if given == "sequence_type" else "at"
    value = "INT" if given == "sequence_type" else "at"
    create(query, "id INT, v STRING, at INT", "UNIQUE KEY(id)", f'PROPERTIES ("function_column.{given}" = "{value}")')
    query(f"INSERT INTO d.t (id, v, {name}) VALUES (1, 'newer', 5)")
    query(f"INSERT INTO d.t (id, v, {name}) VALUES (1, 'older', 3)")
    assert query("SELECT v FROM d.t") == [{"v": "newer"}]
    assert query.refused("INSERT INTO d.t (id, v) VALUES (1, 'x')")[1] == "Table t has sequence column, need to specify the sequence column"
    query("SET require_sequence_in_insert = false")
    query("INSERT INTO d.t (id, v) VALUES (2, 'x')")
    assert len(query("SELECT * FROM d.t")[0]) == 3  # the hidden one only by its name
    assert query(f"SELECT {name} AS s FROM d.t WHERE id = 1") == [{"s": 5}]


def test_the_server_counts_and_computes_what_may_not_be_given(query):
    create(query, "id BIGINT NOT NULL AUTO_INCREMENT(10), v INT, w INT AS (v * 2), at DATETIME DEFAULT CURRENT_TIMESTAMP")
    query("INSERT INTO d.t (v) VALUES (1), (2)")
    query("INSERT INTO d.t (id, v) VALUES (11, 3)")
    assert [row[:3] for row in query.server.rows("d.t")] == [(10, 1, 2), (11, 2, 4), (11, 3, 6)]
    assert "generated column 'w'" in query.refused("INSERT INTO d.t (w) VALUES (1)")[1]
    rows = query("SELECT COLUMN_NAME AS n, EXTRA AS e, GENERATION_EXPRESSION AS g FROM information_schema.columns WHERE TABLE_NAME = 't'")
    assert [tuple(row.values()) for row in rows] == [("id", "auto_increment", None), ("v", "", None), ("w", "STORED GENERATED", "v * 2"),
                                                     ("at", "", None)]  # fmt: skip


def test_every_write_makes_a_new_version_of_the_partitions_it_touched(query):
    create(query, "id INT, v INT", more="")
    query("CREATE TABLE d.p (id INT, v INT) DUPLICATE KEY(id) PARTITION BY RANGE(id) (PARTITION a VALUES LESS THAN ('10'), "
          "PARTITION b VALUES LESS THAN ('20')) DISTRIBUTED BY HASH(id) BUCKETS 1")  # fmt: skip
    query.server.advance(60)
    query("INSERT INTO d.p VALUES (1, 1)")
    rows = query("SHOW PARTITIONS FROM d.p")
    assert [(row["PartitionName"], row["VisibleVersion"], row["VisibleVersionTime"], row["DataSize"], row["RowCount"]) for row in rows] == [
        ("a", "2", "2026-11-23 12:01:00", "100.000 B", "1"), ("b", "1", "2026-11-23 12:00:00", "0.000 ", "0"),
    ]  # fmt: skip
    query("DELETE FROM d.p WHERE id = 1")  # of no partition that is named: all have a new version
    query("TRUNCATE TABLE d.p PARTITION (b)")
    assert [row["VisibleVersion"] for row in query("SHOW PARTITIONS FROM d.p")] == ["3", "3"]
    query.server.control.row_bytes(1536 * 1024)
    query("INSERT INTO d.p VALUES (1, 1)")
    assert [row["DataSize"] for row in query("SHOW PARTITIONS FROM d.p")] == ["1.500 MB", "0.000 "]


def test_tablets_divide_a_partition(query):
    create(query, "id INT")
    query("INSERT INTO d.t VALUES (1), (2), (3), (4), (5)")
    tablets = [row["TabletId"] for row in query("SHOW TABLETS FROM d.t")]
    found = [query(f"SELECT count(*) AS n FROM d.t TABLET({tablet})")[0]["n"] for tablet in tablets]
    assert (len(tablets), sum(found), max(found) < 5) == (2, 5, True)
    assert query(f"SELECT count(*) AS n FROM d.t PARTITION (t) TABLET({', '.join(tablets)})") == [{"n": 5}]


@pytest.mark.parametrize("table", [
    'id INT NOT NULL, v VARCHAR(5) NULL DEFAULT "a(b" COMMENT "x ""y""", INDEX i (v) USING INVERTED) UNIQUE KEY(id) COMMENT "all" PARTITION BY '
    'RANGE(id) (PARTITION p1 VALUES LESS THAN ("10"), PARTITION p2 VALUES LESS THAN (MAXVALUE)) DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES '
    '("replication_num" = "1", "colocate_with" = "g", "dynamic_partition.enable" = "false", "dynamic_partition.time_unit" = "DAY")',
    'id INT NULL, s DECIMAL(38, 9) SUM NOT NULL DEFAULT "0", a ARRAY<INT> REPLACE, g AGG_STATE<sum(int)> GENERIC) AGGREGATE KEY(id) '
    'PARTITION BY LIST(id) (PARTITION p1 VALUES IN ("1", "2")) DISTRIBUTED BY RANDOM BUCKETS AUTO',
    "id DATE NOT NULL, n BIGINT AS (1 + 2), at DATETIME(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)) DUPLICATE KEY(id) "
    "AUTO PARTITION BY RANGE (date_trunc(`id`, 'month')) () DISTRIBUTED BY HASH(id)",
])  # fmt: skip
@pytest.mark.parametrize("cloud", [False, True])
def test_the_text_of_a_table_makes_the_same_table(client, table, cloud):
    query = client(version="4.0.2", cloud=cloud)
    query("CREATE DATABASE d")
    query(f"CREATE TABLE d.t ({table}")
    (shown,) = query("SHOW CREATE TABLE d.t")
    assert ("storage_vault_id" in shown["Create Table"], '"replication_allocation"' in shown["Create Table"]) == (cloud, not cloud)
    query(shown["Create Table"].replace("CREATE TABLE `t`", "CREATE TABLE d.`again`"))
    assert query("SHOW CREATE TABLE d.again")[0]["Create Table"] == shown["Create Table"].replace("TABLE `t`", "TABLE `again`")


def test_the_text_of_a_table_has_what_was_said_and_what_was_not(client):
    query = client(version="4.0.2", cloud=True)
    query("CREATE DATABASE d")
    query("CREATE TABLE d.t (`k` INT NOT NULL COMMENT 'a \"b\"', s DECIMAL(38, 9) SUM DEFAULT \"0\", a ARRAY<STRING> REPLACE, "
          "g AGG_STATE<sum(int)> GENERIC) AGGREGATE KEY(k) COMMENT 'all' PARTITION BY RANGE(k) (PARTITION p VALUES LESS THAN ('5')) "
          'DISTRIBUTED BY HASH(k) BUCKETS 3 PROPERTIES ("replication_num" = "1", "bloom_filter_columns" = "k")')  # fmt: skip
    assert query("SHOW CREATE TABLE d.t")[0]["Create Table"] == (
        'CREATE TABLE `t` (\n  `k` int NOT NULL COMMENT "a \\"b\\"",\n  `s` decimal(38,9) SUM NULL DEFAULT "0",\n'
        "  `a` array<text> REPLACE NULL,\n  `g` agg_state<sum(int)> GENERIC NULL\n) ENGINE=OLAP\nAGGREGATE KEY(`k`)\nCOMMENT 'all'\n"
        "PARTITION BY RANGE(`k`)\n(PARTITION p VALUES [('-2147483648'), ('5')))\nDISTRIBUTED BY HASH(`k`) BUCKETS 3\n"
        'PROPERTIES (\n"file_cache_ttl_seconds" = "0",\n"is_being_synced" = "false",\n"storage_format" = "V2",\n'
        '"inverted_index_storage_format" = "V2",\n"light_schema_change" = "true",\n"disable_auto_compaction" = "false",\n'
        '"enable_single_replica_compaction" = "false",\n"group_commit_interval_ms" = "10000",\n"group_commit_data_bytes" = "134217728",\n'
        '"storage_vault_id" = "1",\n"storage_vault_name" = "built_in_storage_vault",\n"bloom_filter_columns" = "k"\n);'
    )


def test_a_table_whose_properties_do_not_fit_is_refused(client):
    query = client(version="4.0.2", cloud=True)
    query("CREATE DATABASE d")
    for pair, text in (('"nonsense" = "1"', "Unknown properties: {nonsense=1}"), ('"storage_vault_id" = "2"', "storageVaultId check failed"),
                       ('"storage_vault_name" = "mine"', "Storage vault 'mine' does not exist"),
                       ('"storage_policy" = "p"', "Storage policy does not exist. name: p")):  # fmt: skip
        assert query.refused(f"CREATE TABLE d.t (id INT) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ({pair})")[1] == text


@pytest.mark.parametrize(("product", "view", "code"), [
    ("doris", "BUILD IMMEDIATE REFRESH AUTO ON MANUAL DISTRIBUTED BY RANDOM BUCKETS 2", 1105), ("starrocks", "REFRESH ASYNC", 1064),
])  # fmt: skip
def test_copies_need_a_node_each_and_are_three_unless_told_otherwise(client, product, view, code):
    query = client(product=product, backends=2)
    table = "CREATE TABLE d.t (id INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1"
    view, rows, two = f"CREATE MATERIALIZED VIEW d.v {view}", "AS SELECT id FROM d.t", 'PROPERTIES ("replication_num" = "2")'
    query("CREATE DATABASE d")
    assert len(query("SHOW BACKENDS")) == 2
    assert query.refused(table)[0] == code
    query(f"{table} {two}")
    assert query.refused(f"{view} {rows}")[0] == code
    query(f"{view} {two} {rows}")
    assert [query(f"SHOW PARTITIONS FROM d.{name}")[0]["ReplicationNum"] for name in "tv"] == ["2", "2"]


def test_the_scheduler_of_dynamic_partitions_drops_old_ones_with_their_rows(query):
    create(query, "id DATE, v INT", more="", name="other")
    text = ('PARTITION BY RANGE(id) (PARTITION old VALUES LESS THAN ("2026-01-01"), PARTITION now VALUES LESS THAN ("2027-01-01")) '
            'DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ("dynamic_partition.enable" = "{}", "dynamic_partition.time_unit" = "DAY", '
            '"dynamic_partition.start" = "-30")')  # fmt: skip
    query(f"CREATE TABLE d.t (id DATE, v INT) DUPLICATE KEY(id) {text.format('false')}")
    query("INSERT INTO d.t VALUES ('2025-05-05', 1), ('2026-05-05', 2)")
    query('ALTER TABLE d.t SET ("dynamic_partition.enable" = "true")')
    assert query("SELECT v FROM d.t") == [{"v": 2}]
    query(f"CREATE TABLE d.u (id DATE, v INT) DUPLICATE KEY(id) {text.format('true')}")
    assert "no partition for this tuple" in query.refused("INSERT INTO d.u VALUES ('2025-05-05', 1)")[1]


def test_partitions_of_an_auto_table_are_made_on_insert(query):
    query("CREATE TABLE d.t (id DATE NOT NULL) AUTO PARTITION BY RANGE (date_trunc(id, 'month')) () DISTRIBUTED BY HASH(id) BUCKETS 1")
    query("CREATE TABLE d.l (id VARCHAR(9)) AUTO PARTITION BY LIST (id) () DISTRIBUTED BY HASH(id) BUCKETS 1")
    query("INSERT INTO d.t VALUES ('2026-02-03'), ('2026-01-05'), ('2026-02-09')")
    query("INSERT INTO d.l VALUES ('a b'), ('c')")
    assert [row["PartitionName"] for row in query("SHOW PARTITIONS FROM d.t")] == ["p20260101000000", "p20260201000000"]
    assert [row["PartitionName"] for row in query("SHOW PARTITIONS FROM d.l")] == ["pab3", "pc1"]


def test_rollups_and_synchronous_views_belong_to_their_table(query):
    create(query, "id INT, v INT")
    query("CREATE MATERIALIZED VIEW sums AS SELECT id, sum(v) FROM d.t GROUP BY id")
    query("ALTER TABLE d.t ADD ROLLUP narrow (v)")
    assert [row["IndexName"] for row in query("DESC d.t ALL") if row["IndexName"]] == ["t", "sums", "narrow"]
    assert query("SHOW CREATE MATERIALIZED VIEW sums ON d.t") == [
        {"TableName": "t", "ViewName": "sums", "CreateStmt": "CREATE MATERIALIZED VIEW sums AS SELECT id, sum(v) FROM d.t GROUP BY id"}
    ]
    assert query("SHOW CREATE MATERIALIZED VIEW narrow ON d.t") == []
    query("DROP MATERIALIZED VIEW sums ON d.t")
    assert [row["Field"] for row in query("DESC d.t ALL")] == ["id", "v", "", "v"]
    assert query("SHOW TABLES FROM d") == [{"Tables_in_d": "t"}]


def test_an_asynchronous_view_is_made_again_by_its_text_and_filled_by_a_refresh(query):
    create(query, "id INT, v INT")
    query("INSERT INTO d.t VALUES (1, 2)")
    query("CREATE MATERIALIZED VIEW d.m BUILD DEFERRED REFRESH AUTO ON MANUAL DISTRIBUTED BY RANDOM BUCKETS 2 AS SELECT id, count(*) AS n FROM d.t GROUP BY id")
    assert query("SELECT * FROM d.m") == []
    text = query("SHOW CREATE MATERIALIZED VIEW d.m")[0]["Create Materialized View"]
    query("DROP MATERIALIZED VIEW d.m")
    query(text.replace("VIEW m", "VIEW d.m"))
    query("REFRESH MATERIALIZED VIEW d.m COMPLETE")
    assert query.server.rows("d.m") == [(1, 1)]
    assert query('SELECT Name, RefreshState FROM mv_infos("database" = "d")') == [{"Name": "m", "RefreshState": "SUCCESS"}]
    rows = query("SELECT TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.tables WHERE TABLE_SCHEMA = 'd'")
    assert [tuple(row.values()) for row in rows] == [("t", "BASE TABLE", "Doris"), ("m", "BASE TABLE", None)]


def test_functions_are_told_and_made_again(query):
    query('CREATE FUNCTION d.f(INT, STRING) RETURNS STRING PROPERTIES ("file"="http://x/y.jar", "symbol"="a.B", "type"="JAVA_UDF")')
    query("CREATE ALIAS FUNCTION d.g(INT) WITH PARAMETER(x) AS x + 1")
    assert [row["Signature"] for row in query("SHOW FULL FUNCTIONS FROM d")] == ["f(INT, STRING)", "g(INT)"]
    for signature in ("f(INT, STRING)", "g(INT)"):
        (shown,) = query(f"SHOW CREATE FUNCTION {signature} FROM d")
        query(f"DROP FUNCTION d.{signature}")
        query(shown["Create Function"].replace("FUNCTION ", "FUNCTION d."))
        assert query(f"SHOW CREATE FUNCTION {signature} FROM d") == [shown]
    assert "Unknown function" in query.refused("SHOW CREATE FUNCTION h(INT) FROM d")[1]


def test_a_view_names_its_database_and_does_not_follow_a_new_name(query):
    create(query, "id INT")
    query("USE d")
    query("CREATE VIEW v AS SELECT id FROM t")
    assert query("SHOW CREATE VIEW v")[0]["Create View"] == "CREATE VIEW `v` AS SELECT `id` FROM `internal`.`d`.`t`;"
    query("ALTER DATABASE d RENAME e")
    assert query.refused("SELECT * FROM e.v")[0] == 1049


def test_databases_and_tables_change_places(query):
    create(query, "id INT")
    create(query, "id INT", name="u")
    query("INSERT INTO d.t VALUES (1)")
    query('ALTER TABLE d.t REPLACE WITH TABLE u PROPERTIES ("swap" = "true")')
    assert (query("SELECT count(*) AS n FROM d.t"), query("SELECT id FROM d.u")) == ([{"n": 0}], [{"id": 1}])
    query('ALTER TABLE d.t REPLACE WITH TABLE u PROPERTIES ("swap" = "false")')
    assert query("SHOW TABLES FROM d") == [{"Tables_in_d": "t"}]
    assert query("SELECT id FROM d.t PARTITION (t)") == [{"id": 1}]
    query("CREATE DATABASE e")
    assert query.refused("ALTER DATABASE d RENAME e") == (1105, "Database name[e] is already used")
    query("ALTER DATABASE e RENAME f")
    query("ALTER DATABASE d RENAME e")
    query("DROP DATABASE f FORCE")
    assert query("SELECT id FROM e.t") == [{"id": 1}]
