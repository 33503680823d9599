"""F45: a server that cannot prove who it is hears nothing: no statement, no request, no password."""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import certificates
import pytest
from botocore.config import Config

from reconciler.core.model import S3Storage
from reconciler.errors import StorageFailed
from reconciler.storage import s3

BAD = ("self-signed", "wrong-host", "expired", "another-authority")


@pytest.fixture
def shown(tmp_path):
    """The authority that is trusted, and what each server shows."""
    trusted, other = certificates.authority(tmp_path, "trusted"), certificates.authority(tmp_path, "other")
    return trusted, {
        "good": certificates.server(tmp_path, "good", trusted),
        "self-signed": certificates.server(tmp_path, "self-signed", None),
        "wrong-host": certificates.server(tmp_path, "wrong-host", trusted, "127.0.0.2"),
        "expired": certificates.server(tmp_path, "expired", trusted, ended=True),
        "another-authority": certificates.server(tmp_path, "another-authority", other),
    }


def test_a_warehouse_that_cannot_prove_who_it_is_hears_no_statement(site, doris, shown, monkeypatch):
    from doris_server import wire

    heard: list[int] = []
    handle = wire.Wire.handle_query
    monkeypatch.setattr(wire.Wire, "handle_query", lambda self, data: heard.append(id(self.warehouse)) or handle(self, data))
    trusted, shows = shown
    servers = {name: doris(tls=certificate.context()) for name, certificate in shows.items()} | {"no-tls": doris()}
    site.document["warehouses"] = {
        name: {"engine": "doris", "hosts": ["127.0.0.1"], "port": server.port, "user": "root", "tls": {"ca_file": str(trusted.path)}}
        for name, server in servers.items()
    }  # fmt: skip
    site.write()

    ran = site.run("--dry-run", "--connect", "--format", "json", now="2026-11-23T02:00:00Z")

    levels = {item["subject"]: item["level"] for item in json.loads(ran.out)["findings"]}
    assert levels == {"good": "note"} | dict.fromkeys((*BAD, "no-tls"), "error")
    assert set(heard) == {id(servers["good"].warehouse)}


class Counting(BaseHTTPRequestHandler):
    """An object store that only counts."""

    heard: list[str]

    def do_GET(self) -> None:
        self.heard.append(self.path)
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815  the library's own names

    def log_message(self, *_: object) -> None:
        """Nothing on the test's output."""


class Quiet(ThreadingHTTPServer):
    """A handshake that breaks is what is asked for here."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext) -> None:
        self.handler = type("Handler", (Counting,), {"heard": []})
        super().__init__(("127.0.0.1", 0), self.handler)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, *_: object) -> None:
        """The client hung up, as it must."""


@pytest.mark.parametrize("name", ["good", *BAD])
def test_an_object_store_that_cannot_prove_who_it_is_hears_no_request(shown, name, monkeypatch):
    trusted, shows = shown
    monkeypatch.setenv("AWS_CA_BUNDLE", str(trusted.path))
    monkeypatch.setattr(s3, "CONFIG", s3.CONFIG.merge(Config(retries={"max_attempts": 1, "mode": "standard"})))
    server = Quiet(shows[name].context())
    try:
        store = s3.S3Store(
            S3Storage("bucket", "backups", endpoint=f"https://127.0.0.1:{server.server_port}"), lambda: ("key", "canary-secret")
        )
        if name == "good":
            assert store.read("a") is None
        else:
            with pytest.raises(StorageFailed, match="SSL validation failed|certificate verify failed"):
                store.read("a")
    finally:
        server.shutdown()
        server.server_close()

    assert server.handler.heard == (["/backups/a"] if name == "good" else [])
