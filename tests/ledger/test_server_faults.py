"""What a ledger's server refuses: told in words, what may pass apart from what does not, and never a password."""

import shutil
import subprocess

import database
import pytest

from reconciler import doors
from reconciler.cli.clock import SystemClock
from reconciler.core import ledger_place
from reconciler.effects.ledger import reading
from reconciler.effects.ledger import server as connections
from reconciler.errors import LedgerAway, LedgerUnusable

KINDS = ("postgresql", "mariadb")


def write(url: str) -> None:
    with doors.ledger_to_write(ledger_place.parse(url), SystemClock(), simulated=False):
        pass


def refusal(url: str) -> LedgerUnusable:
    with pytest.raises(LedgerUnusable) as refused:
        write(url)
    assert "swordfish" not in str(refused.value)
    return refused.value


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_password_and_a_database_that_is_not_there_do_not_pass(kind, database_server, tmp_path):
    """T3: said with the server's own words and the place, and nothing is tried again by itself."""
    server = database_server(kind)
    name = server.create()
    wrong = tmp_path / "wrong"
    wrong.write_text("swordfish")

    for url in (server.url(name, password_file=str(wrong)), server.url("nothing_such")):
        error = refusal(url)
        assert (type(error), "cannot be used" in str(error), kind in str(error) or "mysql" in str(error)) == (
            LedgerUnusable, True, True
        )  # fmt: skip
    assert "cannot be read" in str(refusal(server.url(name, password_file=str(tmp_path / "none"))))


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_does_not_listen_may_come(kind, database_server):
    server = database_server(kind)
    url = server.url("ledger").replace(f":{server.port}/", f":{database.free_port()}/")

    error = refusal(url)

    assert (type(error), "does not answer" in str(error)) == (LedgerAway, True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_too_old_is_refused_and_left_as_it_is(kind, database_server, monkeypatch):
    server = database_server(kind)
    name = server.create()
    monkeypatch.setitem(connections.OLDEST, kind, (99, 1))

    assert "too old; it needs 99.1 or newer" in str(refusal(server.url(name)))
    schema = name if kind == "mariadb" else "public"
    assert server.ask(f"SELECT * FROM information_schema.tables WHERE table_schema = '{schema}'", name) == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-days", "2",
         "-out", folder / "certificate.pem", "-subj", "/CN=ledger", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_is_verified_unless_the_url_says_otherwise(kind, certificate):
    """A server without TLS, or with a certificate that nobody trusts, is not talked to."""
    with database.database(kind) as server:
        name = server.create()
        trusting = server.url(name, tls_ca_file=str(certificate / "certificate.pem"))
        error = refusal(trusting)
        assert (type(error), "SSL" in str(error)) == (LedgerUnusable, True), error
        server.stop()
        for file in ("key.pem", "certificate.pem"):
            shutil.copy(certificate / file, server.folder / file)
            (server.folder / file).chmod(0o600)
        if kind == "postgresql":
            database.as_other_user(server.folder)
        server.start(*secured(server))

        write(trusting)
        write(server.url(name, tls="off"))
        error = refusal(server.url(name, tls="verify"))
        assert (type(error), "certificate verify failed" in str(error).lower()) == (LedgerUnusable, True)


def secured(server: database.Database) -> tuple[str, ...]:
    key, certificate = server.folder / "key.pem", server.folder / "certificate.pem"
    if server.kind == "postgresql":
        return ("-c", "ssl=on", "-c", f"ssl_key_file={key}", "-c", f"ssl_cert_file={certificate}")
    return (f"--ssl-key={key}", f"--ssl-cert={certificate}")


@pytest.mark.parametrize("kind", KINDS)
def test_reading_needs_the_right_to_read_and_no_other(kind, database_server, tmp_path):
    """A dry run and the lists change nothing, and could not."""
    server = database_server(kind)
    name = server.create()
    write(server.url(name))
    reader, secret = f"reader_{name}", tmp_path / "reader"
    secret.write_text("only-to-read")
    if kind == "postgresql":
        server.ask(f"CREATE USER {reader} PASSWORD 'only-to-read'")
        server.ask(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}", name)
    else:
        server.ask(f"CREATE USER {reader}@127.0.0.1 IDENTIFIED BY 'only-to-read'")
        server.ask(f"GRANT SELECT ON {name}.* TO {reader}@127.0.0.1")
    url = server.url(name, password_file=str(secret)).replace(f"{database.USER}@", f"{reader}@")

    with doors.ledger_for_reading(ledger_place.parse(url)) as connection:
        assert reading.all_tasks(connection) == ()
    assert type(refusal(url)) is LedgerUnusable
