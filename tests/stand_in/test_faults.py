"""The switches: what each makes the server do."""

import json
import threading

import pymysql
import pytest
import seaweed


def test_a_connection_that_goes_before_or_after_the_statement(filled):
    query = filled()
    for switch, there in (("drop_before", []), ("drop_after", ["one"])):
        getattr(query.server.faults, switch)("^BACKUP")
        assert query.refused("BACKUP SNAPSHOT sales.one TO repo")[0] in {2013, 2006}
        query.connection = query.server.connect()
        assert [row["SnapshotName"] for row in query("SHOW BACKUP FROM sales")] == there


def test_the_second_one_that_fits(client):
    query = client()
    query.server.faults.answer("^SHOW", 1105, "odd", nth=2)
    query("SHOW DATABASES")
    assert query.refused("SHOW DATABASES") == (1105, "odd")
    query("SHOW DATABASES")


def test_an_error_that_repeats_the_statement(client):
    query = client()
    query.server.faults.repeat("^SHOW", code=1064)
    assert query.refused('SHOW DATABASES LIKE "x"') == (
        1064,
        'the statement could not be carried out: SHOW DATABASES LIKE "x"',
    )
    assert query('SHOW DATABASES LIKE "x"') == []


def test_an_error_though_it_was_done(filled):
    query = filled()
    query.server.faults.answer_after("^BACKUP", 1105, "forward to master FE 10.0.0.1 : failed")
    assert query.refused("BACKUP SNAPSHOT sales.one TO repo")[0] == 1105
    assert query.job()["SnapshotName"] == "one"


def test_a_server_that_does_not_answer(client):
    query = client()
    query.connection = query.server.connect(read_timeout=1)
    query.server.faults.hang("^SHOW DATABASES")
    assert query.refused("SHOW DATABASES")[0] == 2013

    query.connection = query.server.connect()
    query.server.faults.hang("^SHOW DATABASES")
    threading.Timer(0.1, query.server.faults.release).start()
    with pytest.raises(pymysql.MySQLError):
        query("SHOW DATABASES")


def test_refused_connections(client):
    query = client()
    query.server.control.stop_frontend()
    with pytest.raises(pymysql.err.OperationalError) as caught:
        query.server.connect()
    assert caught.value.args[0] == 2003
    query.server.control.start_frontend()
    assert query.server.connect().open


def test_the_submit_lock_and_no_leader(filled):
    query = filled()
    query.server.faults.submit_locked()
    text = "Another backup or restore job is being submitted. Please wait and try again"
    assert query.refused("BACKUP SNAPSHOT sales.one TO repo") == (5064, text)
    query.server.faults.leader_not_ready()
    assert query.refused("BACKUP SNAPSHOT sales.one TO repo")[0] == 1105
    query.server.faults.clear()
    query("BACKUP SNAPSHOT sales.one TO repo")


def test_a_job_that_fails_in_a_state(filled):
    query = filled()
    query.server.faults.fail_job("UPLOADING", "lost tablets", code="BAD_FILE")
    query("BACKUP SNAPSHOT sales.one TO repo")
    query.server.finish()
    assert (query.job()["State"], query.job()["Status"]) == ("CANCELLED", "[BAD_FILE, msg: lost tablets]")


def test_a_job_that_another_user_cancels(filled):
    query = filled()
    query("BACKUP SNAPSHOT sales.one TO repo")
    query.server.control.cancel_job("sales")
    assert query.job()["State"] == "CANCELLED"


def test_a_note_of_a_task_and_a_good_end(filled):
    query = filled()
    query.server.faults.task_error("rpc timeout")
    query("BACKUP SNAPSHOT sales.one TO repo")
    query.server.finish()
    job = query.job()
    assert (job["State"], job["Status"], job["TaskErrMsg"].endswith(": rpc timeout]")) == ("FINISHED", "[OK]", True)


def test_a_job_stuck_in_upload_info_until_its_timeout(filled):
    query = filled()
    query.server.faults.stay_in("UPLOAD_INFO", note="file is invalid: /x/__info")
    query('BACKUP SNAPSHOT sales.one TO repo PROPERTIES ("timeout" = "600")')
    query.server.finish()
    assert (query.job()["State"], "file is invalid" in query.job()["TaskErrMsg"]) == ("UPLOAD_INFO", True)
    query.server.advance(600)
    assert (query.job()["State"], query.job()["Status"]) == ("CANCELLED", "[TIMEOUT, msg: ]")


