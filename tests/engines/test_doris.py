"""Engines doris and starrocks, whole: plans, snapshots, restores and retention against the stand-in and real S3."""

import json
import socket

import pytest

from reconciler.core.model import Server
from reconciler.engines.doris import session

TASK = "shop-20261123T020000Z"
MONDAY_2, MONDAY_3 = "2026-11-23T02:00:00Z", "2026-11-23T03:00:00Z"
PRODUCTS = [("doris", "2.1.7"), ("doris", "3.0.3"), ("doris", "4.0.2"), ("starrocks", "3.3.5"), ("starrocks", "3.4.0")]


def status(site) -> dict:
    return json.loads(site.paths.status.read_text())


def states(site) -> dict[str, tuple[str, str | None]]:
    tasks = {task["id"]: task for item in status(site)["warehouses"] for task in item["backup_tasks"]}
    return {name: (task["state"], task["error"]) for name, task in tasks.items()}


def opened(server):
    """A session of the product's own."""
    return session.opened("shop", Server(("127.0.0.1",), server.port, "root", None, None), str)


@pytest.mark.parametrize(("product", "version"), PRODUCTS)
def test_a_backup_and_a_renamed_restore_keep_every_row(warehouses, product, version):
    """E1, R7, S4: for each product; then retention takes all of it away again."""
    at = warehouses(product, version)
    site = at.site
    at.site.restore(
        "r-1", databases={"sales": "sales_restored", "crm": "crm"}, restore_properties={"replication_num": 1}
    )
    assert site.apply(MONDAY_2).failures == ()
    assert states(site) == {TASK: ("succeeded", None)}
    assert site.apply(MONDAY_3).failures == ()

    (restore,) = status(site)["restore_tasks"]
    assert restore["state"] == "succeeded", restore
    for table in ("orders", "days"):
        assert at.target.rows(f"sales_restored.{table}") == at.source.rows(f"sales.{table}")
    assert at.target.rows("crm.people") == at.source.rows("crm.people")
    assert at.target.sql("SHOW REPOSITORIES") == at.source.sql("SHOW REPOSITORIES")
    site.plan["periodic"]["enabled"] = False
    site.plan["keep_last"] = 0
    site.document["restores"] = []
    site.write()
    site.apply("2026-11-23T04:00:00Z")
    site.apply("2026-12-04T04:00:00Z")
    assert [key for key in at.objects if not key.startswith(".restores/")] == []


def jobs_of(server, database: str) -> list[str]:
    """The state of each backup job that the database ever had (Doris: of the last ten)."""
    return [row[3] for row in server.sql(f"SHOW BACKUP FROM {database}")]


def attempts(at) -> set[str]:
    """The attempts that have objects in storage."""
    return {key.split("/")[2] for key in at.objects if key.count("/") > 2}


@pytest.mark.parametrize("switch", ["drop_before", "drop_after", "forward"])
@pytest.mark.parametrize("statement", ["^CREATE REPOSITORY", "^BACKUP", "^SHOW BACKUP", "^DROP REPOSITORY", "^SHOW REPOSITORIES"])
def test_an_answer_that_is_lost_is_looked_up_and_nothing_is_sent_twice(warehouses, switch, statement):
    """D2, D6: one set, one job for each database."""
    at = warehouses()
    if switch == "forward":
        at.source.faults.answer_after(statement, 1105, "forward to master FE 10.0.0.1:9020 : failed")
    else:
        getattr(at.source.faults, switch)(statement)

    assert at.site.apply(MONDAY_2).failures == ()

    assert states(at.site) == {TASK: ("succeeded", None)}
    assert (jobs_of(at.source, "sales"), jobs_of(at.source, "crm")) == (["FINISHED"], ["FINISHED"])
    assert attempts(at) == {"1"}


def test_a_server_that_is_away_for_a_while_delays_the_backup(warehouses):
    """D6: in the middle of a job, which goes on at the server."""
    at = warehouses()
    at.source.faults.drop_before("^SHOW BACKUP", nth=6, times=4)
    at.site.apply(MONDAY_2)

    assert states(at.site) == {TASK: ("succeeded", None)}
    assert attempts(at) == {"1"}
    assert jobs_of(at.source, "sales") == ["FINISHED"]


