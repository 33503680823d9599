"""StarRocks."""

import pytest


def test_a_backup_and_a_restore_that_makes_its_database(filled):
    query = filled("starrocks")
    assert query("SELECT current_version() AS v") == [{"v": "3.4.0"}]
    assert "Type" not in query("SHOW REPOSITORIES")[0]
    query("BACKUP DATABASE sales SNAPSHOT one TO repo ON (ALL TABLES, VIEW names)")
    query.server.finish()
    (found,) = query("SHOW SNAPSHOT ON repo")
    assert (found["Status"], len(found["Timestamp"])) == ("OK", len("2026-11-22-02-30-01-000"))
    assert any(key.startswith("__starrocks_repository_repo/__ss_one/__ss_content/__db_") for key in query.objects())
    timestamp = found["Timestamp"]
    query(
        f'RESTORE SNAPSHOT one FROM repo DATABASE sales AS copied ON (TABLE orders AS o, VIEW names) PROPERTIES ("backup_timestamp" = "{timestamp}")'
    )
    seen = []
    for _ in range(7):
        seen.append(query("SHOW RESTORE FROM copied")[0]["State"])
        query.server.step()
    assert seen == ["PENDING", "SNAPSHOTING", "DOWNLOAD", "DOWNLOADING", "COMMIT", "COMMITTING", "FINISHED"]
    assert len(query("SHOW RESTORE FROM copied")[0]) == 18
    assert query.server.rows("copied.o") == query.server.rows("sales.orders")


def test_a_restore_hides_the_last_backup(filled):
    query = filled("starrocks")
    query.backup()
    assert [row["SnapshotName"] for row in query("SHOW BACKUP")] == ["one"]
    query.backup("two")
    assert [row["SnapshotName"] for row in query("SHOW BACKUP FROM sales")] == ["two"]
    query.server.control.occupy("sales", kind="restore")
    assert query("SHOW BACKUP FROM sales") == []


def test_external_catalogs(filled):
    query = filled("starrocks")
    for name in ("hive", "ice"):
        query(
            f'CREATE EXTERNAL CATALOG {name} COMMENT "x" PROPERTIES ("type" = "hive", "aws.s3.secret_key" = "secret")'
        )
    query("BACKUP EXTERNAL CATALOGS (hive, ice) SNAPSHOT one TO repo")
    assert query.refused("BACKUP ALL EXTERNAL CATALOGS SNAPSHOT two TO repo")[1].startswith(
        "Can only run one backup or restore job of external catalog"
    )
    query.server.finish()
    timestamp = query("SHOW SNAPSHOT ON repo")[0]["Timestamp"]
    query("DROP CATALOG hive")
    query(
        f'RESTORE SNAPSHOT one FROM repo EXTERNAL CATALOG hive AS hive2 PROPERTIES ("backup_timestamp" = "{timestamp}")'
    )
    query.server.finish()
    assert [row["Catalog"] for row in query("SHOW CATALOGS")] == ["default_catalog", "ice", "hive2"]
    assert query.server.warehouse.catalogs["hive2"].properties["aws.s3.secret_key"] == "secret"
    assert query.refused("CANCEL BACKUP FOR EXTERNAL CATALOG")[0] == 5064


@pytest.mark.parametrize(
    ("version", "statement"),
    [
        ("3.4.0", "BACKUP SNAPSHOT sales.x TO repo EXCLUDE (orders)"),
        ("3.4.0", "SHOW CREATE REPOSITORY FOR repo"),
        ("3.4.0", 'ALTER REPOSITORY repo PROPERTIES ("a" = "b")'),
        ("3.4.0", 'CREATE REPOSITORY x WITH S3 ON LOCATION "s3://b" PROPERTIES ("a" = "b")'),
        ("3.4.0", "SHOW BRIEF RESTORE FROM sales"),
        ("3.4.0", "SHOW COMPUTE GROUPS"),
        ("3.4.0", "USE @g"),
        ("3.3.0", "BACKUP DATABASE sales SNAPSHOT x TO repo"),
        ("3.3.0", "BACKUP SNAPSHOT sales.x TO repo ON (TABLE orders)"),
        ("3.3.0", "BACKUP ALL EXTERNAL CATALOGS SNAPSHOT x TO repo"),
    ],
)
def test_forms_that_are_not_its_own(filled, version, statement):
    code, text = filled("starrocks", version).refused(statement)
    assert (code, text.startswith("Getting syntax error at line 1, column ")) == (1064, True)


def test_properties_it_does_not_know(filled):
    query = filled("starrocks")
    timestamp = query.backup()
    assert (
        query.refused('BACKUP SNAPSHOT sales.x TO repo PROPERTIES ("content" = "all")')[1]
        == "Unknown backup job properties: [content]"
    )
    statement = f'RESTORE SNAPSHOT sales.one FROM repo PROPERTIES ("backup_timestamp" = "{timestamp}", "atomic_restore" = "true")'
    assert query.refused(statement)[1] == "Unknown restore job properties: [atomic_restore]"


