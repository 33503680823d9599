"""RESTORE and SHOW RESTORE."""

import pytest
import seaweed

ROWS = [(1, "one"), (2, None)]


def test_a_restore_goes_through_its_states_into_another_database(filled):
    query = filled()
    timestamp = query.backup()
    query("CREATE DATABASE other")
    query(
        f'RESTORE SNAPSHOT `other`.`one` FROM `repo` ON (`orders`, `days`, `names`) PROPERTIES ("backup_timestamp" = "{timestamp}")'
    )
    assert (
        query.refused("BACKUP SNAPSHOT other.x TO repo")[1]
        == "Can only run one backup or restore job of a database at same time"
    )
    seen = []
    for _ in range(8):
        seen.append(query.job("RESTORE", "other")["State"])
        query.server.step()
    assert seen == [
        "PENDING",
        "CREATING",
        "SNAPSHOTING",
        "DOWNLOAD",
        "DOWNLOADING",
        "COMMIT",
        "COMMITTING",
        "FINISHED",
    ]
    assert query.server.rows("other.orders") == ROWS == query.server.rows("sales.orders")
    assert query.server.rows("other.days") == query.server.rows("sales.days")
    assert query("SELECT what FROM other.names ORDER BY 1 NULLS LAST") == [{"what": "one"}, {"what": None}]
    query("TRUNCATE TABLE sales.orders")
    assert len(query("SELECT what FROM other.names")) == 2  # the view's text names the new database


def test_the_columns_of_show_restore(filled):
    query = filled()
    timestamp = query.backup()
    query("CREATE DATABASE other")
    row = query.restore(timestamp, on="ON (orders AS copied)", replication_num="1")
    assert list(row) == [
        "JobId",
        "Label",
        "Timestamp",
        "DbName",
        "State",
        "AllowLoad",
        "ReplicationNum",
        "ReplicaAllocation",
        "ReserveReplica",
        "ReserveDynamicPartitionEnable",
        "RestoreObjs",
        "CreateTime",
        "MetaPreparedTime",
        "SnapshotFinishedTime",
        "DownloadFinishedTime",
        "FinishedTime",
        "UnfinishedTasks",
        "Progress",
        "TaskErrMsg",
        "Status",
        "Timeout",
    ]
    assert (row["State"], row["ReplicationNum"], row["RestoreObjs"]) == ("FINISHED", "1", "[other.copied]")
    assert query.server.rows("other.copied") == ROWS
    brief = query('SHOW BRIEF RESTORE FROM other WHERE LABEL = "one"')[0]
    assert set(row) - set(brief) == {"RestoreObjs", "Progress", "TaskErrMsg"}
    assert query.refused('SHOW RESTORE FROM other WHERE State = "x"')[0] == 1105


@pytest.mark.parametrize(
    ("statement", "code", "text"),
    [
        ("RESTORE SNAPSHOT nope.one FROM repo PROPERTIES ({})", 1049, "Unknown database 'nope'"),
        ("RESTORE SNAPSHOT sales.one FROM repo", 1105, "Missing backup_timestamp property"),
        ("RESTORE SNAPSHOT sales.one FROM nope PROPERTIES ({})", 5064, "Repository nope does not exist"),
        (
            "RESTORE SNAPSHOT sales.one FROM repo ON (nope) PROPERTIES ({})",
            5064,
            "Table nope does not exist in snapshot one",
        ),
        (
            'RESTORE SNAPSHOT sales.one FROM repo PROPERTIES ({}, "force_replace" = "true")',
            1105,
            "Unknown restore job properties: [force_replace]",
        ),
        (
            'RESTORE SNAPSHOT sales.one FROM repo PROPERTIES ({}, "clean_tables" = "yes")',
            1105,
            "Invalid boolean property clean_tables value: yes",
        ),
        (
            'RESTORE SNAPSHOT sales.one FROM repo PROPERTIES ({}, "timeout" = "5")',
            1105,
            "timeout must be at least 10 min",
        ),
    ],
)
def test_restores_that_are_refused(filled, statement, code, text):
    query = filled()
    timestamp = query.backup()
    assert query.refused(statement.replace("{}", f'"backup_timestamp" = "{timestamp}"')) == (code, text)


def test_a_wrong_timestamp(filled):
    query = filled()
    query.backup()
    code, text = query.refused(
        'RESTORE SNAPSHOT sales.one FROM repo PROPERTIES ("backup_timestamp" = "2020-01-01-00-00-00")'
    )
    assert code == 5064
    assert text.startswith("Failed to get info of snapshot 'one' because: Expected one file with path: ")
    assert text.endswith("get: 0. Maybe specified wrong backup timestamp")


