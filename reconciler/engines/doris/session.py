"""A connection to whichever frontend answers, and what its errors mean.

What may pass and what will not is told apart here, by the server's texts first and its codes second: the same text
comes with different codes in different versions (measured on Doris 3.0.3, apache/doris-website pull request 1792).
"""

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import pymysql
from pymysql.cursors import DictCursor

from reconciler import secrecy
from reconciler.core.model import SecretReference, Server, Tls
from reconciler.core.ports import ObjectLocation
from reconciler.engines.doris import dialect as dialects
from reconciler.engines.doris.dialect import Dialect
from reconciler.errors import EngineFailed

CONNECT_TIMEOUT = 10  # seconds, for each of: the connection, its greeting, TLS, the login
KEEP_ALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 20, "TCP_KEEPCNT": 6}  # seconds, seconds, probes
ANSWER_TIMEOUT = 600  # seconds; a BACKUP lists its repository before it answers, a cluster that sleeps is woken
PREFIX = "errCode = 2, detailMessage = "
LOST = frozenset({2003, 2006, 2013, 2014, 2055})  # the client's own: no connection, or it broke
BUSY = "Can only run one"
SUBMITTING = "Another backup or restore job is being submitted"
PASSING = (
    BUSY, SUBMITTING, "is not ready", "Failed to get master client", "forward to master FE", "Too many connections",
    "SlowDown", "timed out", "Failed to list", "job is running on this repository", "auto start cluster timeout",
    "query queue timeout", "No backend available", "no available backend", "no scanNode Backend available",
    # A node went while it worked (Doris #10909, #16674; StarRocks #57078, #62471).
    "not alive", "Host is down", "Not connected to", "rpc error", "rpc failed", "RPC_ERROR",
    "Backend node not found", "No alive backend",
)  # fmt: skip
# What to do about a refusal that no further try gets past, by words of it.
ADVICE = {
    "manual shutdown": "somebody stopped this cluster by hand: start it, or name another one",
    "is suspended": "resume it (StarRocks: RESUME WAREHOUSE), or name another one",
    "USAGE denied": "grant it: GRANT USAGE_PRIV ON COMPUTE GROUP … TO the user, see docs/engines.md",
}
PASSING_CODES = frozenset({1040, 1203, 1317})
DENIED = frozenset({1044, 1045, 1142, 1227, 5203})


class Said(EngineFailed):
    """The server's own refusal of a statement."""

    def __init__(self, place: str, code: int, words: str) -> None:
        self.code, self.words = code, secrecy.hidden(words)  # servers may repeat a statement, or a key of it
        passing = code in PASSING_CODES or any(part in words for part in PASSING)
        known = next((advice for part, advice in ADVICE.items() if part in words), None)
        if known is None and code in DENIED:
            known = "see docs/engines.md for the privileges to grant"
        advice = "" if known is None else f"; {known}"
        super().__init__(f"{place}: {words} (error {code}){advice}", passing=passing)


class Unanswered(EngineFailed):
    """No frontend answers, or the connection broke: whether the statement took effect is not known."""

    def __init__(self, place: str, words: str) -> None:
        super().__init__(f"{place}: {words}", passing=True)


