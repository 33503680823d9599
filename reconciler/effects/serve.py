"""A small HTTP server for probes: whether the loop beats, whether a configuration is in force, and the status.

`/healthz` speaks of the loop alone and never of failed backups: restarting the process would mend none.
"""

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from reconciler.errors import Misuse

PATIENCE = 30.0  # seconds without a beat after which the loop counts as stuck


class Health:
    """What the daemon tells of itself; `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.ready = False
        self._clock = clock
        self._last = clock()

    def beat(self) -> None:
        self._last = self._clock()

    @property
    def is_alive(self) -> bool:
        return self._clock() - self._last < PATIENCE


def serve(address: tuple[str, int], health: Health, status: Path) -> ThreadingHTTPServer:
    """Listens in a thread until `shutdown`; port 0 takes a free one. Raises Misuse where it cannot listen."""

    class Handler(_Handler):
        pass

    Handler.health, Handler.status = health, status
    try:
        server = ThreadingHTTPServer(address, Handler)
    except OSError as error:
        raise Misuse(f"cannot listen on {address[0]}:{address[1]}: {error.strerror}") from error
    threading.Thread(target=server.serve_forever, name="listen", daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    health: Health
    status: Path
    server_version = "reconcile"
    sys_version = ""
    timeout = 10

    def do_GET(self) -> None:
        match self.path:
            case "/healthz":
                self._say(self.health.is_alive, "the loop beats", "the loop has not beaten for a while")
            case "/readyz":
                self._say(self.health.ready, "a configuration is in force", "no configuration is in force yet")
            case "/status.json":
                self._send_status()
            case _:
                self._answer(HTTPStatus.NOT_FOUND, b"here are /healthz, /readyz and /status.json\n")

    def log_message(self, *words: object) -> None:
        """Probes come every few seconds and are not worth a line each."""

    def _say(self, well: bool, good: str, bad: str) -> None:
        status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
        self._answer(status, f"{good if well else bad}\n".encode())

    def _send_status(self) -> None:
        try:
            self._answer(HTTPStatus.OK, self.status.read_bytes(), "application/json")
        except OSError:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, b"no status was written yet\n")

    def _answer(self, status: HTTPStatus, content: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