@pytest.mark.parametrize(
    ("version", "missing"),
    [
        (
            "2.1.5",
            {
                "clean_tables",
                "clean_partitions",
                "atomic_restore",
                "force_replace",
                "reserve_colocate",
                "storage_vault_name",
            },
        ),
        ("2.1.7", {"force_replace", "reserve_colocate", "storage_vault_name"}),
        ("3.0.2", {"atomic_restore", "force_replace", "reserve_colocate", "storage_vault_name"}),
        ("3.0.3", {"force_replace", "reserve_colocate", "storage_vault_name"}),
        ("4.0", {"storage_vault_name"}),
    ],
)
def test_properties_by_version(doris, version, missing):
    asked = doris(version=version).warehouse.dialect.restore_properties
    newest = doris(version="master", cloud=True).warehouse.dialect.restore_properties
    assert newest - asked == missing


def test_exclude_is_for_nothing_with_whole_tables(filled):
    query = filled()
    timestamp = query.backup()
    query("CREATE DATABASE other")
    query.restore(timestamp, on="EXCLUDE (orders, names)")
    assert [next(iter(row.values())) for row in query("SHOW TABLES FROM other")] == ["days", "orders"]


def test_an_existing_table_of_the_same_schema_is_replaced(filled):
    query = filled()
    timestamp = query.backup()
    query("INSERT INTO sales.orders VALUES (3, 'later')")
    query(f'RESTORE SNAPSHOT sales.one FROM repo ON (orders) PROPERTIES ("backup_timestamp" = "{timestamp}")')
    query.server.step(2)
    assert "is in state RESTORE" in query.refused("SELECT * FROM sales.orders")[1]
    assert (
        query.refused("INSERT INTO sales.orders VALUES (4, 'x')")[1]
        == "Table orders's state is not NORMAL: RESTORE"
    )
    query.server.finish()
    assert query.server.rows("sales.orders") == ROWS


def test_partitions_are_replaced_and_added(filled):
    query = filled()
    timestamp = query.backup(on="ON (days PARTITION (p2))")
    query("INSERT INTO sales.days VALUES ('2026-02-20', 7), ('2026-01-20', 8)")
    query.restore(timestamp, database="sales", on="ON (days PARTITION (p2))")
    assert [row[1] for row in query.server.rows("sales.days")] == [1, 8, 2]
    query("CREATE DATABASE other")
    query.restore(timestamp)
    assert [row["PartitionName"] for row in query("SHOW PARTITIONS FROM other.days")] == ["p2"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("ALTER TABLE sales.orders ADD COLUMN more INT", "Table orders already exist but with different schema"),
        (
            "DROP TABLE sales.orders; CREATE TABLE sales.orders (id INT NOT NULL, what VARCHAR(20)) DUPLICATE KEY(id) "
            'DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ("replication_num" = "1")',
            "Partition orders in table orders has different replication num '1' with partition in repository, which is 3",
        ),
        (
            "DROP TABLE sales.days; CREATE TABLE sales.days (day DATE, n BIGINT) DUPLICATE KEY(day) PARTITION BY RANGE(day) "
            '(PARTITION p1 VALUES LESS THAN ("2027-01-01")) DISTRIBUTED BY HASH(day)',
            "Partition p1 in table days has different partition item with partition in repository",
        ),
        (
            "DROP VIEW sales.names; CREATE VIEW sales.names AS SELECT 1 AS what",
            "View names already exist but with different schema",
        ),
    ],
)
def test_what_an_existing_object_refuses_comes_later_as_status(filled, change, text):
    query = filled()
    timestamp = query.backup()
    for statement in change.split("; "):
        query(statement)
    row = query.restore(timestamp, database="sales")
    assert (row["State"], row["Status"]) == ("CANCELLED", f"[COMMON_ERROR, msg: {text}]")


def test_an_atomic_restore_can_be_read_all_the_time(filled):
    query = filled(version="4.0")
    timestamp = query.backup()
    query("ALTER TABLE sales.orders ADD COLUMN more INT")
    assert (
        query.restore(timestamp, database="sales", on="ON (orders)", atomic_restore="true")["State"] == "CANCELLED"
    )
    query(
        f'RESTORE SNAPSHOT sales.one FROM repo ON (orders) PROPERTIES ("backup_timestamp" = "{timestamp}", '
        '"atomic_restore" = "true", "force_replace" = "true")'
    )
    query.server.step(6)
    assert len(query("SELECT more FROM sales.orders")) == 2
    query.server.finish()
    assert query.server.rows("sales.orders") == ROWS


def test_clean_tables_drops_what_is_not_in_the_snapshot(filled):
    query = filled()
    timestamp = query.backup()
    query("CREATE TABLE sales.more (id INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id)")
    assert query.restore(timestamp, database="sales", clean_tables="true")["State"] == "FINISHED"
    assert [next(iter(row.values())) for row in query("SHOW TABLES FROM sales")] == ["days", "names", "orders"]