class Session:
    """One connection, made anew when it broke. Statements that change something are never sent twice by it."""

    def __init__(
        self, warehouse: str, server: Server, resolve: Callable[[SecretReference], str],
        answer_timeout: int = ANSWER_TIMEOUT,
    ) -> None:  # fmt: skip
        self._warehouse, self._server, self._resolve = warehouse, server, resolve
        self._answer_timeout = answer_timeout
        self._connection: Any = None
        self._aborted = False
        self._first = 0  # of the hosts: the one that answered last
        self._changed = 0  # rows, by the last statement
        self._required: list[str] = []  # what each new connection is told, beyond what all are
        self.dialect: Dialect | None = None

    @property
    def warehouse(self) -> str:
        return self._warehouse

    @property
    def user(self) -> str:
        return self._server.user

    def about(self) -> Dialect:
        """What the server is. Raises EngineFailed where it is none that is supported."""
        if self.dialect is None:
            self._connected()
        assert self.dialect is not None  # noqa: S101  a connection knows its server
        return self.dialect

    def beside(self, answer_timeout: int) -> "Session":
        """Another connection with the same requirements; seconds that an answer may take."""
        other = Session(self._warehouse, self._server, self._resolve, answer_timeout)
        other._first, other._required = self._first, list(self._required)
        return other

    def access(self, location: ObjectLocation) -> list[tuple[str, str]]:
        """The properties by which the server reaches a place in storage. From then on no error has their keys."""
        for secret in (location.access_key, location.secret_key):
            if secret:
                secrecy.remember(secret)
        return self.about().storage_properties(location)

    def accepts(self, setting: str) -> bool:
        """Whether the server knows the setting; one that it does is required from then on."""
        try:
            self.require(setting)
        except Said as refusal:
            self._required.remove(setting)
            if refusal.passing:
                raise
            return False
        return True

    def require(self, *told: str) -> None:
        """Statements that this connection and every later one begin with: settings, the compute group."""
        for statement in told:
            self._required.append(statement)
            self._run(statement)

    def ask(self, statement: str) -> list[dict[str, Any]]:
        """The rows of a statement that changes nothing; a broken connection is made anew, once."""
        try:
            return self._run(statement)
        except Unanswered:
            return self._run(statement)

    def once(self, statement: str) -> list[dict[str, Any]]:
        """The rows of a statement that must not be sent twice. Raises Unanswered as `tell` does."""
        return self._run(statement)

    def tell(self, statement: str) -> int:
        """A statement that changes something; the rows that it did. Raises Unanswered where it may or may not have
        taken effect.
        """
        self._run(statement)
        return self._changed

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(pymysql.MySQLError, OSError):
                connection.close()

    def abort(self) -> None:
        """Breaks the connection under whoever waits for its answer, and lets this session say nothing more. Safe
        from another thread.
        """
        self._aborted = True
        sock = getattr(self._connection, "_sock", None)
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _run(self, statement: str) -> list[dict[str, Any]]:
        connection = self._connected()
        if self._aborted:
            raise Unanswered(self._place, "the connection was ended")
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                self._changed = max(0, cursor.rowcount)
                return list(cursor.fetchall())
        except pymysql.MySQLError as error:
            raise self._meaning(error) from None  # the statement may bear keys: nothing of it is shown
        except OSError as error:
            self.close()
            raise Unanswered(self._place, str(error)) from None

    def _meaning(self, error: pymysql.MySQLError) -> EngineFailed:
        code, words = _parts(error)
        if code in LOST or isinstance(error, pymysql.InterfaceError):
            self.close()
            return Unanswered(self._place, words or "the connection broke")
        return Said(self._place, code, words)

    def _connected(self) -> Any:
        if self._connection is None:
            self._connection = self._open()
            try:
                self._prepare()
            except BaseException:
                self.close()
                raise
        return self._connection

    def _open(self) -> Any:
        """The first frontend that answers, beginning with the one that did last."""
        refusals = []
        hosts = self._server.hosts[self._first :] + self._server.hosts[: self._first]
        for host in hosts:
            try:
                connection = self._connect(host)
            except pymysql.MySQLError as error:
                code, words = _parts(error)
                if code not in LOST and code not in PASSING_CODES:
                    raise Said(f"warehouse {self._warehouse} at {host}", code, words) from None
                refusals.append(f"{host}: {words}")
            else:
                self._first = self._server.hosts.index(host)
                return connection
        raise Unanswered(f"warehouse {self._warehouse}", f"no frontend answers: {'; '.join(refusals)}")

    def _connect(self, host: str) -> Any:
        """TLS as declared: plainly none, or verified; the client's own fallback to clear text is not used."""
        server = self._server
        password = self._resolve(server.password) if server.password else ""
        secured: dict[str, Any] = {"ssl_disabled": True} if server.tls is None else {"ssl": _context(server.tls)}
        connection: Any = pymysql.connect(
            host=host.strip("[]"), port=server.port, user=server.user, password=password, charset="utf8mb4",
            connect_timeout=CONNECT_TIMEOUT, read_timeout=CONNECT_TIMEOUT, write_timeout=ANSWER_TIMEOUT,
            autocommit=None, cursorclass=DictCursor, **secured,
        )  # fmt: skip
        connection._read_timeout = self._answer_timeout  # noqa: SLF001  a greeting may take less time than an answer
        _keep_alive(connection._sock)  # noqa: SLF001  the library asks for the system's two hours
        return connection

    def _prepare(self) -> None:
        """Times in UTC, strings with backslash escapes, the internal catalog, and what the work requires."""
        (row,) = self._run("SELECT @@version_comment AS about")
        self.dialect = dialects.recognised(str(row["about"]))
        self._run("SET time_zone = '+00:00'")
        self._run("SET sql_mode = ''")
        self._run(f"USE {self.dialect.internal}")
        for statement in self._required:
            self._run(statement)

    @property
    def _place(self) -> str:
        return f"warehouse {self._warehouse}"


@contextlib.contextmanager
def opened(
    warehouse: str, server: Server, resolve: Callable[[SecretReference], str]
) -> Iterator[Session]:
    session = Session(warehouse, server, resolve)
    try:
        yield session
    finally:
        session.close()


def _keep_alive(connected: socket.socket) -> None:
    """A statement may work for hours without a word: what lies between drops a silent connection after minutes, a
    Network Load Balancer of AWS after 350 s (Elastic Load Balancing guide, "Connection idle timeout").
    """
    for name, value in KEEP_ALIVE.items():
        if hasattr(socket, name):  # Linux has all of them
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _parts(error: pymysql.MySQLError) -> tuple[int, str]:
    code, *words = error.args or (0,)
    return (code if isinstance(code, int) else 0), " ".join(map(str, words)).removeprefix(PREFIX) or str(code)


@lru_cache(maxsize=16)
def _context(tls: Tls) -> ssl.SSLContext:
    """One for all connections: making one takes 25 ms."""
    try:
        return ssl.create_default_context(cafile=tls.ca_file)
    except OSError as error:
        raise EngineFailed(f"cannot read the certificates of {tls.ca_file}: {error.strerror}") from error
