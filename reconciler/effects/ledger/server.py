"""Connections to a ledger in PostgreSQL or MySQL: the login, TLS, and what a session must hold to.

A session that is idle inside a transaction is ended by the server after a while, so that a writer that was paused
there does not keep the row of the lease from those who would take it over.
"""

import importlib.util
import ssl
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, create_engine

from reconciler.core.ledger_place import LedgerServer
from reconciler.core.model import SecretReference
from reconciler.errors import LedgerUnusable, SecretUnresolved

Resolve = Callable[[SecretReference], str]
CONNECT, ANSWER, IDLE, LOCK = 5, 15, 10, 5  # seconds: for a login, an answer, idleness in a transaction, a lock
OLDEST = {"postgresql": (12,), "mysql": (8, 0), "mariadb": (10, 5)}
LIBRARIES = {"postgresql": "psycopg", "mysql": "pymysql"}
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
SQL_MODE = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION"  # nothing is cut short in silence


def open_engine(place: LedgerServer, resolve: Resolve) -> Engine:
    """One connection, made when it is needed and made anew when it broke; the password is read each time.

    Raises LedgerUnusable where the library is not installed.
    """
    library = LIBRARIES[place.kind]
    if importlib.util.find_spec(library) is None:
        raise LedgerUnusable(f"ledger {place} needs its library: pip install 'reconciler[{place.kind}]'")
    unused = {"use_native_hstore": False} if place.kind == "postgresql" else {}  # saves a question at each login
    return create_engine(
        f"{place.kind}+{library}://", creator=lambda: _connected(place, resolve), isolation_level="READ COMMITTED",
        pool_size=1, max_overflow=0, pool_pre_ping=True, **unused,
    )  # fmt: skip


def begin_snapshot(connection: Connection) -> None:
    """What is read until the transaction ends is of one moment, and nothing can be changed in it."""
    if connection.dialect.name != "sqlite":  # there a file's readers always see one moment
        connection.exec_driver_sql(SNAPSHOT)


def check_release(connection: Connection, place: LedgerServer) -> None:
    """Raises LedgerUnusable where the server is older than what the tables need."""
    dialect = connection.dialect
    kind = "mariadb" if getattr(dialect, "is_mariadb", False) else place.kind
    found: tuple[Any, ...] = tuple(part for part in dialect.server_version_info or () if isinstance(part, int))
    if found < OLDEST[kind]:
        shown, needed = (".".join(map(str, version)) for version in (found, OLDEST[kind]))
        raise LedgerUnusable(f"ledger {place} is on {kind} {shown}, which is too old; it needs {needed} or newer")


def _connected(place: LedgerServer, resolve: Resolve) -> Any:
    """A new connection. Raises the library's own errors, and LedgerUnusable for what this machine lacks."""
    connect = _postgresql if place.kind == "postgresql" else _mysql
    try:
        return connect(place, resolve)
    except (SecretUnresolved, OSError) as error:
        raise LedgerUnusable(f"ledger {place} cannot be used: {error}") from error


def _postgresql(place: LedgerServer, resolve: Resolve) -> Any:
    """Without a reference the password is libpq's own business: PGPASSWORD, PGPASSFILE, or none."""
    import psycopg  # noqa: PLC0415

    given: dict[str, Any] = {
        "host": place.socket or place.host, "port": place.port, "dbname": place.database, "user": place.user,
        "password": resolve(place.password) if place.password else None,
        "sslmode": "verify-full" if place.tls else "disable",
        "sslrootcert": (place.tls_ca_file or "system") if place.tls else None,
    }  # fmt: skip
    session = {
        "idle_in_transaction_session_timeout": f"{IDLE}s", "lock_timeout": f"{LOCK}s",
        "statement_timeout": f"{4 * ANSWER}s", "timezone": "UTC",
    }  # fmt: skip
    return psycopg.connect(
        **{name: value for name, value in given.items() if value is not None},
        options=" ".join(f"-c {name}={value}" for name, value in session.items()),
        connect_timeout=CONNECT, application_name="reconcile", client_encoding="utf8",
        keepalives_idle=5, keepalives_interval=2, keepalives_count=3, tcp_user_timeout=ANSWER * 1000,
    )  # fmt: skip


def _mysql(place: LedgerServer, resolve: Resolve) -> Any:
    import pymysql  # noqa: PLC0415
    from pymysql.constants import CLIENT  # noqa: PLC0415

    secure: dict[str, Any] = {"ssl_disabled": True}
    if place.tls:
        secure = {"ssl": ssl.create_default_context(cafile=place.tls_ca_file)}
    session = {
        "time_zone": "'+00:00'", "wait_timeout": IDLE, "innodb_lock_wait_timeout": LOCK,
        "sql_mode": f"'{SQL_MODE}'",
    }  # fmt: skip
    return pymysql.connect(
        host=place.host or "localhost", port=place.port, unix_socket=place.socket, database=place.database,
        user=place.user, password=resolve(place.password) if place.password else "",
        charset="utf8mb4", client_flag=CLIENT.FOUND_ROWS, connect_timeout=CONNECT, read_timeout=ANSWER,
        write_timeout=ANSWER, program_name="reconcile",
        init_command="SET SESSION " + ", ".join(f"{name} = {value}" for name, value in session.items()), **secure,
    )  # fmt: skip
