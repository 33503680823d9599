"""Restores of exports on bad days, and in place of what is there."""

import re
import threading

import pytest
import seaweed
from told import DYNAMIC, MONDAY_2, MONDAY_3, TASK, restored, status, wait_until

from reconciler.engines.doris import export_portions
from reconciler.engines.doris.session import Session

STATEMENTS = (
    "^CREATE DATABASE", "^CREATE TABLE", "^SET session_context", "^INSERT", "^SELECT COUNT", "^SHOW TRANSACTION", "^CREATE VIEW",
    "^SHOW BACKENDS", "^SELECT UTC_TIMESTAMP",
)  # fmt: skip
REPLACE = ("^ALTER DATABASE `sales` ", "^ALTER DATABASE `sales__restore", "^DROP DATABASE", "^CREATE VIEW")
OWN = "CREATE TABLE sales.mine (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1"


@pytest.mark.parametrize("switch", ["drop_before", "drop_after"])
def test_a_restore_whose_connection_is_lost_loads_each_portion_once(decoupled, switch):
    """R1: labels make a repeated load harmless. At each statement of it."""
    at = decoupled("coupled")
    at.back_up()
    at.site.restore("r-1", databases={"sales": "copy"})
    at.pass_while_connections_are_lost(at.target, switch, STATEMENTS, MONDAY_3)
    assert restored(at)[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "orders", "days", "names")


@pytest.mark.parametrize("at_point", ["prepare", "committed"])
def test_a_load_that_goes_on_after_its_connection_is_waited_for(decoupled, at_point):
    """R1: a label that is being loaded is not sent again, a committed one never."""
    at = decoupled()
    at.back_up()
    at.target.faults.drop_during("^INSERT INTO .*`orders`", at=at_point)
    at.site.restore("r-1", databases={"sales": "copy"})
    passes = threading.Thread(target=at.site.apply, args=(MONDAY_3,))
    passes.start()
    looks = at.target.faults.traps[-1].reached
    assert looks.wait(30)
    at.target.faults.release()
    passes.join(timeout=60)
    assert restored(at)[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "orders")


def test_a_load_that_failed_for_a_while_is_sent_again_under_its_label(decoupled):
    """D6: the server then tells of two loads with this label, in no order."""
    at = decoupled()
    at.back_up()
    at.target.faults.drop_during("^INSERT INTO .*`orders`", at="prepare")
    at.site.restore("r-1", databases={"sales": "copy"})

    def ended() -> None:
        assert at.target.faults.traps[-1].reached.wait(30)
        (row,) = [row for row in at.target.sql("SHOW FULL PROCESSLIST") if "INSERT INTO `copy`.`orders`" in row[12]]
        at.target.sql(f"KILL QUERY {row[1]}")

    at.pass_while(at.target, MONDAY_3, ended)
    assert restored(at)[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "orders", "days")
    loads = [each.status for each in at.target.warehouse.transactions if each.table == "orders"]
    assert loads == ["ABORTED", "VISIBLE"]


@pytest.mark.parametrize(("hours", "loads"), [(0, 2), (13, 3)])
def test_a_restore_that_is_killed_goes_on_as_far_as_labels_can_tell(decoupled, monkeypatch, hours, loads):
    """R1, T1: within hours a portion is loaded once; after twelve of them a half-loaded table is emptied first, since
    nothing tells a portion that was loaded from one that was not."""
    at = decoupled("coupled")
    at.source.sql("INSERT INTO sales.days VALUES ('2026-02-17', 4)")
    monkeypatch.setattr(export_portions, "PORTION", 1)
    at.back_up()
    at.site.restore("r-1", databases={"sales": "copy"})
    at.target.faults.hold("^INSERT INTO .*`days`", at="prepare", nth=2)
    process = at.site.start("apply", now=MONDAY_3)
    assert at.target.faults.traps[-1].reached.wait(30)
    wait_until(lambda: loaded(at) == 1)
    process.kill()
    process.communicate()
    at.target.control.restart()
    at.target.faults.release()
    at.target.advance(hours * 3600)
    at.site.apply("2026-11-23T16:30:00Z")
    assert restored(at)[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "orders", "days")
    assert loaded(at) == loads