@pytest.mark.parametrize("product", ["doris", "starrocks"])
def test_a_server_that_restarts_and_forgets_its_jobs_is_settled_by_storage(warehouses, product):
    """Absence from the list proves nothing."""
    at = warehouses(product, "")
    at.source.faults.answer_after("^SHOW BACKUP", 1105, "Node catalog is not ready", nth=12)
    forget_after(at.source, 9)
    at.site.apply(MONDAY_2)

    assert states(at.site) == {TASK: ("succeeded", None)}
    at.site.apply(MONDAY_3)
    assert len({key.split("/")[2] for key in at.objects if key.count("/") > 2}) == 1, "leftovers are gone"


def forget_after(server, looks: int) -> None:
    """The list of jobs is emptied once, at that look."""
    looked, clock = server.clock.looked, iter(range(1, 10_000))

    def count() -> None:
        if next(clock) == looks:
            server.control.forget_jobs()
        looked()

    server.clock.looked = count


@pytest.mark.parametrize(("state", "message"), [
    ("SNAPSHOTING", "lost tablets"), ("UPLOADING", "SlowDown"), ("UPLOAD_INFO", "leader went"),
])  # fmt: skip
def test_a_job_that_the_server_ends_is_made_anew_under_another_label(warehouses, state, message):
    """D2: its label stays taken by what it left; that is removed."""
    at = warehouses()
    at.source.faults.fail_job(state, message, database="sales")
    at.site.apply(MONDAY_2)

    assert states(at.site) == {TASK: ("succeeded", None)}
    assert jobs_of(at.source, "sales") == ["CANCELLED", "FINISHED"]
    at.site.apply(MONDAY_3)
    assert attempts(at) == {"2"}


def test_what_will_not_pass_fails_at_once_with_the_server_s_words(warehouses):
    """D6."""
    at = warehouses()
    at.source.faults.fail_job("SNAPSHOTING", "tablet 1 not support backup tablet with cooldowned remote data")
    at.site.apply(MONDAY_2)

    ((state, reason),) = states(at.site).values()
    assert state == "failed"
    assert "[COMMON_ERROR, msg: tablet 1 not support backup tablet with cooldowned remote data]" in reason


def test_what_will_not_pass_ends_what_the_server_still_does_for_the_task(warehouses):
    """D4, S4: a failed task leaves no job that writes on into what is removed."""
    at = warehouses()
    at.source.faults.fail_job("SNAPSHOTING", "not support backup tablet with cooldowned remote data", database="crm")
    at.source.faults.stay_in("UPLOADING", database="sales")
    at.site.apply(MONDAY_2)

    assert states(at.site)[TASK][0] == "failed"
    assert (jobs_of(at.source, "crm"), jobs_of(at.source, "sales")) == (["CANCELLED"], ["CANCELLED"])


def test_one_that_will_not_pass_and_whose_jobs_cannot_be_ended_is_lost(warehouses):
    """D4: both are said."""
    at = warehouses()
    at.source.faults.fail_job("SNAPSHOTING", "not support backup tablet with cooldowned remote data", database="crm")
    at.source.faults.stay_in("UPLOADING", database="sales")
    at.source.faults.answer("^CANCEL BACKUP", 1105, "no", times=99)
    at.site.apply(MONDAY_2)

    state, reason = states(at.site)[TASK]
    assert (state, "cooldowned" in reason, "was cancelled and still is UPLOADING" in reason) == ("lost", True, True)


@pytest.mark.parametrize(("refusals", "state", "job"), [(1, "failed", "CANCELLED"), (99, "unknown", "SNAPSHOTING")])
def test_a_restore_that_will_not_pass_ends_what_the_server_still_does_or_is_unknown(warehouses, refusals, state, job):
    """R1, R4: the right to look is taken away in its middle."""
    at = warehouses()
    at.site.apply(MONDAY_2)
    at.site.restore("r-1", databases={"sales": "copy"}, restore_properties={"replication_num": 1})
    at.target.faults.stay_in("SNAPSHOTING", kind="restore")
    at.target.faults.answer("^SHOW RESTORE", 1227, "Access denied; you need the LOAD privilege", nth=4, times=refusals)
    at.site.apply(MONDAY_3)

    (restore,) = status(at.site)["restore_tasks"]
    assert (restore["state"], "Access denied" in restore["message"]) == (state, True), restore
    assert [row[4] for row in at.target.sql("SHOW RESTORE FROM copy")] == [job]


