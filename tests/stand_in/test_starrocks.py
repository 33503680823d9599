"""StarRocks: contract §8."""

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
