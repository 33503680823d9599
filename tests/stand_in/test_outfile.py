"""SELECT … INTO OUTFILE."""

import datetime as dt
import re

import pymysql
import pytest
import seaweed

ALL = "id INT NOT NULL, d DATE, t DATETIME(6), ip IPV4, l LARGEINT, w DECIMAL(76,9), b BITMAP"


class Exports:
    def __init__(self, query) -> None:
        self.query = query
        query("CREATE DATABASE d")

    def fill(self, count: int = 100, columns: str = "id INT, v STRING") -> None:
        self.query(f"CREATE TABLE d.t ({columns}) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2")
        if count:
            self.query(f"INSERT INTO d.t VALUES {', '.join(f'({at}, {chr(39)}{at:0100}{chr(39)})' for at in range(count))}")

    def statement(self, select: str = "SELECT id AS c1, v AS c2 FROM d.t", folder: str = "x", **more: str) -> str:
        pairs = "".join(f', "{key}" = "{value}"' for key, value in more.items())
        return f'{select} INTO OUTFILE "s3://backups/{self.query.prefix}/{folder}/part-" FORMAT AS PARQUET PROPERTIES ({self.query.properties()}{pairs})'

    def __call__(self, *words, **more) -> list[dict]:
        return self.query(self.statement(*words, **more))

    def read(self, select: str = "SELECT *", folder: str = "x") -> list[dict]:
        return self.query(f'{select} FROM S3("uri" = "s3://backups/{self.query.prefix}/{folder}/*.parquet", "format" = "parquet", {self.query.properties()})')


@pytest.fixture
def exports(client):
    return lambda version="4.0.2", **more: Exports(client(version=version, **more))


@pytest.mark.parametrize("version", ["3.0.3", "4.0.2"])
def test_its_rows_tell_how_many_files_rows_and_bytes_there_are_where(exports, version):
    run = exports(version)
    run.fill()
    (row,) = run()
    (key,) = run.query.objects("x/")
    size = seaweed.client(run.query.s3).head_object(Bucket="backups", Key=f"{run.query.prefix}/{key}")["ContentLength"]
    stem = re.fullmatch(r"(x/part-[0-9a-f]{16}-[0-9a-f]{16}_)0\.parquet", key)[1]
    url = f"s3://backups/{run.query.prefix}/{stem}*"
    more = {} if version == "3.0.3" else {"WriteTimeSec": "0.010", "WriteSpeedKB": "100.00"}
    assert row == {"FileNumber": 1, "TotalRows": "100", "FileSize": str(size), "URL": url} | more or row == {
        "FileNumber": 1, "TotalRows": 100, "FileSize": size, "URL": url} | more  # fmt: skip
    assert run.read("SELECT count(*) AS n, max(c2) AS most") == [{"n": 100, "most": f"{99:0100}"}]


def test_several_write_where_it_is_asked_for_and_nothing_wants_an_order(exports):
    run = exports()
    run.fill()
    run.query("SET enable_parallel_outfile = true")
    rows = run()
    assert [int(row["TotalRows"]) for row in rows] == [50, 50]
    assert len({row["URL"] for row in rows}) == 2
    assert len(run("SELECT id AS c1 FROM d.t ORDER BY id", folder="y")) == 1
    assert len(run("SELECT 1 AS c1", folder="z")) == 1