@pytest.mark.parametrize("what", ["wrong_md5", "missing"])
def test_a_finished_job_whose_files_are_not_whole_is_no_backup(warehouses, what):
    """Storage decides."""
    at = warehouses()
    at.source.faults.wrong_content(what)
    at.site.apply(MONDAY_2)

    if what == "missing":
        assert jobs_of(at.source, "crm")[0] == "FINISHED"
        assert max([len(jobs_of(at.source, "crm")), len(jobs_of(at.source, "sales"))]) == 2
    assert states(at.site) == {TASK: ("succeeded", None)}


@pytest.mark.parametrize("product", ["doris", "starrocks"])
def test_a_task_error_on_a_good_job_is_only_a_note(warehouses, product):
    at = warehouses(product, "")
    at.source.faults.task_error("backend 10003 was slow")
    at.site.apply(MONDAY_2)
    assert states(at.site) == {TASK: ("succeeded", None)}


def test_somebody_else_s_job_is_waited_for(warehouses):
    """One job a database."""
    at = warehouses()
    at.source.control.occupy("sales")
    looked, looks = at.source.clock.looked, iter(range(1, 10_000))

    def release() -> None:
        if next(looks) == 8:
            at.source.control.release("sales")
        looked()

    at.source.clock.looked = release
    at.source.faults.submit_locked(times=2)
    at.site.apply(MONDAY_2)

    assert states(at.site) == {TASK: ("succeeded", None)}
    assert attempts(at) == {"1"}


def test_a_job_that_never_ends_is_cancelled_at_the_timeout(warehouses):
    """D4: cancelled at the warehouse, and read back."""
    at = warehouses()
    at.source.faults.stay_in("UPLOAD_INFO", database="sales")
    at.site.apply(MONDAY_2)

    assert states(at.site)[TASK][0] == "failed"
    assert "ran past its `timeout`" in states(at.site)[TASK][1]
    assert jobs_of(at.source, "sales") == ["CANCELLED"]
    assert at.source.sql("SHOW REPOSITORIES") == []
    at.site.apply("2026-11-23T05:00:00Z")
    assert attempts(at) == set()


def test_a_job_that_cannot_be_cancelled_is_lost_and_its_leftovers_wait_a_day(warehouses):
    """D4, S4."""
    at = warehouses()
    at.source.faults.stay_in("UPLOAD_INFO", database="sales")
    at.source.faults.answer("^CANCEL BACKUP", 1105, "no", times=99)
    at.site.apply(MONDAY_2)

    state, reason = states(at.site)[TASK]
    assert state == "lost", reason
    at.site.plan["periodic"]["enabled"] = False
    at.site.write()
    at.site.apply("2026-11-23T12:00:00Z")
    assert attempts(at) == {"1"}
    at.site.apply("2026-11-24T12:00:00Z")
    assert attempts(at) == set()


def test_what_a_snapshot_leaves_out_is_named(warehouses):
    """D7: materialized views, tables of other engines, tables dropped meanwhile."""
    at = warehouses("doris", "3.0.8")
    at.source.sql("CREATE MATERIALIZED VIEW sales.summary BUILD IMMEDIATE REFRESH AUTO ON MANUAL AS SELECT count(*) AS n FROM sales.orders")
    at.source.sql("CREATE TABLE sales.lake (id INT) ENGINE=JDBC")
    looked, looks = at.source.clock.looked, iter(range(1, 10_000))

    def drop() -> None:
        if next(looks) == 3:
            at.source.sql("DROP TABLE sales.days")
        looked()

    at.source.clock.looked = drop
    at.site.apply(MONDAY_2)

    assert states(at.site) == {TASK: ("succeeded", None)}
    (task,) = (task for item in status(at.site)["warehouses"] for task in item["backup_tasks"])
    assert task["skipped_objects"] == [
        "sales.lake (jdbc: a snapshot does not keep it)",
        "sales.summary (materialized view: a snapshot does not keep it)",
        "sales.days (dropped while the backup ran)",
    ]


