"""Catalogs, sizes, what a warehouse says of itself, and its SQL for setting up tests."""

import datetime as dt
import decimal


def test_catalogs_are_masked_by_a_fixed_list_of_keys(client):
    query = client()
    query(
        'CREATE CATALOG IF NOT EXISTS `my-pg` COMMENT "a comment" PROPERTIES ("type" = "jdbc", "user" = "u", "password" = "p", '
        '"oauth2.credential" = "in clear", "use_meta_cache" = "true", "s3.access_key" = "key")'
    )
    rows = query("SHOW CATALOGS")
    assert list(rows[0]) == [
        "CatalogId",
        "CatalogName",
        "Type",
        "IsCurrent",
        "CreateTime",
        "LastUpdateTime",
        "Comment",
        "ErrorMsg",
    ]
    assert [(row["CatalogName"], row["Type"], row["IsCurrent"]) for row in rows] == [
        ("internal", "internal", "Yes"),
        ("my-pg", "jdbc", "No"),
    ]
    assert query("SHOW CREATE CATALOG `my-pg`")[0]["CreateCatalog"] == (
        '\nCREATE CATALOG `my-pg`\nCOMMENT "a comment" PROPERTIES (\n"oauth2.credential" = "in clear",\n"password" = "*XXX",\n'
        '"s3.access_key" = "key",\n"type" = "jdbc",\n"user" = "u"\n);'
    )
    assert {"Key": "password", "Value": "*XXX"} in query("SHOW CATALOG `my-pg`")
    query('ALTER CATALOG `my-pg` SET PROPERTIES ("user" = "other")')
    assert query.server.warehouse.catalogs["my-pg"].properties["user"] == "other"
    query("DROP CATALOG `my-pg`")
    assert query.refused("SHOW CREATE CATALOG `my-pg`")[1] == "No catalog found with name my-pg"
    assert query("SHOW CATALOGS LIKE 'my%'") == []


def test_newer_ones_mask_access_keys_too(client):
    query = client(version="4.0")
    query('CREATE CATALOG c PROPERTIES ("type" = "hms", "s3.access_key" = "key")')
    assert '"s3.access_key" = "*XXX"' in query("SHOW CREATE CATALOG c")[0]["CreateCatalog"]


def test_jobs_are_looked_up_in_the_current_catalog(filled):
    query = filled()
    query('CREATE CATALOG c PROPERTIES ("type" = "hms")')
    query("USE c.anything")
    assert query.refused("SHOW BACKUP FROM sales")[0] == 1049
    query("USE internal.sales")
    assert query("SHOW BACKUP") == []


def test_escapes_in_strings_and_names(client):
    query = client()
    query(r"""CREATE CATALOG c PROPERTIES ("type" = 'jdbc', 'password' = "a\"b\\c", "user" = 'it''s')""")
    assert query.server.warehouse.catalogs["c"].properties == {"type": "jdbc", "password": 'a"b\\c', "user": "it's"}
    assert query.refused("USE `a``b`")[1] == "Unknown database 'a`b'"


def test_types_come_back(client):
    query = client()
    query("CREATE DATABASE d")
    query(
        "CREATE TABLE d.t (a TINYINT, b LARGEINT, c DECIMAL(10, 2), e DATETIME(6), f DATE, g STRING, h ARRAY<INT>, i BOOLEAN, j DOUBLE, "
        "k MAP<STRING, INT>, l JSON, INDEX idx (g) USING INVERTED) UNIQUE KEY(a) DISTRIBUTED BY HASH(a) BUCKETS AUTO"
    )
    query(
        "INSERT INTO d.t (a, b, c, e, f, g, i, j) VALUES (1, 170141183460469231731687303715884105727, 1.25, '2026-01-02 03:04:05.678', '2026-01-02', 'ü', true, 0.5)"
    )
    (row,) = query("SELECT * FROM d.t")
    assert list(row.values())[:6] == [1, "170141183460469231731687303715884105727", decimal.Decimal("1.25"),
                                      dt.datetime(2026, 1, 2, 3, 4, 5, 678000), dt.date(2026, 1, 2), "ü"]  # fmt: skip
    assert [row["DATA_TYPE"] for row in query("SELECT DATA_TYPE FROM information_schema.columns WHERE TABLE_NAME = 't' ORDER BY ORDINAL_POSITION")][:3] == [
        "tinyint", "largeint", "decimal",
    ]  # fmt: skip
    assert query("WITH x AS (SELECT a FROM d.t) SELECT count(*) AS n FROM x JOIN internal.d.t USING (a)") == [
        {"n": 1}
    ]


