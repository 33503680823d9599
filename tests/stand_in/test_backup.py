"""Repositories, BACKUP, SHOW, CANCEL."""

import hashlib
import json
from datetime import UTC, datetime

import duckdb
import pytest
import seaweed

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_a_repository_is_there_and_its_secrets_are_masked(client):
    query = client(now=NOON)
    query(query.repository())
    (row,) = query("SHOW REPOSITORIES")
    assert row | {"RepoId": "n"} == {
        "RepoId": "n", "RepoName": "repo", "CreateTime": "2026-11-23 12:00:00", "IsReadOnly": "false",
        "Location": f"s3://backups/{query.prefix}", "Broker": "-", "Type": "S3", "ErrMsg": "\\N",
    }  # fmt: skip
    body = (
        seaweed.client(query.s3)
        .get_object(Bucket="backups", Key=f"{query.prefix}/__palo_repository_repo/__repo_info")["Body"]
        .read()
    )
    assert body == b'{"name":"repo","create_time":"2026-11-23 12:00:00"}'
    text = query("SHOW CREATE REPOSITORY FOR repo")[0]["CreateStmt"]
    assert '"s3.secret_key" = "*XXX"' in text
    assert f'"s3.access_key" = "{seaweed.ACCESS_KEY}"' in text  # only from 4 on masked
    assert query.refused("SHOW CREATE REPOSITORY FOR nope")[1] == "repository not exist."


def test_repositories_that_are_refused(client):
    query = client()
    query(query.repository())
    assert query.refused(query.repository()) == (
        5064,
        "Failed to create repository: repository with same name already exist: repo",
    )
    code, text = query.refused(query.repository("second", secret_key="wrong"))
    assert (code, text.startswith("Failed to create repository: "), "Status Code: 403" in text) == (
        5064,
        True,
        True,
    )
    assert (
        "bucket does not exist"
        in query.refused(query.repository("third").replace("s3://backups/", "s3://nope/"))[1]
    )
    assert (
        "Region is not set"
        in query.refused(query.repository("third").replace('"s3.region" = "us-east-1", ', ""))[1]
    )
    assert (
        "Name or service not known"
        in query.refused(query.repository("third").replace('"use_path_style" = "true"', '"x" = "y"'))[1]
    )
    old, new = "__palo_repository_repo/__repo_info", "__palo_repository_other/__repo_info"
    storage = seaweed.client(query.s3)
    storage.copy_object(Bucket="backups", Key=f"{query.prefix}/{new}", CopySource=f"backups/{query.prefix}/{old}")
    assert "Invalid repository __repo_info, expected repo" in query.refused(query.repository("other"))[1]


def test_dropping_a_repository_leaves_its_objects(filled):
    query = filled()
    query("BACKUP SNAPSHOT sales.one TO repo")
    assert (
        query.refused("DROP REPOSITORY repo")[1]
        == "Backup or restore job is running on this repository. Can not drop it"
    )
    query.server.finish()
    before = query.objects()
    query("DROP REPOSITORY repo")
    assert query.objects() == before
    assert query.refused("DROP REPOSITORY repo") == (5064, "Repository repo does not exist")
    query(query.repository(only="READ ONLY "))
    assert query.refused("BACKUP SNAPSHOT sales.two TO repo")[1] == "Repository repo is read only"


def test_altering_a_repository_pings_first(filled):
    query = filled(version="4.0")
    assert (
        query.refused('ALTER REPOSITORY repo PROPERTIES ("s3.secret_key" = "bad")')[1]
        == "Repository ping failed with new properties"
    )
    query(f'ALTER REPOSITORY repo PROPERTIES ("s3.secret_key" = "{seaweed.SECRET_KEY}")')
    assert query.backup()


def test_a_backup_goes_through_its_states(filled):
    query = filled(now=NOON)
    query("SET time_zone = '+08:00'")
    query('BACKUP SNAPSHOT `sales`.`one` TO `repo` ON (`orders`) PROPERTIES ("type" = "full", "timeout" = "3600")')
    assert query.job() == {
        "JobId": "-1", "SnapshotName": "one", "DbName": "sales", "State": "PENDING", "BackupObjs": "[sales.orders]",
        "CreateTime": "2026-11-23 20:00:00", "SnapshotFinishedTime": "\\N", "UploadFinishedTime": "\\N", "FinishedTime": "\\N",
        "UnfinishedTasks": "", "Progress": "", "TaskErrMsg": "", "Status": "[OK]", "Timeout": "3600",
    }  # fmt: skip
    seen = []
    for _ in range(7):
        seen.append((query.job()["State"], len(query.objects("__palo_repository_repo/__ss_one/"))))
        query.server.step()
    assert seen == [
        ("PENDING", 0),
        ("SNAPSHOTING", 0),
        ("UPLOAD_SNAPSHOT", 0),
        ("UPLOADING", 0),
        ("SAVE_META", 2),
        ("UPLOAD_INFO", 2),
        ("FINISHED", 4),
    ]
    last = query.job()
    assert last["FinishedTime"] == "2026-11-23 20:00:18"
    assert int(last["JobId"]) > 0