@pytest.mark.parametrize(("change", "words"), [
    ({"user": "nobody"}, "Access denied for user 'nobody"),
    ({"user": "weak"}, "Access denied; you need (at least one of) the"),
    ({"hosts": ["127.0.0.1"], "tls": {}}, "SSL"),
    ({"engine": "starrocks"}, "is declared with engine starrocks, but the server says it is 'doris version"),
])  # fmt: skip
def test_what_the_server_refuses_is_told_in_its_words(warehouses, change, words):
    """D6: recorded, and no second try."""
    at = warehouses()
    at.source.add_user("weak", "")
    at.site.document["warehouses"]["shop"] |= change
    if "engine" in change:
        at.site.document["warehouses"]["fresh"] = at.site.document["warehouses"].pop("shop")
    at.site.write()
    at.site.apply("2026-11-23T01:00:00Z")
    at.site.apply(MONDAY_2)

    ((state, reason),) = states(at.site).values()
    assert (state, words in reason) == ("failed", True), reason
    assert jobs_of(at.source, "sales") == []


def test_a_server_that_s3_refuses_is_told_apart_from_us(warehouses):
    """The repository is made by the server, with its own way to S3."""
    at = warehouses()
    at.source.faults.refuse_s3()
    at.site.apply(MONDAY_2)

    ((state, reason),) = states(at.site).values()
    assert state == "failed"
    assert "The AWS Access Key Id you provided does not exist" in reason


def test_the_next_frontend_is_asked_where_one_does_not_answer(warehouses):
    at = warehouses(frontends=2)
    at.site.document["warehouses"]["shop"]["hosts"] = ["127.0.0.2", "127.0.0.1"]
    at.site.write()
    at.site.apply("2026-11-23T01:00:00Z")
    at.site.apply(MONDAY_2)
    assert states(at.site) == {TASK: ("succeeded", None)}


def test_a_frontend_that_accepts_and_is_silent_costs_seconds_and_answers_may_take_longer(warehouses, monkeypatch):
    """D6. Nothing but a greeting, TLS and the login are waited for so shortly."""
    at = warehouses()
    monkeypatch.setattr(session, "CONNECT_TIMEOUT", 2)
    at.site.document["warehouses"]["shop"]["hosts"] = ["127.0.0.2", "127.0.0.1"]
    at.site.write()
    with socket.create_server(("127.0.0.2", at.source.port)):
        at.site.apply("2026-11-23T01:00:00Z")
        at.site.apply(MONDAY_2)
    assert states(at.site) == {TASK: ("succeeded", None)}
    with opened(at.source) as connected:
        connected.about()
        assert connected._connection._sock.gettimeout() == session.ANSWER_TIMEOUT


def test_a_session_that_was_aborted_says_nothing_more(warehouses):
    """D4: not by a new connection either; what was stopped has looked for its statements already."""
    with opened(warehouses().source) as connected:
        connected.about()
        connected.abort()
        with pytest.raises(session.Unanswered, match="the connection was ended"):
            connected.ask("SELECT 1")


def test_a_connection_over_which_nothing_is_said_for_long_is_kept_alive(warehouses):
    """D6: a load balancer on the way would drop it."""
    with opened(warehouses().source) as connected:
        connected.about()
        kept = connected._connection._sock
        assert kept.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert kept.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60


def test_a_leader_that_changes_in_the_middle_changes_nothing(warehouses):
    """The job goes on under another number."""
    at = warehouses(frontends=2)
    looked, looks = at.source.clock.looked, iter(range(1, 10_000))

    def change() -> None:
        if next(looks) == 4:
            at.source.control.change_leader(1)
        looked()

    at.source.clock.looked = change
    at.site.apply(MONDAY_2)
    assert states(at.site) == {TASK: ("succeeded", None)}
    assert jobs_of(at.source, "sales") == ["FINISHED"]