def test_sizes_and_partitions(filled):
    query = filled()
    assert query("SHOW DATA FROM sales.days")[0]["RowCount"] == "2"
    query("USE sales")
    assert [row["TableName"] for row in query("SHOW DATA")] == ["orders", "days", "names", "Total", "Quota", "Left"]
    assert query('SHOW DATA PROPERTIES ("entire_warehouse" = "true")')[-1] == {
        "DBName": "total",
        "DataSize": "1200",
        "RecycleSize": "0",
    }
    assert query("SELECT n FROM sales.days PARTITION (p2)") == [{"n": 2}]
    rows = query(
        "SELECT PARTITION_NAME AS p, TABLE_ROWS AS n FROM information_schema.partitions WHERE TABLE_NAME = 'days'"
    )
    assert [tuple(row.values()) for row in rows] == [("p1", 1), ("p2", 1)]


def test_ddl_and_what_is_there(filled):
    query = filled()
    assert query("SHOW CREATE TABLE sales.orders")[0]["Create Table"] == (
        "CREATE TABLE `orders` (\n  `id` int NOT NULL,\n  `what` varchar(20) NULL\n) ENGINE=OLAP\nDUPLICATE KEY(`id`)\n"
        'DISTRIBUTED BY HASH(`id`) BUCKETS 1\nPROPERTIES (\n"replication_allocation" = "tag.location.default: 3",\n'
        '"min_load_replica_num" = "-1",\n"is_being_synced" = "false",\n"storage_medium" = "hdd",\n"storage_format" = "V2",\n'
        '"inverted_index_storage_format" = "V2",\n"light_schema_change" = "true",\n"disable_auto_compaction" = "false",\n'
        '"enable_single_replica_compaction" = "false",\n"group_commit_interval_ms" = "10000",\n'
        '"group_commit_data_bytes" = "134217728"\n);'
    )
    assert (
        query("SHOW CREATE VIEW sales.names")[0]["Create View"]
        == "CREATE VIEW `names` AS SELECT `what` FROM `internal`.`sales`.`orders`;"
    )
    assert query("SHOW CREATE DATABASE sales")[0]["Create Database"] == "CREATE DATABASE `sales`"
    assert [row["Database"] for row in query("SHOW DATABASES")] == [
        "__internal_schema",
        "information_schema",
        "mysql",
        "sales",
    ]
    assert query("SHOW FULL TABLES FROM sales LIKE 'n%'") == [
        {"Tables_in_sales": "names", "Table_type": "VIEW", "Storage_format": ""}
    ]
    assert query("DESC sales.orders")[0]["Field"] == "id"
    assert query("SHOW GRANTS")[0]["UserIdentity"] == "'root'@'%'"
    assert {"Alive", "TabletNum", "Version"} <= set(query("SHOW BACKENDS")[0])
    for statement, code in [("CREATE DATABASE sales", 1007), ("CREATE DATABASE `1x`", 1102), ("DROP DATABASE nope", 1008),
                            ("DROP TABLE sales.nope", 1051), ("SELECT * FROM sales.nope", 1105), ("SELECT * FROM nope.t", 1049),
                            ("CREATE TABLE sales.`a b` (id INT)", 1103), ("CREATE TABLE sales.orders (id INT)", 1050)]:  # fmt: skip
        assert query.refused(statement)[0] == code, statement
    query("ALTER TABLE sales.orders RENAME renamed")
    query("DELETE FROM sales.renamed WHERE id = 1")
    query("UPDATE sales.renamed SET what = 'x' WHERE id = 2")
    assert query.server.rows("sales.renamed") == [(2, "x")]


def test_the_clock_of_the_test_is_followed(doris):
    now = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    server = doris(now=lambda: now, per_look=0)
    assert server.clock.now == now
    now += dt.timedelta(hours=1)
    assert server.clock.now == now
