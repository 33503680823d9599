"""INSERT … WITH LABEL … SELECT … FROM S3(…)."""

from datetime import UTC, datetime

import pymysql
import pytest
import seaweed

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Loads:
    """Of the files that `put` writes, each into a folder of its name."""

    def __init__(self, query) -> None:
        self.query = query
        query("CREATE DATABASE d")
        query("CREATE TABLE d.t (id INT NOT NULL, v VARCHAR(5), n INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")

    def put(self, select: str, name: str) -> None:
        self.query(f'{select} INTO OUTFILE "s3://backups/{self.query.prefix}/{name}/part-" FORMAT AS PARQUET PROPERTIES ({self.query.properties()})')

    def source(self, pattern: str = "*/*.parquet") -> str:
        return f'S3("uri" = "s3://backups/{self.query.prefix}/{pattern}", "format" = "parquet", {self.query.properties()})'

    def statement(self, label: str = "l1", select: str = "c1, c2", columns: str = "id, v", pattern: str = "*/*.parquet", table: str = "d.t") -> str:
        return f"INSERT INTO {table} WITH LABEL {label} ({columns}) SELECT {select} FROM {self.source(pattern)}"

    def __call__(self, *words, **more) -> int:
        with self.query.connection.cursor() as cursor:
            return cursor.execute(self.statement(*words, **more))

    def told(self) -> str:
        """The text of the last OK packet, after its length."""
        return self.query.connection._result.message[1:].decode()

    def status(self, label: str = "l1") -> list[str]:
        """Of the newest with the label, if the server knows one."""
        try:
            rows = self.query(f'SHOW TRANSACTION FROM d WHERE LABEL = "{label}"')
        except pymysql.MySQLError as refusal:
            assert refusal.args[1].endswith(f"transaction with label {label} does not exist")  # noqa: PT017
            return []
        return [row["TransactionStatus"] for row in rows]


@pytest.fixture
def loads(client):
    def make(version="4.0.2", **more):
        made = Loads(client(version=version, now=NOON, **more))
        made.put("SELECT 1 AS c1, 'a' AS c2", "one")
        made.put("SELECT 2 AS c1, 'b' AS c2", "two")
        return made

    return make


def test_it_tells_its_rows_and_what_became_of_its_label(loads):
    load = loads()
    assert load() == 2
    (row,) = load.query('SHOW TRANSACTION FROM d WHERE LABEL = "l1"')
    assert load.query.server.rows("d.t") == [(1, "a", None), (2, "b", None)]
    assert (row["TransactionStatus"], row["PrepareTime"], row["FinishTime"]) == ("VISIBLE", "2026-11-23 12:00:00", "2026-11-23 12:00:00")
    (shown,) = load.query('SHOW LOAD FROM d WHERE LABEL = "l1"')
    assert (shown["State"], shown["Progress"], shown["TransactionId"]) == ("FINISHED", "100%", row["TransactionId"])
    assert load.status("l2") == []


def test_the_answer_carries_the_transaction(loads):
    load = loads()
    with load.query.connection.cursor() as cursor:
        cursor.execute(load.statement())
        told = load.told()
    number = load.query('SHOW TRANSACTION FROM d WHERE LABEL = "l1"')[0]["TransactionId"]
    assert told == f"{{'label':'l1', 'status':'VISIBLE', 'txnId':'{number}'}}"


def test_a_label_is_used_once_whatever_the_name_of_its_database(loads):
    load = loads()
    load()
    number = load.query('SHOW TRANSACTION FROM d WHERE LABEL = "l1"')[0]["TransactionId"]
    refused = (1105, f"Label [l1] has already been used, relate to txn [{number}], status [VISIBLE].")
    assert load.query.refused(load.statement()) == refused
    load.query("ALTER DATABASE d RENAME e")
    assert load.query.refused(load.statement(table="e.t")) == refused
    load.query("CREATE DATABASE d")
    load.query("CREATE TABLE d.t (id INT, v VARCHAR(5)) DISTRIBUTED BY HASH(id) BUCKETS 1")
    assert load() == 2  # of another database


@pytest.mark.parametrize(("cloud", "hours"), [(False, 12), (True, 72)])
def test_a_label_is_forgotten_after_a_while(loads, cloud, hours):
    load = loads(cloud=cloud)
    load()
    load.query.server.advance(hours * 3600)
    assert load.status() == ["VISIBLE"]
    load.query.server.advance(1)
    assert load.status() == []
    assert load() == 2