def test_a_cancelled_restore_takes_its_new_tables_back(filled):
    query = filled()
    timestamp = query.backup()
    query("CREATE DATABASE other")
    query(f'RESTORE SNAPSHOT other.one FROM repo PROPERTIES ("backup_timestamp" = "{timestamp}")')
    query.server.step(3)
    assert len(query("SHOW TABLES FROM other")) == 2
    query("CANCEL RESTORE FROM other")
    assert query("SHOW TABLES FROM other") == []


def test_dynamic_partitions_and_replicas_are_changed_unless_reserved(filled):
    query = filled()
    query(
        "CREATE TABLE sales.moving (day DATE) DUPLICATE KEY(day) PARTITION BY RANGE(day) (PARTITION p1 VALUES LESS THAN ('2026-02-01')) "
        'DISTRIBUTED BY HASH(day) PROPERTIES ("dynamic_partition.enable" = "true", "dynamic_partition.time_unit" = "DAY", "dynamic_partition.end" = "1", '
        '"dynamic_partition.prefix" = "p", "dynamic_partition.buckets" = "1", "replication_num" = "1")'
    )
    timestamp = query.backup()
    query("CREATE DATABASE other")
    query.restore(timestamp)
    assert '"dynamic_partition.enable" = "false"' in query("SHOW CREATE TABLE other.moving")[0]["Create Table"]
    query("DROP DATABASE other")
    query("CREATE DATABASE other")
    query.restore(timestamp, reserve_dynamic_partition_enable="true", reserve_replica="true")
    assert '"dynamic_partition.enable" = "true"' in query("SHOW CREATE TABLE other.moving")[0]["Create Table"]
    assert query.server.warehouse.databases["other"].tables["moving"].definition.replication == "1"


@pytest.mark.parametrize(
    ("start", "text"), [("__info", "Maybe specified wrong backup timestamp"), ("__meta", "get: 0")]
)
def test_a_snapshot_whose_files_were_removed(filled, start, text):
    query = filled()
    timestamp = query.backup()
    key = next(
        key for key in query.objects("__palo_repository_repo/__ss_one/") if key.split("/")[-1].startswith(start)
    )
    seaweed.client(query.s3).delete_object(Bucket="backups", Key=f"{query.prefix}/{key}")
    query("CREATE DATABASE other")
    if start == "__info":
        assert query("SHOW SNAPSHOT ON repo")[0]["Status"] == "ERROR: No info file found"
        assert (
            text
            in query.refused(
                f'RESTORE SNAPSHOT other.one FROM repo PROPERTIES ("backup_timestamp" = "{timestamp}")'
            )[1]
        )
    else:
        assert text in query.restore(timestamp)["Status"]


def test_in_the_cloud_mode_only_by_a_config(filled):
    coupled = filled(version="3.1.0")
    timestamp = coupled.backup()
    cloud = filled(version="3.1.0", cloud=True)
    cloud("CREATE DATABASE other")
    cloud("DROP REPOSITORY repo")
    cloud(cloud.repository(prefix=coupled.prefix))
    statement = f'RESTORE SNAPSHOT other.one FROM repo ON (orders) PROPERTIES ("backup_timestamp" = "{timestamp}")'
    assert "experimental_enable_cloud_restore_job" in cloud.refused(statement)[1]
    cloud.server.control.allow_cloud_restore()
    assert "A compute group" in cloud.refused(statement)[1]
    cloud("USE @compute_group_1")
    assert "not supported now." in cloud.refused(statement[:-1] + ', "atomic_restore" = "true")')[1]
    cloud(statement)
    cloud.server.finish()
    assert cloud.server.rows("other.orders") == ROWS


def test_one_partition_of_less_than_leaves_the_others_alone(filled):
    query = filled()
    query(
        "CREATE TABLE sales.steps (n INT) DUPLICATE KEY(n) PARTITION BY RANGE(n) (PARTITION a VALUES LESS THAN (10), "
        "PARTITION b VALUES LESS THAN (20), PARTITION c VALUES LESS THAN MAXVALUE) DISTRIBUTED BY HASH(n)"
    )
    query("INSERT INTO sales.steps VALUES (5), (15), (25)")
    timestamp = query.backup(on="ON (steps PARTITION (b))")
    query("DELETE FROM sales.steps WHERE n = 15")
    query.restore(timestamp, database="sales")
    assert query.server.rows("sales.steps") == [(15,), (25,), (5,)]


def test_a_table_that_goes_from_under_a_restore(filled):
    query = filled()
    timestamp = query.backup()
    query(f'RESTORE SNAPSHOT sales.one FROM repo ON (orders) PROPERTIES ("backup_timestamp" = "{timestamp}")')
    query.server.step(3)
    query("DROP TABLE sales.orders")
    query.server.finish()
    assert query.job("RESTORE")["State"] == "CANCELLED"