def test_a_file_is_closed_when_it_is_over_its_size_and_the_last_may_be_empty(exports):
    run = exports()
    run.fill()
    whole = int(run(folder="whole", compress_type="plain")[0]["FileSize"])
    run.query.server.control.megabyte(whole // 25)  # 5 MB are twenty of the hundred rows
    (row,) = run(max_file_size="5MB", compress_type="plain")
    assert (int(row["FileNumber"]), int(row["TotalRows"])) == (6, 100)
    stem = row["URL"].removesuffix("*")
    counts = [run.query(f'SELECT count(*) AS n FROM S3("uri" = "{stem}{at}.parquet", "format" = "parquet", {run.query.properties()})')
              for at in range(6)]  # fmt: skip
    assert [rows[0]["n"] for rows in counts] == [20, 20, 20, 20, 20, 0]


def test_an_empty_result_is_one_file_without_rows(exports):
    run = exports()
    run.fill(0)
    (row,) = run()
    assert (int(row["FileNumber"]), int(row["TotalRows"])) == (1, 0)
    assert run.read() == []
    assert run.read("SELECT c1") == []


def test_partitions_and_tablets_can_be_chosen(exports):
    run = exports()
    run.query("CREATE TABLE d.t (id INT) DUPLICATE KEY(id) PARTITION BY RANGE(id) (PARTITION a VALUES LESS THAN ('10'), "
              "PARTITION b VALUES LESS THAN ('20')) DISTRIBUTED BY HASH(id) BUCKETS 2")  # fmt: skip
    run.query("INSERT INTO d.t VALUES (1), (2), (3), (11), (12)")
    assert int(run("SELECT id AS c1 FROM d.t PARTITION (`b`)")[0]["TotalRows"]) == 2
    tablets = [row["TabletId"] for row in run.query("SHOW TABLETS FROM d.t PARTITION (a)")]
    counts = [int(run(f"SELECT id AS c1 FROM d.t TABLET({tablet})", folder=tablet)[0]["TotalRows"]) for tablet in tablets]
    assert sum(counts) == 3
    assert "partition nope" in run.query.refused(run.statement("SELECT id FROM d.t PARTITION (nope)"))[1]


def test_what_nobody_cast_comes_back_wrong(exports):
    run = exports()
    run.query(f"CREATE TABLE d.t ({ALL}) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
    run.query("INSERT INTO d.t VALUES (1, '1500-02-03', '1969-12-31 23:59:59.5', '200.1.2.3', 170141183460469231731687303715884105727, "
              "1234567890123456789012345678901234567890.5, to_bitmap(5))")  # fmt: skip
    run("SELECT * FROM d.t")
    (row,) = run.read()
    assert (row["d"], row["t"], row["ip"], row["w"]) == (dt.date(1500, 2, 13), dt.datetime(1970, 1, 1, 0, 0, 0, 500000), -939458045, None)
    load = f'FROM S3("uri" = "s3://backups/{run.query.prefix}/x/*.parquet", "format" = "parquet", {run.query.properties()})'
    for column, kind in (("l", "LARGEINT"), ("b", "BITMAP")):
        code, text = run.query.refused(f"INSERT INTO d.t (id, {column}) SELECT id, {column} {load}")
        assert (code, f"target type={kind}" in text) == (5025, True)
    run.query(f"INSERT INTO d.t (id, ip) SELECT 2, ip {load}")
    assert run.query("SELECT ip FROM d.t WHERE id = 2") == [{"ip": None}]


def test_times_follow_the_zone_of_each_session(exports):
    run = exports()
    run.query("CREATE TABLE d.t (id INT, t DATETIME) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
    run.query("INSERT INTO d.t VALUES (1, '2026-01-02 03:04:05')")
    run.query("SET time_zone = '+08:00'")
    run("SELECT t AS c1 FROM d.t")
    assert run.read() == [{"c1": dt.datetime(2026, 1, 2, 3, 4, 5)}]
    run.query("SET time_zone = '+00:00'")
    assert run.read() == [{"c1": dt.datetime(2026, 1, 1, 19, 4, 5)}]


def test_states_go_as_base64_where_the_server_has_the_functions(exports):
    run = exports()
    run.query("CREATE TABLE d.t (id INT, b BITMAP BITMAP_UNION, h HLL HLL_UNION, q QUANTILE_STATE QUANTILE_UNION) AGGREGATE KEY(id) DISTRIBUTED BY HASH(id)")
    run.query("INSERT INTO d.t VALUES (1, to_bitmap(5), hll_hash('a'), to_quantile_state(1.5, 2048)), (2, bitmap_empty(), hll_empty(), NULL), (3, NULL, NULL, NULL)")
    run("SELECT id AS c1, bitmap_to_base64(b) AS c2, hll_to_base64(h) AS c3, quantile_state_to_base64(q) AS c4 FROM d.t")
    run.query("CREATE TABLE d.u (id INT, b BITMAP BITMAP_UNION, h HLL HLL_UNION, q QUANTILE_STATE QUANTILE_UNION) AGGREGATE KEY(id) DISTRIBUTED BY HASH(id)")
    run.query(f'INSERT INTO d.u SELECT c1, bitmap_from_base64(c2), hll_from_base64(c3), quantile_state_from_base64(c4) '
              f'FROM S3("uri" = "s3://backups/{run.query.prefix}/x/*.parquet", "format" = "parquet", {run.query.properties()})')  # fmt: skip
    assert run.query.server.rows("d.u") == run.query.server.rows("d.t")
    old = exports("3.0.3").query
    assert old.refused("SELECT quantile_state_to_base64(to_quantile_state(1, 2048))")[1] == "Can not found function 'quantile_state_to_base64'"
    assert old("SELECT hll_to_base64(hll_hash(1)) AS x")[0]["x"]


def test_a_state_of_any_function_cannot_be_written(exports):
    run = exports()
    run.query("CREATE TABLE d.t (id INT, a AGG_STATE<sum(int)> GENERIC) AGGREGATE KEY(id) DISTRIBUTED BY HASH(id)")
    assert "Unknown primitive type" in run.query.refused(run.statement("SELECT a FROM d.t"))[1]


def test_properties_that_are_not_known_are_refused_by_the_older_and_ignored_by_the_newer(exports):
    old, new = exports("3.0.3"), exports("4.0.2")
    old.fill(1)
    new.fill(1)
    assert old.query.refused(old.statement(nonsense="1"))[1] == "Unknown properties: [nonsense]"
    new(nonsense="1")
    for run in (old, new):
        assert "Deleting existing files is not allowed" in run.query.refused(run.statement(delete_existing_files="true"))[1]
        assert "max file size should between" in run.query.refused(run.statement(max_file_size="1MB"))[1]


def test_s3_that_refuses_fails_it_and_files_stay_that_were_written(exports):
    run = exports()
    run.fill(1)
    run.query.server.faults.refuse_s3("no (Status Code: 503)")
    assert run.query.refused(run.statement()) == (1105, "[INTERNAL_ERROR]no (Status Code: 503)")


def test_a_repeat_inside_leaves_orphans(exports):
    run = exports()
    run.fill(10)
    run.query.server.faults.orphans()
    (row,) = run()
    keys = run.query.objects("x/")
    stem = row["URL"].removeprefix(f"s3://backups/{run.query.prefix}/").removesuffix("*")
    assert (int(row["FileNumber"]), len(keys), len([key for key in keys if key.startswith(stem)])) == (1, 2, 1)


def test_files_that_are_told_of_may_not_be_there_and_rows_may_be_missing(exports):
    run = exports()
    run.fill(10)
    run.query.server.faults.lose_files()
    assert int(run()[0]["FileNumber"]) == 1
    assert run.query.objects("x/") == []
    run.query.server.faults.miscount(3)
    assert int(run()[0]["TotalRows"]) == 7


def test_it_goes_on_writing_after_its_client_is_gone(exports):
    run = exports()
    run.fill(10)
    run.query("SET enable_parallel_outfile = true")
    run.query.server.faults.drop_during("OUTFILE")
    assert run.query.refused(run.statement())[0] == 2013
    assert len(run.query.objects("x/")) == 1
    other = run.query.server.connect()
    run.query.connection = other
    assert [row["Info"][:6] for row in run.query("SHOW PROCESSLIST") if row["CurrentConnected"] == "No"] == ["SELECT"]
    run.query.server.faults.release()
    while [row for row in run.query("SHOW PROCESSLIST") if row["CurrentConnected"] == "No"]:
        pass
    assert len(run.query.objects("x/")) == 2


def test_a_killed_one_stops_and_leaves_what_it_wrote(exports):
    run = exports()
    run.fill(10)
    run.query("SET enable_parallel_outfile = true")
    run.query("SET session_context = 'trace_id:t1'")
    run.query.server.faults.drop_during("OUTFILE")
    run.query.refused(run.statement())
    run.query.connection = run.query.server.connect()
    run.query('KILL QUERY "t1"')
    while [row for row in run.query("SHOW PROCESSLIST") if row["CurrentConnected"] == "No"]:
        pass
    assert len(run.query.objects("x/")) == 1


def test_it_ends_when_its_time_is_over(exports):
    run = exports()
    run.fill(10)
    other = run.query.server.connect()
    other.query("SET query_timeout = 100")
    other.query("SET enable_parallel_outfile = true")
    run.query.server.faults.hold("INTO OUTFILE")
    other._execute_command(3, run.statement())
    assert run.query.server.faults.traps[-1].reached.wait(10)
    run.query.server.advance(99)
    (row,) = [row for row in run.query("SHOW FULL PROCESSLIST") if row["CurrentConnected"] == "No"]
    assert (row["Time"], row["Info"]) == ("99", run.statement())
    assert run.query("SELECT QUERY_TIME_MS AS t FROM information_schema.active_queries WHERE SQL LIKE '%OUTFILE%' AND SQL NOT LIKE '%active%'") == [{"t": "99000"}]
    run.query.server.advance(2)
    with pytest.raises(pymysql.MySQLError, match="query timeout"):
        other._read_query_result()
    other.close()
    assert len(run.query.objects("x/")) == 1