def loaded(at) -> int:
    """How many loads of days there were."""
    return sum(each.table == "days" and each.status == "VISIBLE" for each in at.target.warehouse.transactions)


def test_a_named_database_is_replaced_as_a_whole(decoupled):
    """R4: `if_exists: {replace: […]}`; what was there is gone, nothing is left beside it."""
    at = decoupled()
    at.target.sql("CREATE DATABASE sales")
    at.target.sql(OWN)
    at.back_up()
    assert at.restore(databases={"sales": "sales"}, if_exists={"replace": ["sales"]})[0] == "succeeded", restored(at)
    at.assert_same("sales", "sales", "orders", "days", "names")
    assert databases(at.target) == ["sales"]
    assert "mine" not in [row[0] for row in at.target.sql("SHOW TABLES FROM sales")]


@pytest.mark.parametrize("switch", ["drop_before", "drop_after"])
def test_a_replacement_goes_on_by_what_the_server_shows(decoupled, switch):
    """R1, R4: each step once, the replaced database dropped last."""
    at = decoupled()
    at.target.sql("CREATE DATABASE sales")
    at.target.sql(OWN)
    at.back_up()
    at.site.restore("r-1", databases={"sales": "sales"}, if_exists={"replace": ["sales"]})
    at.pass_while_connections_are_lost(at.target, switch, REPLACE, MONDAY_3)
    assert restored(at)[0] == "succeeded", restored(at)
    at.assert_same("sales", "sales", "orders", "days", "names")
    assert databases(at.target) == ["sales"]


def test_a_replacement_that_fails_leaves_the_database_as_it_was_and_says_what_stands_beside_it(decoupled):
    """R4."""
    at = decoupled()
    at.target.sql("CREATE DATABASE sales")
    at.target.sql(OWN)
    at.back_up()
    at.target.faults.answer("^INSERT INTO .*`orders`", 1105, "no such luck")
    state, words = at.restore(databases={"sales": "sales"}, if_exists={"replace": ["sales"]})
    (beside,) = [name for name in databases(at.target) if name != "sales"]
    assert (state, words) == (
        "failed", f"warehouse other: no such luck (error 1105); database sales has 1 tables; database {beside} holds what was "
                  f"restored so far: drop it, nothing else uses it",
    )  # fmt: skip


def test_what_others_make_in_a_database_before_it_is_replaced_is_no_sign_that_it_was(decoupled):
    """R4, R2: the first try ends just after its claim."""
    at = decoupled()
    at.back_up()
    at.target.sql("CREATE DATABASE sales")
    at.target.sql(OWN)
    at.site.restore("r-1", databases={"sales": "sales"}, if_exists={"replace": ["sales"]})
    at.target.faults.hang("^CREATE DATABASE")
    at.pass_while(at.target, MONDAY_3, lambda: at.target.sql(OWN.replace("mine", "more")))
    assert restored(at)[0] == "succeeded", restored(at)
    at.assert_same("sales", "sales", "orders", "days", "names")


def test_views_that_read_other_databases_follow_them_to_their_new_names(decoupled):
    """R7. What has a database's old name at the target is another's."""
    at = decoupled()
    at.source.sql("CREATE VIEW sales.who AS SELECT id FROM crm.people")
    at.source.sql("CREATE VIEW crm.over AS SELECT what FROM sales.names")
    at.back_up()
    at.target.sql("CREATE DATABASE crm")
    at.target.sql(OWN.replace("sales.mine", "crm.people"))
    assert at.restore(databases={"sales": "sales2", "crm": "crm2"})[0] == "succeeded", restored(at)
    at.assert_same("sales", "sales2", "who")
    at.assert_same("crm", "crm2", "over")