def test_an_aborted_load_frees_its_label(loads):
    load = loads()
    code, text = load.query.refused(load.statement(select="c1, concat(c2, 'too long')"))
    assert (code, "the length of input is too long than schema. column_name: v" in text) == (5025, True)
    assert load.status() == ["ABORTED"]
    assert load.query('SHOW LOAD FROM d WHERE LABEL = "l1"')[0]["State"] == "CANCELLED"
    assert load.query("SELECT count(*) AS n FROM d.t") == [{"n": 0}]
    load()
    assert load.status() == ["VISIBLE"]


@pytest.mark.parametrize(("at", "status", "end"), [("prepare", "PREPARE", 2), ("committed", "COMMITTED", 2)])
def test_a_running_load_blocks_its_label_and_shows_no_rows(loads, at, status, end):
    load = loads()
    load.query.server.faults.drop_during("WITH LABEL", at=at)
    assert load.query.refused(load.statement())[0] == 2013
    load.query.connection = load.query.server.connect()
    assert load.status() == [status]
    assert f"status [{status}]" in load.query.refused(load.statement())[1]
    assert load.query("SELECT count(*) AS n FROM d.t") == [{"n": 0}]
    load.query.server.faults.release()
    while load.status() != ["VISIBLE"]:
        pass
    assert load.query("SELECT count(*) AS n FROM d.t") == [{"n": end}]


@pytest.mark.parametrize(("at", "status", "rows"), [("prepare", "ABORTED", 0), ("committed", "VISIBLE", 2)])
@pytest.mark.parametrize("way", ["kill", "restart"])
def test_ending_one_aborts_it_unless_it_is_committed(loads, at, status, rows, way):
    load = loads()
    load.query("SET session_context = 'trace_id:t1'")
    load.query.server.faults.drop_during("WITH LABEL", at=at)
    load.query.refused(load.statement())
    if way == "restart":
        load.query.server.control.restart()
    load.query.connection = load.query.server.connect()
    if way == "kill":
        load.query('KILL QUERY "t1"')
    while load.status() not in (["ABORTED"], ["VISIBLE"]):
        pass
    load.query.server.faults.release()
    assert (load.status(), load.query("SELECT count(*) AS n FROM d.t")) == ([status], [{"n": rows}])


def test_rows_of_a_committed_one_are_seen_later(loads):
    load = loads()
    load.query.server.faults.publish_late()
    with load.query.connection.cursor() as cursor:
        assert cursor.execute(load.statement()) == 2
        assert "'status':'COMMITTED'" in load.told()
    assert (load.status(), load.query("SELECT count(*) AS n FROM d.t")) == (["COMMITTED"], [{"n": 0}])
    load.query.server.control.publish()
    assert (load.status(), load.query("SELECT count(*) AS n FROM d.t")) == (["VISIBLE"], [{"n": 2}])


@pytest.mark.parametrize(("switch", "rows"), [("drop_before", 0), ("drop_after", 2)])
def test_a_lost_answer_is_told_by_the_label(loads, switch, rows):
    load = loads()
    getattr(load.query.server.faults, switch)("WITH LABEL")
    with pytest.raises(pymysql.OperationalError):
        load()
    load.query.connection = load.query.server.connect()
    assert (load.status(), load.query("SELECT count(*) AS n FROM d.t")) == (["VISIBLE"] if rows else [], [{"n": rows}])


def test_what_the_patterns_find(loads):
    load = loads()
    keys = [key.removesuffix(".parquet") for key in load.query.objects() if key.endswith(".parquet")]
    for pattern, count in (("*/*.parquet", 2), (f"{{{','.join(keys)}}}.parquet", 2), (f"{{{keys[0]}}}.parquet", 1), ("on[ef]/part-*_{0..3}.parquet", 1),
                           ("t?o/*", 1), ("nothing/*.parquet", 0), ("*.parquet", 0)):  # fmt: skip
        assert load.query(f"SELECT count(*) AS n FROM {load.source(pattern)}") == [{"n": count}], pattern
    assert load.query(f"SELECT * FROM {load.source('nothing/*')}") == []
    assert load.query.refused(load.statement(pattern="nothing/*"))[0] == 1105  # c1 is not known


def test_columns_are_those_of_the_first_file(loads):
    load = loads()
    load.put("SELECT 3 AS c1, 4 AS c3", "zero")
    assert load.query(f"SELECT * FROM {load.source('{two,zero}/*.parquet')} ORDER BY c1") == [{"c1": 2, "c2": "b"}, {"c1": 3, "c2": None}]
    load.put("SELECT 3 AS `x y`", "named")
    assert load.query(f"SELECT `x y` AS v FROM {load.source('named/*')}") == [{"v": 3}]


