"""Debian's PostgreSQL and MariaDB for tests: on private folders, loopback and free ports; a database for each test."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pymysql

USER, PASSWORD = "reconcile", "ledger-password-of-a-test"  # of a server that lives as long as a test
INSTALL = Path(__file__).with_name("install.sh")


class Database:
    """One server of a kind, `postgresql` or `mariadb`; started, stopped and killed by its own process id."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.secret = folder / "password"
        self.secret.write_text(PASSWORD + "\n")
        self._prefix = as_other_user(folder) if kind == "postgresql" else ()
        (self._init_postgresql if kind == "postgresql" else self._init_mariadb)()

    @property
    def scheme(self) -> str:
        return "mysql" if self.kind == "mariadb" else self.kind

    def url(self, database: str, **options: str) -> str:
        given = {"password_file": str(self.secret)} | options
        query = "&".join(f"{name}={value}" for name, value in given.items())
        return f"{self.scheme}://{USER}@127.0.0.1:{self.port}/{database}?{query}"

    def create(self) -> str:
        """A new database's name."""
        name = f"ledger_{uuid.uuid4().hex[:12]}"
        self.ask(f"CREATE DATABASE {name}")
        return name

    def ask(self, statement: str, database: str = "") -> list[Any]:
        """As the server's owner, in a connection of its own."""
        with contextlib.closing(self._connect(database)) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def start(self, *words: str) -> None:
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen([*self._prefix, *self._command(), *words], stdout=log, stderr=log)
        log.close()
        for _ in range(600):
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.kind} ended: {(self.folder / 'log').read_text()}")
            with contextlib.suppress(psycopg.OperationalError, pymysql.OperationalError):
                self.ask("SELECT 1")
                return
            threading.Event().wait(0.05)
        raise RuntimeError(f"{self.kind} does not answer")

    def stop(self, number: int = signal.SIGQUIT) -> None:
        """At once, as a crash is to those connected; PostgreSQL ends its children on SIGQUIT, MariaDB has none."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL if self.kind == "mariadb" else number)
            self.process.wait()

    def _connect(self, database: str) -> Any:
        if self.kind == "postgresql":
            return psycopg.connect(host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, autocommit=True,
                                   dbname=database or "postgres", connect_timeout=5)  # fmt: skip
        return pymysql.connect(host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, autocommit=True,
                               database=database or None, connect_timeout=5, ssl_disabled=True)  # fmt: skip

    def _command(self) -> list[str]:
        data = str(self.folder / "data")
        if self.kind == "postgresql":
            return [str(postgresql() / "postgres"), "-D", data, "-p", str(self.port), "-k", str(self.folder),
                    "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=16MB"]  # fmt: skip
        return ["mariadbd", "--no-defaults", *(["--user=root"] if os.geteuid() == 0 else []), f"--datadir={data}",
                f"--socket={self.folder}/s.sock", f"--port={self.port}", "--bind-address=127.0.0.1",
                "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M", "--performance-schema=OFF",
                "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=2",
                f"--init-file={self.folder}/init.sql"]  # fmt: skip

    def _init_postgresql(self) -> None:
        command = [str(postgresql() / "initdb"), "-D", str(self.folder / "data"), "-U", USER, "--no-sync",
                   "--auth=scram-sha-256", f"--pwfile={self.secret}", "-E", "UTF8", "--no-locale"]  # fmt: skip
        subprocess.run([*self._prefix, *command], check=True, capture_output=True)

    def _init_mariadb(self) -> None:
        (self.folder / "init.sql").write_text(
            f"CREATE USER IF NOT EXISTS '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO '{USER}'@'127.0.0.1' WITH GRANT OPTION;\n"
        )
        words = ["--no-defaults", f"--datadir={self.folder}/data", "--skip-test-db", "--innodb-log-file-size=8M"]
        user = ["--user=root"] if os.geteuid() == 0 else []
        subprocess.run(["mariadb-install-db", *words, *user], check=True, capture_output=True)


@contextlib.contextmanager
def database(kind: str) -> Iterator[Database]:
    """A server that answers, stopped at the end, its folder with it."""
    install()
    folder = Path(tempfile.mkdtemp(prefix=f"{kind}-"))
    try:
        server = Database(kind, folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def install() -> None:
    """Where Debian's packages are missing and may be installed."""
    if postgresql_or_none() is None or shutil.which("mariadbd") is None:
        if os.geteuid() != 0:
            raise RuntimeError(f"PostgreSQL and MariaDB are missing; as root: {INSTALL}")
        subprocess.run([str(INSTALL)], check=True, stdout=subprocess.DEVNULL)


def postgresql_or_none() -> Path | None:
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"))), None)


def postgresql() -> Path:
    found = postgresql_or_none()
    assert found is not None
    return found


def as_other_user(folder: Path) -> tuple[str, ...]:
    """PostgreSQL does not run as root; Debian's package comes with a user for it, who is given the folder."""
    if os.geteuid() != 0:
        return ()
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, "postgres", "postgres")
    return ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