def test_the_timestamp_is_the_server_s_own_in_whatever_zone(warehouses):
    """Never computed."""
    at = warehouses("doris", "2.1.3", zone="+08:00", system_zone="Asia/Shanghai")
    at.site.restore("r-1", databases={"crm": "copy"}, restore_properties={"replication_num": 1})
    at.site.apply(MONDAY_2)
    at.site.apply(MONDAY_3)
    assert at.target.rows("copy.people") == at.source.rows("crm.people")


def test_no_key_is_in_any_output_of_ours(warehouses):
    import seaweed

    at = warehouses()
    at.source.faults.answer("^CREATE REPOSITORY", 1105, "Failed to create repository: bad thing", times=1)
    at.site.apply(MONDAY_2)
    at.site.apply(MONDAY_3)
    texts = [at.site.paths.status.read_text(), at.site.paths.ledger.read_bytes().decode(errors="replace"), "\n".join(map(str, at.site.said))]
    assert not [text for text in texts if seaweed.SECRET_KEY in text]


def restored(at) -> tuple[str, str]:
    (task,) = status(at.site)["restore_tasks"]
    return task["state"], task["message"]


def backed_up(at, **request) -> None:
    """A set, and a request for it."""
    at.site.apply(MONDAY_2)
    at.site.restore("r-1", **({"databases": {"sales": "copy"}, "restore_properties": {"replication_num": 1}} | request))


def restores_of(server, database: str) -> list[str]:
    return [row[4] for row in server.sql(f"SHOW RESTORE FROM {database}")]


@pytest.mark.parametrize("product", ["doris", "starrocks"])
@pytest.mark.parametrize("switch", ["drop_before", "drop_after"])
@pytest.mark.parametrize("statement", ["^CREATE DATABASE", "^CREATE READ ONLY", "^RESTORE", "^SHOW (BRIEF )?RESTORE", "^DROP REPO"])
def test_a_restore_whose_answer_is_lost_runs_once(warehouses, product, switch, statement):
    """R1: found by its label before anything is sent again."""
    at = warehouses(product, "")
    backed_up(at)
    getattr(at.target.faults, switch)(statement)
    at.site.apply(MONDAY_3)

    assert restored(at)[0] == "succeeded", restored(at)
    assert restores_of(at.target, "copy") == ["FINISHED"]
    assert at.target.rows("copy.orders") == at.source.rows("sales.orders")


def test_a_restore_that_the_server_ends_says_why_and_what_is_left(warehouses):
    """R4."""
    at = warehouses()
    backed_up(at)
    at.target.faults.fail_job("DOWNLOADING", "no backend", kind="restore")
    at.site.apply(MONDAY_3)

    state, message = restored(at)
    assert state == "failed"
    assert "[COMMON_ERROR, msg: no backend]" in message
    assert message.endswith("database copy has 0 tables")