def test_what_lies_in_the_storage(filled, tmp_path):
    query = filled(now=NOON, zone="+02:00")
    assert query.backup() == "2026-11-23-14-00-00"  # the global zone, not the session's

    below = "__palo_repository_repo/__ss_one/"
    files = {key.removeprefix(f"{below}"): seaweed.client(query.s3).get_object(Bucket="backups", Key=f"{query.prefix}/{key}")["Body"].read()
             for key in query.objects(below)}  # fmt: skip
    assert all(name.endswith("." + hashlib.md5(content).hexdigest()) for name, content in files.items())
    info = json.loads(
        next(content for name, content in files.items() if name.startswith("__info_2026-11-23-14-00-00."))
    )
    assert {key: info[key] for key in ("name", "database", "content", "backup_result", "backup_time", "tblalias")} == {
        "name": "one", "database": "sales", "content": "ALL", "backup_result": "succeed", "backup_time": int(NOON.timestamp() * 1000), "tblalias": {},
    }  # fmt: skip
    assert list(info["backup_objects"]) == ["orders", "days"]
    assert list(info["backup_objects"]["days"]["partitions"]) == ["p1", "p2"]
    assert [view["name"] for view in info["new_backup_objects"]["views"]] == ["names"]
    table = info["backup_objects"]["orders"]
    partition = table["partitions"]["orders"]
    index = partition["indexes"]["orders"]
    ((tablet, listed),) = index["tablets"].items()
    way = f"__ss_content/__db_{info['id']}/__tbl_{table['id']}/__part_{partition['id']}/__idx_{index['id']}/__{tablet}"
    assert {f"{way}/{name}" for name in listed} <= files.keys()
    (tmp_path / "rows").write_bytes(files[f"{way}/{listed[0]}"])
    with duckdb.connect() as connection:
        assert connection.read_parquet(str(tmp_path / "rows")).fetchall() == [(1, "one"), (2, None)]


def test_show_snapshot(filled):
    query = filled()
    timestamp = query.backup()
    assert query("SHOW SNAPSHOT ON repo") == [{"Snapshot": "one", "Timestamp": timestamp, "Status": "OK"}]
    assert query('SHOW SNAPSHOT ON repo WHERE SNAPSHOT = "nope"') == [
        {"Snapshot": "nope", "Timestamp": "\\N", "Status": "ERROR: No info file found"}
    ]
    (row,) = query(f'SHOW SNAPSHOT ON repo WHERE SNAPSHOT = "one" AND TIMESTAMP = "{timestamp}"')
    assert (row["Database"], row["Status"]) == ("sales", "OK")
    assert json.loads(row["Details"])["olap_table_list"][1] == {"name": "days", "partition_names": ["p1", "p2"]}
    assert query.refused(f'SHOW SNAPSHOT ON repo WHERE TIMESTAMP = "{timestamp}"')[0] == 1105


def test_objects_chosen_and_excluded(filled):
    query = filled()
    query.backup("a", on="ON (days PARTITION (p2))")
    query.backup("b", on="EXCLUDE (days)")
    details = [json.loads(query(f'SHOW SNAPSHOT ON repo WHERE SNAPSHOT = "{label}" AND TIMESTAMP = "{found["Timestamp"]}"')[0]["Details"])
               for label in "ab" for found in query(f'SHOW SNAPSHOT ON repo WHERE SNAPSHOT = "{label}"')]  # fmt: skip
    assert [each["olap_table_list"] for each in details] == [
        [{"name": "days", "partition_names": ["p2"]}],
        [{"name": "orders", "partition_names": ["orders"]}],
    ]