@pytest.mark.parametrize(("backends", "asked", "copies"), [
    (1, {}, "1"), (2, {}, "2"), (5, {}, "3"), (3, {"restore_properties": {"replication_num": 2}}, "2"),
    (3, {"restore_properties": {"replication_allocation": "tag.location.default: 1"}}, "1"),
])  # fmt: skip
def test_tables_and_materialized_views_have_copies_as_far_as_the_target_has_nodes(decoupled, backends, asked, copies):
    """E4, R4: at a target with fewer nodes than the server's own default makes copies they could not be made."""
    at = decoupled("coupled", backends=backends)
    at.source.sql("CREATE MATERIALIZED VIEW sales.mv BUILD IMMEDIATE REFRESH AUTO ON MANUAL DISTRIBUTED BY RANDOM BUCKETS 2 "
                  "AS SELECT what FROM sales.orders")  # fmt: skip
    at.back_up()
    assert at.restore(databases={"sales": "copy"}, **asked)[0] == "succeeded", restored(at)
    printed = at.target.sql("SHOW CREATE TABLE copy.orders")[0][1], at.target.sql("SHOW CREATE MATERIALIZED VIEW copy.mv")[0][1]
    assert [re.findall(r'"replication_allocation" = "(.*)"', text) for text in printed] == [[f"tag.location.default: {copies}"]] * 2


def test_external_catalogs_are_there_before_the_views(decoupled, monkeypatch):
    """R7: a view may read from them."""
    at, order = decoupled(), []
    at.source.sql('CREATE CATALOG lake PROPERTIES ("type" = "jdbc")')
    at.site.plan["objects"] = {"databases": ["sales"], "external_catalogs": ["lake"]}
    at.site.write()
    at.site.apply("2026-11-23T01:30:00Z")
    at.back_up()
    tell = Session.tell
    monkeypatch.setattr(Session, "tell", lambda self, statement: order.append(statement[:14]) or tell(self, statement))
    assert at.restore(databases={"sales": "copy"}, external_catalogs=["lake"])[0] == "succeeded", restored(at)
    assert order.index("CREATE CATALOG") < order.index("CREATE VIEW IF")


def test_a_part_of_a_set_that_is_catalogs_alone_comes_back(decoupled):
    """R7. No snapshot is needed for it."""
    at = decoupled()
    at.source.sql('CREATE CATALOG lake PROPERTIES ("type" = "jdbc")')
    at.site.plan["objects"] = {"external_catalogs": ["lake"]}
    at.site.write()
    at.site.apply("2026-11-23T01:30:00Z")
    at.back_up()
    assert at.restore(external_catalogs=["lake"])[0] == "succeeded", restored(at)
    assert "lake" in str(at.target.sql("SHOW CATALOGS"))


def test_a_database_that_is_there_is_left_alone_unless_it_is_named(decoupled):
    """R4."""
    at = decoupled()
    at.target.sql("CREATE DATABASE sales")
    at.target.sql(OWN)
    at.back_up()
    state, words = at.restore(databases={"sales": "sales"})
    assert state == "failed"
    assert words.endswith("`if_exists: {replace: [sales]}`; nothing was changed and the id is not used: to try again edit the entry, or choose a new id")
    assert [row[0] for row in at.target.sql("SHOW TABLES FROM sales")] == ["mine"]


def test_a_restore_that_is_cancelled_ends_its_loads_and_says_what_is_left(decoupled):
    """R6."""
    at = decoupled()
    at.back_up()
    at.site.restore("r-1", databases={"sales": "copy"})
    at.cancel_at(at.target, "^INSERT INTO .*`orders`", "r-1", MONDAY_3, at="prepare")
    state, words = restored(at)
    assert (state, words.startswith("cancelled on request; database copy has ")) == ("cancelled", True), words
    assert not any("INSERT INTO `copy`" in str(row) for row in at.target.sql("SHOW FULL PROCESSLIST"))