def test_a_full_database_is_not_touched_unless_it_is_named(warehouses):
    """R4: looked at before anything is changed; the id is not used."""
    at = warehouses()
    at.target.sql("CREATE DATABASE copy")
    at.target.sql("CREATE TABLE copy.mine (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
    at.target.sql("INSERT INTO copy.mine VALUES (1)")
    backed_up(at)
    at.site.apply(MONDAY_3)

    state, message = restored(at)
    assert state == "failed"
    assert "database copy exists and has 1 tables, the first is mine" in message
    assert message.endswith("nothing was changed and the id is not used: to try again edit the entry, or choose a new id")
    assert at.target.rows("copy.mine") == [(1,)]
    at.site.document["restores"] = []
    at.site.restore("r-2", databases={"sales": "copy"}, if_exists={"replace": ["copy"]},
                    restore_properties={"replication_num": 1})  # fmt: skip
    at.site.apply("2026-11-23T04:00:00Z")
    assert at.target.rows("copy.orders") == at.source.rows("sales.orders")


def test_a_replaced_database_is_as_the_set_was(warehouses):
    """R4: through atomic_restore and clean_tables where the version knows them."""
    at = warehouses("doris", "4.0.2")
    at.target.sql("CREATE DATABASE copy")
    at.target.sql("CREATE TABLE copy.orders (id INT NOT NULL, other INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
    at.target.sql("CREATE TABLE copy.mine (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
    backed_up(at, if_exists={"replace": ["copy"]})
    at.site.apply(MONDAY_3)

    assert restored(at)[0] == "succeeded", restored(at)
    assert at.target.rows("copy.orders") == at.source.rows("sales.orders")
    assert sorted(row[0] for row in at.target.sql("SHOW TABLES FROM copy")) == ["days", "names", "orders"]


def test_a_set_that_lost_a_file_is_not_restored(warehouses, s3_server):
    """S1: every file is looked at before anything is begun."""
    import seaweed

    at = warehouses()
    backed_up(at)
    (victim, *_) = [key for key in at.objects if key.endswith(".hdr") or ".dat." in key]
    seaweed.client(s3_server).delete_object(Bucket=seaweed.BUCKET, Key=f"{at.prefix}/test/{victim}")
    for database in ("sales", "crm"):
        at.site.document["restores"][0]["databases"] = {database: "copy"}
        at.site.document["restores"][0]["id"] = f"r-{database}"
        at.site.write()
        at.site.apply(MONDAY_3)

    messages = [task["message"] for task in status(at.site)["restore_tasks"] if task["state"] == "failed"]
    assert len(messages) == 1
    assert "is incomplete: 1 of its" in messages[0]


def test_too_few_backends_are_said_before_anything_is_begun(warehouses):
    at = warehouses("starrocks", "3.4.0")
    backed_up(at, restore_properties={"replication_num": 9})
    at.site.apply(MONDAY_3)
    assert "restored tables would have 9 replicas, but" in restored(at)[1]


def test_an_external_catalog_comes_back_with_the_secrets_of_the_entry(warehouses, monkeypatch):
    """DDL only: what the server masks, and what looks like a secret, is not kept."""
    monkeypatch.setenv("LAKE_PASSWORD", "hidden")
    at = warehouses()
    properties = ('"type" = "jdbc", "jdbc.password" = "hidden", "jdbc.user" = "me", "oauth.client_secret" = "clear", '
                  '"jdbc_url" = "jdbc:mysql://db:3306/x?a=\\"1\\""')  # fmt: skip
    at.source.sql(f'CREATE CATALOG lake COMMENT "the lake" PROPERTIES ({properties})')
    at.site.document["warehouses"]["shop"]["plan"]["objects"]["external_catalogs"] = ["la*"]
    at.site.write()
    at.site.apply("2026-11-23T01:00:00Z")
    backed_up(at, external_catalogs=["lake"])
    at.site.apply(MONDAY_3)
    assert "external catalog lake needs jdbc.password, oauth.client_secret, which no backup keeps" in restored(at)[1]
    manifest = next(key for key in at.objects if key.endswith("manifest.json"))
    stored = read(at, manifest)["external_catalogs"]
    assert stored == [{
        "name": "lake", "comment": "the lake", "secrets": ["jdbc.password", "oauth.client_secret"],
        "properties": {"type": "jdbc", "jdbc.user": "me", "jdbc_url": 'jdbc:mysql://db:3306/x?a="1"'},
        "statement": stored[0]["statement"],
    }]  # fmt: skip
    assert "clear" not in stored[0]["statement"]

    secret = {"env": "LAKE_PASSWORD"}
    at.site.document["restores"][0] |= {
        "id": "r-2", "catalog_secrets": {"lake": {"jdbc.password": secret, "oauth.client_secret": secret}},
    }  # fmt: skip
    at.site.write()
    at.site.apply("2026-11-23T04:00:00Z")
    assert at.target.warehouse.catalogs["lake"].properties == {
        "type": "jdbc", "jdbc.user": "me", "jdbc_url": 'jdbc:mysql://db:3306/x?a="1"', "jdbc.password": "hidden",
        "oauth.client_secret": "hidden",
    }  # fmt: skip
    assert at.target.warehouse.catalogs["lake"].comment == "the lake"


def read(at, key: str) -> dict:
    import seaweed

    answer = seaweed.client(at.s3).get_object(Bucket=seaweed.BUCKET, Key=f"{at.prefix}/test/{key}")
    return json.loads(answer["Body"].read())


def test_a_named_cluster_is_refused_where_there_are_none(warehouses):
    at = warehouses()
    at.site.document["warehouses"]["shop"]["plan"]["backup_cluster"] = "etl"
    at.site.write()
    at.site.apply("2026-11-23T01:00:00Z")
    at.site.apply(MONDAY_2)
    assert "has no compute groups: its nodes hold their own data" in states(at.site)[TASK][1]


def test_a_backup_goes_on_after_a_kill_as_the_same_attempt(warehouses):
    """T1: the job has gone on at the server meanwhile; it is followed, not asked for again."""
    at = warehouses()
    at.source.control.hold_time()
    process = at.site.start("apply", now=MONDAY_2)
    for _ in range(3000):
        if at.source.sql("SHOW BACKUP FROM sales") and at.source.sql("SHOW BACKUP FROM crm"):
            break
        process.poll()
        import threading

        threading.Event().wait(0.01)
    process.kill()
    process.communicate()
    at.source.finish()
    at.source.clock.per_look = 3.0
    at.site.apply(MONDAY_3)

    assert states(at.site) == {TASK: ("succeeded", None)}
    assert (jobs_of(at.source, "sales"), jobs_of(at.source, "crm")) == (["FINISHED"], ["FINISHED"])
    assert attempts(at) == {"1"}


def claimed(at) -> None:
    """As after a crash: the claim and its journal are recorded, nothing more is known."""
    import sqlite3

    with sqlite3.connect(at.site.paths.ledger) as connection:
        connection.execute(
            "UPDATE restores SET state = 'running', ended_at = NULL, reason = NULL WHERE id = 'r-1'"
        )


def test_a_restore_that_has_run_is_found_by_its_journal_after_a_crash(warehouses):
    """R1: by the job of its label that is newer than all that were there before the claim."""
    at = warehouses()
    backed_up(at)
    at.site.apply(MONDAY_3)
    claimed(at)
    at.site.apply("2026-11-23T04:00:00Z")

    assert restored(at)[0] == "succeeded", restored(at)
    assert restores_of(at.target, "copy") == ["FINISHED"]


def test_a_restore_that_nothing_proves_is_unknown_and_says_what_to_look_at(warehouses):
    """R1: the server forgot its jobs, and the target is not empty."""
    at = warehouses()
    backed_up(at)
    at.site.apply(MONDAY_3)
    claimed(at)
    at.target.control.forget_jobs()
    at.site.apply("2026-11-23T04:00:00Z")

    state, message = restored(at)
    assert state == "unknown"
    assert "the server lists no such job, and copy has 3 tables" in message
    assert "choose a new id" in message
    assert restores_of(at.target, "copy") == []


def test_a_claim_with_nothing_begun_goes_on(warehouses):
    """R1: the target is as empty as it was."""
    at = warehouses()
    backed_up(at)
    at.site.apply(MONDAY_3)
    claimed(at)
    at.target.control.forget_jobs()
    at.target.sql("DROP DATABASE copy")
    at.site.apply("2026-11-23T04:00:00Z")

    assert restored(at)[0] == "succeeded", restored(at)
    assert at.target.rows("copy.orders") == at.source.rows("sales.orders")


@pytest.mark.parametrize("product", ["doris", "starrocks"])
def test_names_that_need_quotes_change_no_statement(warehouses, product):
    """Reserved words, dashes, dollars: in databases and tables, on the way out and back."""
    at = warehouses(product, "")
    at.source.sql("CREATE DATABASE `select-from`")
    for table in ("table", "a-b$c", "where"):
        at.source.sql(
            f"CREATE TABLE `select-from`.`{table}` (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1"
        )
        at.source.sql(f"INSERT INTO `select-from`.`{table}` VALUES (1)")
    at.source.sql("CREATE TABLE `select-from`.`lake` (id INT) ENGINE=JDBC")
    at.site.restore("r-1", databases={"select-from": "order-by"}, restore_properties={"replication_num": 1})
    at.site.apply(MONDAY_2)
    at.site.apply(MONDAY_3)

    assert restored(at)[0] == "succeeded", restored(at)
    for table in ("table", "a-b$c", "where"):
        assert [tuple(row) for row in at.target.sql(f"SELECT * FROM `order-by`.`{table}`")] == [(1,)]