@pytest.mark.parametrize(
    ("statement", "code", "text"),
    [
        ("BACKUP SNAPSHOT sales.x TO nope", 5064, "Repository nope does not exist"),
        ("BACKUP SNAPSHOT nope.x TO repo", 1049, "Unknown database 'nope'"),
        ("BACKUP SNAPSHOT sales.x TO repo ON (nope)", 1051, "Unknown table 'nope'"),
        ("BACKUP SNAPSHOT sales.x TO repo ON (days PARTITION (p9))", 5064, "Unknown partition p9 in tabledays"),
        ("BACKUP SNAPSHOT sales.x TO repo ON (days, days)", 1105, "Duplicated table: days"),
        (
            "BACKUP SNAPSHOT sales.x TO repo ON (sales.days)",
            1105,
            "Cannot specify database name on backup objects: sales.days",
        ),
        (
            "BACKUP SNAPSHOT sales.`x y` TO repo",
            5064,
            "Label format error. regex: ^[-_A-Za-z0-9:]{1,128}$, label: x y",
        ),
        ('BACKUP SNAPSHOT sales.x TO repo PROPERTIES ("timeout" = "60")', 1105, "timeout must be at least 10 min"),
        ('BACKUP SNAPSHOT sales.x TO repo PROPERTIES ("timeout" = "x")', 1105, "Invalid timeout format: x"),
        ('BACKUP SNAPSHOT sales.x TO repo PROPERTIES ("type" = "x")', 1105, "Invalid backup job type: x"),
        ('BACKUP SNAPSHOT sales.x TO repo PROPERTIES ("content" = "x")', 1105, "Invalid backup job content:x"),
        ('BACKUP SNAPSHOT sales.x TO repo PROPERTIES ("ttl" = "1")', 1105, "Unknown backup job properties: [ttl]"),
        ("CANCEL BACKUP FROM sales", 5064, "No backup job is currently running"),
        ("CANCEL RESTORE FROM sales", 5064, "No restore is currently running"),
        ("SHOW BACKUP", 1046, "No database selected"),
    ],
)
def test_backups_that_are_refused(filled, statement, code, text):
    assert filled().refused(statement) == (code, text)


@pytest.mark.parametrize(
    "statement",
    [
        "BACKUP GLOBAL SNAPSHOT x TO repo",
        "BACKUP SNAPSHOT sales.x-y TO repo",
        "BACKUP SNAPSHOT sales.x TO repo ON orders",
        "BACKUP SNAPSHOT sales.x TO repo ON (orders AS o)",
        "BACKUP SNAPSHOT sales.x TO repo ON (TABLE orders)",
        "BACKUP DATABASE sales SNAPSHOT x TO repo",
        "BACKUP SNAPSHOT 'x' TO repo",
        "BACKUP SNAPSHOT sales.x TO repo PROPERTIES (type = full)",
        "DROP SNAPSHOT x ON repo",
        "SHOW CLUSTER SNAPSHOT",
        "SHOW BACKUP FROM sales LIMIT 1",
        "CREATE REPOSITORY r WITH BROKER ON LOCATION 's3a://b' nonsense",
        "DROP REPOSITORY IF EXISTS repo",
        "RESTORE SNAPSHOT x FROM repo DATABASE a AS b",
        "STRIKE",
    ],
)
def test_wrong_statements_are_syntax_errors(filled, statement):
    code, text = filled().refused(statement)
    assert code in {1105, 5064}
    assert "input" in text or "broker" in text


def test_a_wrong_where_is_explained(filled):
    query = filled()
    assert query.refused('SHOW BACKUP FROM sales WHERE State = "FINISHED"')[1].startswith(
        'Where clause should like: SnapshotName = "'
    )
    for label in ("a_1", "ab1"):
        query.backup(label)
    assert [row["SnapshotName"] for row in query('SHOW BACKUP FROM sales WHERE SnapshotName LIKE "a_1"')] == [
        "a_1",
        "ab1",
    ]
    assert [row["SnapshotName"] for row in query('SHOW BACKUP FROM sales WHERE SnapshotName = "a_1"')] == ["a_1"]


def test_one_job_a_database(filled):
    query = filled()
    query("CREATE DATABASE other")
    query("CREATE TABLE other.t (id INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id)")
    query("BACKUP SNAPSHOT sales.one TO repo")
    assert query.refused("BACKUP SNAPSHOT sales.two TO repo") == (
        5064,
        "Can only run one backup or restore job of a database at same time",
    )
    query("BACKUP SNAPSHOT other.two TO repo")
    newer = filled(version="4.0")
    newer("BACKUP SNAPSHOT sales.one TO repo")
    assert newer.refused("BACKUP SNAPSHOT sales.two TO repo")[1].endswith(
        "same time, current running: label = one jobId = -1, to run label = two"
    )