@pytest.mark.parametrize(("version", "said"), [
    ("3.0.3", "in 1 rows a value cannot be made again from its text at this server, and would become NULL"), ("4.0.2", "cast"),
])  # fmt: skip
def test_a_value_that_cannot_be_cast_back_fails_and_is_never_made_null(decoupled, version, said, monkeypatch):
    """No silent loss: by strict casts where the server has them, else by a look before the load."""
    from reconciler.engines.doris import columns

    at = decoupled(version=version)
    at.source.sql("CREATE TABLE crm.odd (id INT NOT NULL, j DATETIME) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
    at.source.sql("INSERT INTO crm.odd VALUES (1, '2026-01-02 03:04:05')")
    monkeypatch.setattr(columns, "_by_text", lambda kind: ("concat('no ', CAST({} AS STRING))", f"CAST({{}} AS {kind.upper()})"))
    at.back_up()
    if version < "4":
        at.target.faults.answer("^SET enable_strict_cast", 1193, "Unknown system variable 'enable_strict_cast'", times=99)
    state, words = at.restore(databases={"crm": "copy"})
    assert (state, said in words) == ("failed", True), words
    assert at.target.rows("copy.odd") == []


def test_a_file_that_is_gone_is_found_before_anything_is_changed(decoupled):
    """R4."""
    at = decoupled()
    at.back_up()
    key = next(key for key in at.files())
    seaweed.client(at.s3).delete_object(Bucket=seaweed.BUCKET, Key=f"{at.prefix}/test/{key}")
    state, words = at.restore(databases={"crm": "copy_crm", "sales": "copy"})
    assert state == "failed"
    assert "files are gone or altered" in words
    assert words.endswith("nothing was changed and the id is not used: to try again edit the entry, or choose a new id")
    assert databases(at.target) == []


def test_files_that_were_written_anew_are_refused_unless_the_request_takes_them(decoupled):
    """S1: as many bytes as before are no proof. A copied bucket is another matter, and people's to say."""
    at = decoupled()
    at.back_up()
    client, (portion,) = seaweed.client(at.s3), at.table("sales", "orders")["portions"]
    name = portion["loaded"][0]
    place = {"Bucket": seaweed.BUCKET, "Key": next(f"{at.prefix}/test/{key}" for key in at.files() if key.endswith(name))}
    content = client.get_object(**place)["Body"].read()
    client.put_object(**place, Body=bytes(reversed(content)))
    state, words = at.restore(databases={"sales": "copy"})
    assert (state, databases(at.target)) == ("failed", [])
    assert words.startswith(
        f"the backup of table sales.orders was written anew since: 1 of its {len(portion['files'])} files have another ETag than "
        f"then, the first is {name}; restore another set, or, where the bucket was copied, say `accept_other_etags: true` in the entry"
    )
    whole = client.create_multipart_upload(**place)["UploadId"]
    part = client.upload_part(**place, UploadId=whole, PartNumber=1, Body=content)["ETag"]
    client.complete_multipart_upload(**place, UploadId=whole, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
    at.site.document["restores"][0]["accept_other_etags"] = True
    at.site.write()
    at.site.apply(MONDAY_3)
    assert restored(at)[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "orders")


def test_what_a_restored_table_lacks_is_said(decoupled):
    """Nothing is lost without a word: what somebody chose and the target cannot have, or does not know."""
    at = decoupled("coupled")
    at.source.sql(
        "CREATE TABLE crm.a (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 "
        'PROPERTIES ("colocate_with" = "together", "file_cache_ttl_seconds" = "3600", "compaction_policy" = "time_series")'
    )
    at.source.sql('CREATE TABLE crm.b (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ("colocate_with" = "together")')
    at.back_up()
    at.target.faults.answer("(?s)^CREATE TABLE .*compaction_policy", 1105, "Unknown properties: {compaction_policy=time_series}")
    assert at.restore(databases={"crm": "copy"}) == (
        "succeeded", f"restored copy from {TASK}; not taken over: colocate_with (copy.a and 1 more), compaction_policy (copy.a), "
                     f"file_cache_ttl_seconds (copy.a)",
    )  # fmt: skip


def test_what_a_restored_table_lacks_is_said_also_after_another_try(decoupled):
    """A second CREATE TABLE IF NOT EXISTS is refused for nothing."""
    at = decoupled("coupled")
    at.source.sql('CREATE TABLE crm.a (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ("compaction_policy" = "time_series")')
    at.back_up()
    at.target.faults.answer("(?s)^CREATE TABLE .*compaction_policy", 1105, "Unknown properties: {compaction_policy=time_series}")
    at.target.faults.answer("^INSERT INTO .*`people`", 1105, "exec rpc error")
    assert at.restore(databases={"crm": "copy"}) == ("succeeded", f"restored copy from {TASK}; not taken over: compaction_policy (copy.a)")


def test_a_decoupled_target_keeps_the_time_to_live_of_its_cache(decoupled):
    at = decoupled()
    at.source.sql('CREATE TABLE crm.a (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ("file_cache_ttl_seconds" = "3600")')
    at.back_up()
    assert at.restore(databases={"crm": "copy"}) == ("succeeded", f"restored copy from {TASK}")
    assert '"file_cache_ttl_seconds" = "3600"' in at.target.sql("SHOW CREATE TABLE copy.a")[0][1]


def test_each_property_that_acts_is_set_by_itself_and_one_that_is_not_known_is_left_out(decoupled):
    """E4: servers take one at once, and an older one does not know all of them."""
    at = decoupled("coupled")
    at.source.sql(DYNAMIC.replace('"dynamic_partition.enable"', '"partition.retention_count" = "9", "dynamic_partition.enable"'))
    at.back_up()
    at.target.faults.answer("^ALTER TABLE .*partition.retention_count", 1105, "Unknown table property: [partition.retention_count]")
    assert at.restore(databases={"crm": "copy"}) == (
        "succeeded", f"restored copy from {TASK}; not taken over: partition.retention_count (copy.dyn)"
    )
    assert '"dynamic_partition.enable" = "true"' in at.target.sql("SHOW CREATE TABLE copy.dyn")[0][1]


def test_dynamic_partitions_stay_off_where_the_request_says_so(decoupled):
    """A set older than their window would lose rows right after its restore."""
    at = decoupled("coupled")
    at.source.sql(DYNAMIC)
    at.source.sql("INSERT INTO crm.dyn VALUES ('2026-11-22', 1), ('2026-11-23', 2)")
    at.back_up()
    assert at.restore(databases={"crm": "copy"}, restore_properties={"dynamic_partition.enable": False}) == (
        "succeeded", f"restored copy from {TASK}"
    )
    at.assert_same("crm", "copy", "dyn", "people")
    assert '"dynamic_partition.enable" = "false"' in at.target.sql("SHOW CREATE TABLE copy.dyn")[0][1]


@pytest.mark.parametrize("switch", ["drop_before", "drop_after"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_large_portion_is_loaded_by_several_statements_each_once(decoupled, monkeypatch, switch, nth):
    """R1: no load shall need the hours after which a server ends it."""
    at = decoupled()
    at.source.warehouse.megabyte = 0.001  # bytes: a file a row
    at.back_up()
    monkeypatch.setattr(export_portions, "LOAD", 1)
    getattr(at.target.faults, switch)("^INSERT INTO .*`orders`", nth=nth)
    assert at.restore(databases={"sales": "copy"})[0] == "succeeded", restored(at)
    at.assert_same("sales", "copy", "orders", "days")
    assert sum(each.table == "orders" and each.status == "VISIBLE" for each in at.target.warehouse.transactions) == 3


def test_a_restore_that_fails_while_nobody_answers_is_unknown(decoupled):
    """R1: another load may still run, and would add rows to what was said to have failed."""
    at = decoupled()
    at.back_up()
    at.target.faults.hold("^INSERT INTO .*`days`", at="prepare")
    at.target.faults.answer("^SHOW FULL PROCESSLIST", 1105, "no such luck", times=9)
    at.target.faults.answer("^INSERT INTO .*`orders`", 1105, "cannot be done")
    state, words = at.restore(databases={"sales": "copy"})
    at.target.faults.release()
    assert (state, words) == (
        "unknown", "warehouse other: cannot be done (error 1105); whether its statements still run is not known: warehouse other: "
                   "no such luck (error 1105)",
    )  # fmt: skip


def databases(server) -> list[str]:
    hidden = {"information_schema", "mysql", "__internal_schema", "sys", "_statistics_"}
    return sorted(row[0] for row in server.sql("SHOW DATABASES") if row[0] not in hidden)


def test_external_catalogs_come_back_with_an_export(decoupled):
    """Catalogs as for snapshots."""
    at = decoupled()
    at.source.sql('CREATE CATALOG lake PROPERTIES ("type" = "jdbc", "password" = "hush")')
    at.site.plan["objects"] = {"databases": ["crm"], "external_catalogs": ["lake"]}
    at.site.write()
    at.site.apply("2026-11-23T01:30:00Z")
    at.site.apply(MONDAY_2)
    state, words = at.restore(databases={"crm": "copy"}, external_catalogs=["lake"],
                              catalog_secrets={"lake": {"password": {"env": "DORIS_TEST_SECRET"}}})  # fmt: skip
    assert state == "succeeded", words
    assert "lake" in str(at.target.sql("SHOW CATALOGS"))
    assert status(at.site)["restore_tasks"][0]["state"] == "succeeded"