def test_a_file_without_rows_among_others_fails_it(loads):
    load = loads()
    load.put("SELECT id AS c1, 'x' AS c2 FROM d.t", "zero")
    assert "no row group in" in load.query.refused(load.statement())[1]
    assert load.query(f"SELECT count(*) AS n FROM {load.source('zero/*')}") == [{"n": 0}]


def test_a_cast_that_fails_is_null_unless_it_is_strict(loads):
    load = loads()
    load("l1", "c1, c2, CAST(c2 AS INT)", "id, v, n")
    assert load.query("SELECT count(*) AS k FROM d.t WHERE n IS NULL") == [{"k": 2}]
    guard = f"SELECT COUNT(*) AS amount FROM {load.source()} WHERE (`c2` IS NOT NULL AND CAST(`c2` AS INT) IS NULL)"
    assert load.query(guard) == [{"amount": 2}]
    load.query("SET enable_strict_cast = true")
    assert loads("3.0.3").query.refused("SET enable_strict_cast = true") == (1193, "Unknown system variable 'enable_strict_cast'")
    load.query.refused(load.statement("l2", "c1, c2, CAST(c2 AS INT)", "id, v, n"))
    assert load.status("l2") == ["ABORTED"]


def test_bad_rows_fail_a_strict_one_and_vanish_from_another(loads):
    load = loads()
    select = "CASE WHEN c1 = 1 THEN NULL ELSE c1 END, c2"
    assert "null value for not null column, column=id" in load.query.refused(load.statement(select=select))[1]
    load.query("SET enable_insert_strict = false")
    load.query("SET insert_max_filter_ratio = 0.1")
    assert load.query.refused(load.statement(select=select))[0] == 5025
    load.query("SET insert_max_filter_ratio = 0.5")
    assert load(select=select) == 1


def test_rows_outside_every_partition_are_refused(loads):
    load = loads()
    load.query("CREATE TABLE d.p (id INT) DUPLICATE KEY(id) PARTITION BY RANGE(id) (PARTITION a VALUES LESS THAN ('2')) DISTRIBUTED BY HASH(id) BUCKETS 1")
    code, text = load.query.refused(load.statement(select="c1", columns="id", table="d.p"))
    assert (code, "no partition for this tuple" in text) == (5025, True)
    load.query("ALTER TABLE d.p ADD PARTITION b VALUES LESS THAN ('5')")
    assert load(select="c1", columns="id", table="d.p") == 2


def test_group_commit_refuses_labels(loads):
    load = loads()
    load.query("SET group_commit = 'async_mode'")
    assert load.query.refused(load.statement())[1] == "group commit is not supported with label"


def test_the_group_of_the_session_does_the_work(loads):
    load = loads(cloud=True, groups=("a", "b"))
    load.query("USE @b")
    load()
    assert [(work.group, work.kind, work.target) for work in load.query.server.warehouse.work[-1:]] == [("b", "load", "d.t")]


def test_keys_that_s3_refuses_fail_it(loads):
    load = loads()
    assert "failed to access S3" in load.query.refused(load.statement().replace(seaweed.ACCESS_KEY, "nobody"))[1]
    load.query.server.faults.refuse_s3("no")
    assert load.query.refused(load.statement()) == (1105, "[INTERNAL_ERROR]no")
    assert load.status() == []


def test_writes_are_forwarded_to_the_leader_and_exports_are_not(loads):
    load = loads(frontends=2)
    load.query.connection = load.query.server.connect(frontend=1)
    load.query.server.control.stop_frontend(0)
    assert load.query.refused(load.statement())[1].startswith("forward to master FE")
    load.put("SELECT 3 AS c1, 'c' AS c2", "three")
    load.query.server.control.change_leader(1)
    assert load() == 3


def test_a_time_keeps_as_many_digits_as_its_type_has(loads):
    load = loads()
    load.query("CREATE TABLE d.times (id INT, a DATETIME, b DATETIME(3), c DATETIME(6)) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
    load.query("INSERT INTO d.times VALUES (1, '1969-12-31 23:59:58.4567895', '1969-12-31 23:59:58.4567', '1969-12-31 23:59:58.456789')")
    text = "SELECT CAST(a AS STRING) AS a, CAST(b AS STRING) AS b, CAST(c AS STRING) AS c FROM d.times WHERE id = "
    assert load.query(f"{text} 1") == [{"a": "1969-12-31 23:59:58", "b": "1969-12-31 23:59:58.457", "c": "1969-12-31 23:59:58.456789"}]
    load.query("INSERT INTO d.times (id, c) SELECT 2, CAST('2026-01-02 03:04:05.678' AS DATETIME)")
    assert load.query(f"{text} 2") == [{"a": None, "b": None, "c": "2026-01-02 03:04:06"}]
