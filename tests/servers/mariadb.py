"""A real MariaDB for tests: Debian's, on a private folder, loopback and a free port, without a password."""

import contextlib
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any, NamedTuple

import pymysql
from pymysql.constants import CLIENT

OWNER = ["--user=root"] if os.geteuid() == 0 else []


class MariaDB(NamedTuple):
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"mysql://root@127.0.0.1:{self.port}/"

    def connect(self, *, several: bool = False) -> Any:
        """`several` lets one text hold several statements, as an injection would like to have it."""
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user="root", charset="utf8mb4", autocommit=True, ssl_disabled=True, read_timeout=60,
            client_flag=CLIENT.MULTI_STATEMENTS if several else 0,
        )  # fmt: skip

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def start(folder: Path) -> MariaDB:
    """Starts a server on an empty folder and waits until it answers."""
    install()
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", *OWNER, f"--datadir={folder}/data", "--auth-root-authentication-method=normal",
         "--skip-test-db", "--innodb-log-file-size=4M"], check=True, capture_output=True,
    )  # fmt: skip
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        ["mariadbd", "--no-defaults", *OWNER, f"--datadir={folder}/data", f"--socket={folder}/s.sock", f"--port={port}",
         "--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-buffer-pool-size=32M", "--performance-schema=OFF",
         f"--log-error={folder}/log"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    server = MariaDB(port, process)
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"MariaDB ended: {(folder / 'log').read_text()}")
        with contextlib.suppress(pymysql.OperationalError):
            server.connect().close()
            return server
        threading.Event().wait(0.05)
    server.stop()
    raise RuntimeError("MariaDB does not answer")


def install() -> None:
    """Where Debian's package is missing and may be installed."""
    if shutil.which("mariadbd") is None:
        for words in (["update", "-q"], ["install", "-qy", "--no-install-recommends", "mariadb-server-core", "mariadb-client-core"]):
            subprocess.run(["apt-get", *words], check=True, stdout=subprocess.DEVNULL, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