def test_who_has_no_right_sees_no_job(filled):
    query = filled("starrocks")
    query.backup()
    query.server.add_user("ann", load={"sales"})
    query.server.add_user("bob")
    for user, rows in (("ann", 1), ("bob", 0)):
        query.connection = query.server.connect(user)
        assert len(query("SHOW BACKUP FROM sales")) == rows


@pytest.fixture
def shared(client):
    """With shared data and two warehouses; a table with rows and one without."""

    def make(**more):
        query = client("starrocks", **({"cloud": True, "groups": ("default_warehouse", "wh_backup")} | more))
        query("CREATE DATABASE d")
        for name in ("t", "u"):
            query(f"CREATE TABLE d.{name} (id INT NOT NULL, at DATETIME, l LARGEINT, b BITMAP, h HLL, g INT AS id + 1) PRIMARY KEY(id) "
                  "DISTRIBUTED BY HASH(id) BUCKETS 2")  # fmt: skip
        query("INSERT INTO d.t (id, at, l, b, h) VALUES (1, '2026-01-02 03:04:05.5', 7, to_bitmap(5), hll_hash('a')), (2, NULL, NULL, NULL, NULL)")
        return query

    return make


def files(query, path: str = "x/", **more: str) -> str:
    pairs = "".join(f', "{key}" = "{value}"' for key, value in more.items())
    return f'FILES("path" = "s3://backups/{query.prefix}/{path}", "format" = "parquet", {query.properties()}{pairs})'.replace(
        ', "use_path_style" = "true"', "")  # fmt: skip


COLUMNS = "id AS c1, CAST(at AS STRING) AS c2, CAST(l AS STRING) AS c3, bitmap_to_base64(b) AS c4"


def test_rows_go_to_files_and_back_by_a_label(shared):
    query = shared()
    with query.connection.cursor() as cursor:
        assert cursor.execute(f"INSERT INTO {files(query, compression='zstd')} SELECT {COLUMNS} FROM d.t") == 2
    assert len(query.objects("x/")) == 2  # of two drivers
    assert query(f"SELECT count(*) AS n FROM {files(query, 'x/*.parquet')}") == [{"n": 2}]
    load = (f"INSERT INTO d.u WITH LABEL l1 (id, at, l, b) SELECT c1, CAST(c2 AS DATETIME), CAST(c3 AS LARGEINT), base64_to_bitmap(c4) "
            f"FROM {files(query, 'x/*.parquet')}")  # fmt: skip
    query(load)
    assert query("SELECT id, at, l, bitmap_to_string(b) AS b, g FROM d.u ORDER BY id") == query(
        "SELECT id, at, l, bitmap_to_string(b) AS b, g FROM d.t ORDER BY id"
    )
    (row,) = query('SHOW LOAD FROM d WHERE LABEL = "l1"')
    assert (row["State"], row["Type"], row["Progress"]) == ("FINISHED", "INSERT", "100%")
    assert query.refused(load)[1].startswith("Label [l1] has already been used")


def test_what_has_no_parquet_type_is_refused_and_times_lose_their_fractions(shared):
    query = shared()
    for column in ("l", "b", "h"):
        code, text = query.refused(f"INSERT INTO {files(query)} SELECT {column} AS c1 FROM d.t")
        assert (code, "Unsupported type of column c1" in text) == (1064, True)
    query(f"INSERT INTO {files(query, 'y/', single='true')} SELECT at AS c1 FROM d.t WHERE id = 1")
    assert str(query(f"SELECT c1 FROM {files(query, 'y/*')}")[0]["c1"]) == "2026-01-02 03:04:05"


@pytest.mark.parametrize("words", [{"format": "PARQUET"}, {"compression": "ZSTD"}])
def test_words_in_capitals_are_not_known(shared, words):
    query = shared()
    statement = f"INSERT INTO {files(query)} SELECT id AS c1 FROM d.t"
    changed = statement.replace('"parquet"', '"PARQUET"') if "format" in words else statement.replace('"format"', '"compression" = "ZSTD", "format"')
    assert query.refused(changed)[0] == 1064


def test_no_rows_no_files_and_no_files_no_rows(shared):
    query = shared()
    query(f"INSERT INTO {files(query)} SELECT id AS c1 FROM d.u")
    assert query.objects("x/") == []
    assert query.refused(f"SELECT count(*) AS n FROM {files(query, 'x/*.parquet')}")[1].startswith("No files were found")


def test_shared_data_is_told_and_refuses_snapshots(shared):
    query = shared()
    assert query('ADMIN SHOW FRONTEND CONFIG LIKE "run_mode"')[0]["Value"] == "shared_data"
    assert "not supported in shared-data mode" in query.refused("BACKUP SNAPSHOT d.x TO repo")[1]
    assert query.refused('RESTORE SNAPSHOT d.x FROM repo PROPERTIES ("backup_timestamp" = "x")')[0] == 1064
    rows = query("SHOW PARTITIONS FROM d.t")
    assert [(row["VisibleVersion"], row["DataSize"], "VisibleVersionTime" in row) for row in rows] == [("2", "200B", False)]
    own = shared(cloud=False, groups=())
    assert own('ADMIN SHOW FRONTEND CONFIG LIKE "run_mode"')[0]["Value"] == "shared_nothing"
    assert [(row["VisibleVersion"], row["RowCount"], "VisibleVersionTime" in row) for row in own("SHOW PARTITIONS FROM d.t")] == [("2", "2", True)]


