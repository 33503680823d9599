"""Compute groups of the decoupled mode."""

import pytest


@pytest.fixture
def cloud(client):
    def make(version="4.0.2", groups=("backup_cg", "etl")):
        query = client(version=version, cloud=True, groups=groups)
        query("CREATE DATABASE d")
        query("CREATE TABLE d.t (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
        query("INSERT INTO d.t VALUES (1)")
        query.server.warehouse.work.clear()
        return query

    return make


def test_only_groups_that_may_be_used_are_listed_and_chosen(cloud):
    query = cloud()
    query.server.add_user("ann", usage={"etl"})
    query.connection = query.server.connect("ann")
    assert query("SHOW COMPUTE GROUPS") == [
        {"Name": "etl", "IsCurrent": "FALSE", "Users": "", "BackendNum": "1", "SubComputeGroups": "", "Policy": "", "Properties": ""}
    ]
    assert query.refused("USE @backup_cg") == (5042, "USAGE denied to user 'ann'@'%' for cloud cluster 'backup_cg'")
    assert query.refused("USE @nope") == (5098, "Compute Group nope not exist")
    query("USE @etl")
    assert query("SHOW COMPUTE GROUPS")[0]["IsCurrent"] == "TRUE"
    assert query("SHOW VARIABLES LIKE 'cloud_cluster'") == [{"Variable_name": "cloud_cluster", "Value": "etl"}]


def test_an_older_one_keeps_the_group_in_the_connection_alone(cloud):
    query = cloud("3.0.3")
    query("USE @etl")
    assert query("SHOW COMPUTE GROUPS")[1] == {"Name": "etl", "IsCurrent": "TRUE", "Users": "", "BackendNum": "1"}
    assert query("SHOW VARIABLES LIKE 'cloud_cluster'")[0]["Value"] == ""
    query("SET cloud_cluster = 'backup_cg'")
    query("SELECT id FROM d.t")
    assert query.server.warehouse.work == [("backup_cg", "query", "d.t")]


def test_work_runs_in_the_chosen_group_else_in_the_default_else_in_the_first_that_lives(cloud):
    query = cloud()
    query("SELECT id FROM d.t")
    query.server.control.shut_down("backup_cg")
    query("SELECT id FROM d.t")
    query.server.add_user("ann", default_group="etl")
    query.connection = query.server.connect("ann")
    query("SELECT count(*) FROM d.t")
    assert [work.group for work in query.server.warehouse.work] == ["backup_cg", "etl", "etl"]


def test_without_a_usable_group_nothing_is_read_or_written_but_names_are(cloud):
    query = cloud()
    query.server.add_user("ann", usage=set(), load={"d"})
    query.connection = query.server.connect("ann")
    assert query("SHOW COMPUTE GROUPS") == []
    for statement in ("SELECT id FROM d.t", "INSERT INTO d.t VALUES (2)"):
        assert query.refused(statement) == (5099, "no cluster available; use `USE @cluster` to choose one")
    assert query("SELECT 1 AS one") == [{"one": 1}]
    assert query("SELECT TABLE_NAME AS n FROM information_schema.tables WHERE TABLE_SCHEMA = 'd'") == [{"n": "t"}]


def test_a_suspended_group_wakes_on_use_or_says_that_it_took_too_long(cloud):
    query = cloud()
    query.server.control.suspend("etl", timeouts=1)
    assert query("SHOW COMPUTE GROUPS")[1]["BackendNum"] == "0"
    assert query.refused("USE @etl") == (1105, "auto start cluster timeout")
    query("USE @etl")
    assert query("SHOW COMPUTE GROUPS")[1]["IsCurrent"] == "TRUE"
    query.server.control.suspend("etl")
    query("SELECT 1")
    assert query.server.warehouse.groups["etl"].state == "suspended"
    query("SELECT id FROM d.t")
    assert query.server.warehouse.groups["etl"].state == "running"


def test_only_a_person_starts_what_a_person_shut_down(cloud):
    query = cloud()
    query("USE @etl")
    query.server.control.shut_down("etl")
    assert query.refused("SELECT id FROM d.t") == (1105, "cluster etl is in manual shutdown")
    query.server.control.resume("etl")
    assert query("SELECT id FROM d.t") == [{"id": 1}]


def test_a_waking_group_keeps_its_user_waiting_and_nobody_else(cloud):
    query = cloud()
    query.server.control.suspend("etl")
    query.server.faults.hold("^USE @etl")
    waiting = query.server.connect()
    waiting._execute_command(3, "USE @etl")
    while not query.server.faults.traps[0].reached.wait(10):
        raise AssertionError
    assert query("SELECT id FROM d.t") == [{"id": 1}]
    assert [row["Info"] for row in query("SHOW PROCESSLIST") if row["CurrentConnected"] == "No"] == ["USE @etl"]
    query.server.faults.release()
    waiting._read_query_result()
    assert query.server.warehouse.groups["etl"].state == "running"
    waiting.close()


def test_a_statement_is_ended_by_connection_query_or_trace(cloud):
    query = cloud()
    for by in ("Id", "QueryId", "TraceId"):
        query.server.control.suspend("etl")
        query.server.faults.hold("^USE @etl")
        other = query.server.connect()
        other.query("SET session_context = 'trace_id:task42'")
        other._execute_command(3, "USE @etl")
        assert query.server.faults.traps[-1].reached.wait(10)
        (row,) = [row for row in query("SHOW FULL PROCESSLIST") if row["Info"] == "USE @etl"]
        assert row["TraceId"] == "task42"
        query(f"KILL QUERY {row['Id']}" if by == "Id" else f'KILL QUERY "{row[by]}"')
        with pytest.raises(Exception, match="cancel query by user from"):
            other._read_query_result()
        assert query.server.warehouse.groups["etl"].state == "suspended"
        other.query("SELECT 1")
        other.close()
    assert query.refused("KILL QUERY 99999")[0] == 1094
