"""Logins, frontends, variables."""

import concurrent.futures
import contextlib
import socket
import ssl
import subprocess

import pymysql
import pytest
from doris_server import child


def test_a_wrong_password_is_refused_and_nothing_can_be_read_after_it(doris):
    server = doris(root_password="right")
    for user in ("root", "nobody"):
        with pytest.raises(pymysql.err.OperationalError) as caught:
            server.connect(user, "wrong")
        assert caught.value.args[0] == 1045

    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.recv(4096)
        login = (
            bytes.fromhex("85a20f000000000121")
            + bytes(23)
            + b"root\0"
            + b"\x14"
            + b"x" * 20
            + b"mysql_native_password\0"
        )
        raw.sendall(len(login).to_bytes(3, "little") + b"\1" + login)
        said = raw.recv(4096)
        assert said[4:7] == b"\xff" + (1045).to_bytes(2, "little")
        with contextlib.suppress(ConnectionError):  # closed by the server: an end, or a reset
            query = b"\x03SELECT 'secret'"
            raw.sendall(len(query).to_bytes(3, "little") + b"\0" + query)
            assert raw.recv(4096) == b""

    assert server.connect("root", "right").open


def test_the_handshake_and_the_real_version(doris):
    connection = doris().connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@version_comment, VERSION(), DATABASE()")
        assert cursor.fetchone() == ("doris version doris-3.0.3-rc01-02aeb4dd00", "5.7.99", "")
    assert connection.get_server_info() == "5.7.99"
    capabilities = connection.server_capabilities
    for missing in ("TRANSACTIONS", "MULTI_STATEMENTS", "CONNECT_ATTRS", "DEPRECATE_EOF"):
        flag = getattr(pymysql.constants.CLIENT, missing, 1 << 24)
        assert not capabilities & flag, missing


def test_a_database_that_is_not_there_is_refused_at_login(doris):
    with pytest.raises(pymysql.err.OperationalError) as caught:
        doris().connect(database="nope")
    assert caught.value.args == (1049, "errCode = 2, detailMessage = Unknown database 'nope'")


def test_tls_only_where_the_server_has_it(doris, tmp_path):
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "key",
        "-out",
        "cert",
        "-days",
        "2",
        "-subj",
        "/CN=x",
    ]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    trusting = ssl.create_default_context(cafile=tmp_path / "cert")
    trusting.check_hostname = False

    assert doris(tls=context).connect(ssl=trusting, ssl_disabled=False)._sock.version() == "TLSv1.3"
    with pytest.raises(pymysql.err.OperationalError, match="SSL is required"):
        doris().connect(ssl=trusting, ssl_disabled=False)


def test_variables_and_what_is_none(client):
    query = client()
    query("SET NAMES utf8mb4")
    query("SET time_zone = '+08:00', query_timeout = 60")
    assert query("SELECT @@time_zone AS z, @@session.query_timeout AS q, @@global.time_zone AS g") == [
        {"z": "+08:00", "q": "60", "g": "+00:00"}
    ]
    assert query("SHOW VARIABLES LIKE 'query_timeout'") == [{"Variable_name": "query_timeout", "Value": "60"}]
    assert query.refused("SET nonsense = 1") == (1193, "Unknown system variable 'nonsense'")


def test_one_statement_at_a_time(client):
    code, _ = client().refused("SHOW DATABASES; SHOW DATABASES")
    assert code == 1105


def test_a_compute_group_at_login_and_by_use(client):
    query = client(cloud=True, groups=("etl", "secret"))
    query.server.add_user("ann", usage={"etl"}, default_group="etl")
    assert query("SELECT @@version_comment AS c")[0]["c"].endswith(" (Cloud Mode)")
    query("USE @etl")
    assert query("SHOW COMPUTE GROUPS") == [
        {"Name": "etl", "IsCurrent": "TRUE", "Users": "ann", "BackendNum": "1"},
        {"Name": "secret", "IsCurrent": "FALSE", "Users": "", "BackendNum": "1"},
    ]
    assert query.refused("USE @nope") == (5098, "Compute Group nope not exist")
    assert query.server.connect("ann", database="@etl").open
    with pytest.raises(pymysql.err.OperationalError) as caught:
        query.server.connect("ann", database="@secret")
    assert caught.value.args[0] == 5042
    query("SET PROPERTY FOR 'ann' 'default_compute_group' = 'secret'")
    assert query.server.warehouse.users.known["ann"].default_group == "secret"


def test_without_cloud_mode_there_are_no_groups(client):
    assert client().refused("SHOW COMPUTE GROUPS") == (6000, "Command only support in cloud mode.")
    newer = client(version="4.0", cloud=True)
    assert list(newer("SHOW CLUSTERS")[0]) == [
        "cluster",
        "is_current",
        "users",
        "backend_num",
        "sub_clusters",
        "policy",
        "properties",
    ]


def test_several_frontends_one_leader(client):
    query = client(frontends=3)
    shown = [(row["IsMaster"], row["Alive"]) for row in query("SHOW FRONTENDS")]
    assert shown == [("true", "true"), ("false", "true"), ("false", "true")]
    query.server.control.stop_frontend(0)
    with pytest.raises(pymysql.err.OperationalError) as caught:
        query.server.connect()
    assert caught.value.args[0] == 2003

    query.connection = query.server.connect(frontend=1)
    assert query("SHOW CATALOGS")  # answered there
    code, text = query.refused("CREATE DATABASE d")  # forwarded
    assert (code, text.startswith("forward to master FE 127.0.0.1:")) == (1105, True)
    query.server.control.change_leader(1)
    query("CREATE DATABASE d")
    query.server.control.start_frontend(0)
    assert query.server.connect(database="d").open


def test_prepared_statements_are_refused(client):
    connection = client().connection
    connection._execute_command(pymysql.constants.COMMAND.COM_STMT_PREPARE, "SELECT 1")
    with pytest.raises(pymysql.MySQLError):
        connection._read_packet()


def test_the_server_as_a_process_of_its_own_with_switches_by_sql():
    with child.running("--product", "starrocks", "--speed", "100") as process:
        connection = pymysql.connect(host="127.0.0.1", port=process.ports[0], user="root", ssl_disabled=True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_version()")
            assert cursor.fetchone() == ("3.4.0",)
            cursor.execute("""STAND_IN '{"fault": "answer", "statement": "^SHOW", "code": 1105, "text": "no"}'""")
            cursor.execute("""STAND_IN '{"do": "step", "times": 2}'""")
            with pytest.raises(pymysql.MySQLError, match="no"):
                cursor.execute("SHOW DATABASES")


def test_many_clients_at_once(doris):
    server = doris()

    def ask(number: int) -> int:
        connection = server.connect()
        with contextlib.closing(connection), connection.cursor() as cursor:
            for _ in range(20):
                cursor.execute(f"SELECT {number} AS n, 'x'")
            return cursor.fetchone()[0]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == list(range(8))