def test_a_label_is_taken_by_leftovers_and_by_other_databases(filled):
    query = filled()
    query("BACKUP SNAPSHOT sales.one TO repo")
    query.server.step(4)
    query("CANCEL BACKUP FROM sales")
    job = query.job()
    assert (job["State"], job["Status"], job["FinishedTime"] != "\\N") == (
        "CANCELLED",
        "[CANCELLED, msg: user cancelled]",
        True,
    )
    assert (
        query.refused("CANCEL BACKUP FROM sales")[1]
        == "Failed to cancel job: Job with label one can not be cancelled. state: CANCELLED"
    )
    assert query.objects("__palo_repository_repo/__ss_one/")
    query("CREATE DATABASE other")
    query("CREATE TABLE other.t (id INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id)")
    for database in ("sales", "other"):
        assert (
            query.refused(f"BACKUP SNAPSHOT {database}.one TO repo")[1]
            == "Snapshot with name 'one' already exist in repository"
        )


def test_the_history_has_an_end(filled):
    query = filled()
    for number in range(11):
        query.backup(f"l{number}")
    assert [row["SnapshotName"] for row in query("SHOW BACKUP FROM sales")] == [
        f"l{number}" for number in range(1, 11)
    ]


def test_kinds_of_tables(filled):
    query = filled()
    query(
        "CREATE MATERIALIZED VIEW sales.totals BUILD IMMEDIATE REFRESH AUTO ON MANUAL AS SELECT count(*) AS n FROM sales.orders"
    )
    kinds = query(
        "SELECT TABLE_NAME AS t, TABLE_TYPE AS k, ENGINE AS e FROM information_schema.tables WHERE TABLE_SCHEMA = 'sales' ORDER BY 1"
    )
    assert [tuple(row.values()) for row in kinds] == [
        ("days", "BASE TABLE", "Doris"), ("names", "VIEW", "View"), ("orders", "BASE TABLE", "Doris"), ("totals", "BASE TABLE", None),
    ]  # fmt: skip
    query.backup()
    assert query.job()["BackupObjs"] == "[sales.orders], [sales.days], [sales.names]"
    query('CREATE TABLE sales.far (id INT) ENGINE=jdbc PROPERTIES ("table" = "x")')
    assert query.refused("BACKUP SNAPSHOT sales.two TO repo") == (5000, "Table 'far' is not a OLAP table")


def test_an_empty_database(client):
    query = client(version="4.0")
    query(query.repository())
    query("CREATE DATABASE sales")
    query("BACKUP SNAPSHOT sales.one TO repo")
    query.server.finish()
    assert query.job()["Status"] == "[NOT_FOUND, msg: no valid tables found for backup]"


@pytest.mark.parametrize(("version", "state"), [("2.1.7", "CANCELLED"), ("3.1.0", "FINISHED")])
def test_a_table_that_is_dropped_meanwhile(filled, version, state):
    query = filled(version=version)
    query("BACKUP SNAPSHOT sales.one TO repo")
    query("DROP TABLE sales.days")
    query.server.finish()
    assert query.job()["State"] == state


def test_rights(filled):
    query = filled()
    query.server.add_user("ann", "pw", load={"sales"})
    query.server.add_user("bob", "pw", select={"sales"})
    query.connection = query.server.connect("ann", "pw")
    query("BACKUP SNAPSHOT sales.one TO repo")
    assert query.refused("SHOW SNAPSHOT ON repo")[0] == 1227
    assert "(ADMIN)" in query.refused("SHOW REPOSITORIES")[1]
    query.connection = query.server.connect("bob", "pw")
    refusal = (1227, "Access denied; you need (at least one of) the (LOAD) privilege(s) for this operation")
    assert query.refused("BACKUP SNAPSHOT sales.two TO repo") == refusal
    assert query.refused("SHOW BACKUP FROM sales")[0] == 1044


def test_the_cloud_mode_refuses(filled):
    assert filled(cloud=True).refused("BACKUP SNAPSHOT sales.x TO repo") == (
        5064,
        "BACKUP and RESTORE are not supported by the cloud mode yet",
    )
    assert filled(cloud=True, version="master").refused("BACKUP SNAPSHOT sales.x TO repo") == (1105, "denied")