def test_the_chosen_warehouse_does_the_work_if_it_is_awake(shared):
    query = shared()
    query("SET WAREHOUSE = 'wh_backup'")
    query("SELECT count(*) AS n FROM d.t")
    unload = f"INSERT INTO {files(query)} SELECT id AS c1 FROM d.t"
    query(unload)
    assert query.server.warehouse.work[-2:] == [("wh_backup", "query", "d.t"), ("wh_backup", "outfile", f"s3://backups/{query.prefix}/x/")]
    query.server.control.suspend("wh_backup")
    for statement in ("SELECT count(*) AS n FROM d.t", unload):
        assert "wh_backup is not available" in query.refused(statement)[1]
    query("RESUME WAREHOUSE wh_backup")
    query("SELECT count(*) AS n FROM d.t")
    assert query.refused("SET WAREHOUSE = 'nope'")[1] == "Warehouse name: nope not exist."


def test_the_text_of_a_table_makes_the_same_table(shared):
    query = shared()
    query('CREATE TABLE d.p (day DATE NOT NULL, v VARCHAR(20) DEFAULT "x" COMMENT "y", m DECIMAL(10, 2), s STRING) DUPLICATE KEY(day) COMMENT "c" '
          'PARTITION BY RANGE(day) (PARTITION a VALUES LESS THAN ("2026-01-01"), PARTITION b VALUES LESS THAN (MAXVALUE)) '
          'DISTRIBUTED BY RANDOM ORDER BY (v) PROPERTIES ("replication_num" = "1")')  # fmt: skip
    for name in ("t", "p"):
        (shown,) = query(f"SHOW CREATE TABLE d.{name}")
        query(shown["Create Table"].replace(f"TABLE `{name}`", f"TABLE d.`{name}2`"))
        assert query(f"SHOW CREATE TABLE d.{name}2")[0]["Create Table"] == shown["Create Table"].replace(f"TABLE `{name}`", f"TABLE `{name}2`")
    assert "`m` decimal(10, 2) NULL" in shown["Create Table"]


def test_tables_and_databases_change_places(shared):
    query = shared()
    query("ALTER TABLE d.t SWAP WITH u")
    assert query("SELECT count(*) AS n FROM d.u") == [{"n": 2}]
    assert query.refused("ALTER TABLE d.t REPLACE WITH TABLE u")[0] == 1064
    query("ALTER DATABASE d RENAME e")
    assert query("SELECT count(*) AS n FROM e.u") == [{"n": 2}]


def test_its_own_functions_and_views(shared):
    query = shared()
    assert query("SELECT hll_cardinality(hll_deserialize(hll_serialize(hll_hash('a')))) AS n") == [{"n": 1}]
    for name in ("bitmap_from_base64", "hll_to_base64"):
        assert query.refused(f"SELECT {name}('x')")[1] == f"Can not found function '{name}'"
    query("CREATE MATERIALIZED VIEW d.m REFRESH MANUAL AS SELECT id, count(*) AS n FROM d.t GROUP BY id")
    assert query("SELECT TABLE_NAME AS n FROM information_schema.materialized_views WHERE TABLE_SCHEMA = 'd'") == [{"n": "m"}]
    text = query("SHOW CREATE MATERIALIZED VIEW d.m")[0]["Create Materialized View"]
    query(text.replace("VIEW `m`", "VIEW d.`again`"))
    assert query.server.rows("d.again") == [(1, 1), (2, 1)]
    query("CREATE MATERIALIZED VIEW d.later (a) DISTRIBUTED BY RANDOM REFRESH DEFERRED ASYNC AS SELECT id FROM d.t")
    assert query.server.rows("d.later") == []
    assert "\nREFRESH DEFERRED ASYNC\n" in query("SHOW CREATE MATERIALIZED VIEW d.later")[0]["Create Materialized View"]
    query("CREATE VIEW d.v AS SELECT id FROM d.t")
    assert query("SHOW CREATE VIEW d.v")[0]["Create View"] == "CREATE VIEW `v` (`id`)\nAS SELECT `id` FROM `d`.`t`;"


def test_it_goes_on_writing_after_its_client_is_gone_and_can_be_killed(shared):
    query = shared()
    for way in ("release", "kill"):
        query.server.faults.drop_during("INTO FILES")
        assert query.refused(f"INSERT INTO {files(query, f'{way}/')} SELECT id AS c1 FROM d.t")[0] == 2013
        query.connection = query.server.connect()
        (running,) = [row for row in query("SHOW FULL PROCESSLIST") if row["Info"].startswith("INSERT")]
        query(f"KILL QUERY {running['Id']}") if way == "kill" else query.server.faults.release()
        while [row for row in query("SHOW PROCESSLIST") if row["Info"].startswith("INSERT")]:
            pass
        assert len(query.objects(f"{way}/")) == (1 if way == "kill" else 2)