def test_a_stuck_job_moves_on(filled):
    query = filled()
    query.server.faults.stay_in("SNAPSHOTING")
    query("BACKUP SNAPSHOT sales.one TO repo")
    query.server.finish()
    assert query.job()["State"] == "SNAPSHOTING"
    query.server.faults.move_on()
    query.server.finish()
    assert query.job()["State"] == "FINISHED"


def test_another_leader_starts_a_snapshot_over_with_another_number(filled):
    query = filled(frontends=2)
    query("BACKUP SNAPSHOT sales.one TO repo")
    query.server.step()
    before = query.job()
    query.server.control.change_leader(1)
    assert (before["State"], query.job()["State"], query.job()["JobId"]) == ("SNAPSHOTING", "PENDING", "-1")
    query.server.step(2)
    assert query.job()["JobId"] not in {"-1", before["JobId"]}
    query.server.step()
    query.server.control.change_leader(0)
    assert query.job()["State"] == "UPLOAD_SNAPSHOT"
    query.server.finish()
    assert query.job()["State"] == "FINISHED"


def test_a_restart_that_forgets_the_jobs(filled):
    query = filled()
    query.backup()
    query.server.control.restart(forget=True)
    query.connection = query.server.connect()
    assert query("SHOW BACKUP FROM sales") == []
    assert query("SHOW SNAPSHOT ON repo")[0]["Status"] == "OK"


def test_somebody_elses_job(filled):
    query = filled()
    query.server.control.occupy("sales", label="nightly")
    assert query.refused("BACKUP SNAPSHOT sales.one TO repo")[0] == 5064
    query.server.finish()
    assert query.job()["SnapshotName"] == "nightly"
    query.server.control.release("sales")
    query("BACKUP SNAPSHOT sales.one TO repo")


@pytest.mark.parametrize(("what", "text"), [("wrong_md5", "md5sum of"), ("missing", "key does not exist")])
def test_content_that_is_bad(filled, what, text):
    query = filled()
    query.server.faults.wrong_content(what)
    timestamp = query.backup()
    assert query.job()["State"] == "FINISHED"
    query("CREATE DATABASE other")
    row = query.restore(timestamp)
    assert row["State"] == "DOWNLOADING"  # tried again until the timeout
    assert text in row["TaskErrMsg"]
    query.server.advance(90_000)
    assert query.job("RESTORE", "other")["Status"] == "[TIMEOUT, msg: ]"


def test_s3_refuses_the_server_but_not_us(filled):
    query = filled()
    timestamp = query.backup()
    query.server.faults.refuse_s3()
    assert "Status Code: 403" in query("SHOW REPOSITORIES")[0]["ErrMsg"]
    assert query('SHOW SNAPSHOT ON repo WHERE SNAPSHOT = "one"')[0]["Status"].startswith(
        "ERROR: Failed to get info: "
    )
    assert "Status Code: 403" in query.refused("BACKUP SNAPSHOT sales.two TO repo")[1]
    assert (
        query.refused(f'RESTORE SNAPSHOT sales.one FROM repo PROPERTIES ("backup_timestamp" = "{timestamp}")')[0]
        == 5064
    )
    assert seaweed.client(query.s3).list_objects_v2(Bucket="backups", Prefix=query.prefix)["KeyCount"] > 2
    query.server.faults.refuse_s3("")
    query("BACKUP SNAPSHOT sales.two TO repo")


def test_the_switches_are_reached_by_sql_by_an_admin_alone(filled):
    query = filled()
    query.server.add_user("ann")
    (row,) = query("""STAND_IN '{"do": "occupy", "database": "sales"}'""")
    assert json.loads(row["Answer"]) == "OK"
    assert query.refused("BACKUP SNAPSHOT sales.one TO repo")[0] == 5064
    query.connection = query.server.connect("ann")
    assert query.refused("""STAND_IN '{"do": "finish"}'""")[0] == 1227
