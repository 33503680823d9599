"""The server itself: frontends on free ports of loopback over one warehouse, in a thread of the test's process."""

import asyncio
import contextlib
import itertools
import ssl
import threading
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, Self

from mysql_mimic.control import LocalControl

from . import execute
from .answers import Rows
from .clock import HANDLER, Clock
from .control import Controls
from .dialect import VARIABLES, Dialect
from .groups import Group
from .session import Session
from .warehouse import Warehouse
from .wire import Stream, Wire

VERSIONS = {"doris": "3.0.3", "starrocks": "3.4.0"}


class DorisServer:
    """`with DorisServer(product="doris", version="3.0.3") as server: connect(port=server.port, user="root")`.

    Users: `root` without a password; more by `server.add_user`. Time moves 3 seconds with every SHOW BACKUP or
    SHOW RESTORE (`per_look`), with real time times `speed`, or by `server.step()` and `server.advance(seconds)`.
    `now` is where it begins, or another clock's `now` to follow."""

    def __init__(
        self, product: str = "doris", version: str = "", *, cloud: bool = False, frontends: int = 1, groups: tuple[str, ...] = (), backends: int = 3,
        now: datetime | Callable[[], datetime] | None = None, per_look: float = HANDLER, speed: float = 0.0, zone: str = "+00:00",
        system_zone: str = "+00:00", tls: ssl.SSLContext | None = None, port: int = 0, root_password: str = "",
    ) -> None:  # fmt: skip
        dialect = Dialect(product, version or VERSIONS[product], cloud)
        self.warehouse = Warehouse(dialect, _clock(now, per_look, speed), zone, system_zone)
        self.warehouse.backends = backends
        first = "default_warehouse" if dialect.starrocks else "compute_group_1"
        for name in groups or ((first,) if cloud else ()):
            self.warehouse.groups[name] = Group(name)
        self.add_user("root", root_password, admin=True)
        self._behind = Session(
            self.warehouse, self.warehouse.users.known["root"], 0, dict(VARIABLES) | self.warehouse.globals
        )
        self._count, self._tls, self._first_port = frontends, tls, port
        self._loop = asyncio.new_event_loop()
        self._servers: dict[int, asyncio.Server] = {}
        self._open: dict[int, set[asyncio.StreamWriter]] = {number: set() for number in range(frontends)}
        self.control = self.warehouse.control = Controls(self)

    @property
    def port(self) -> int:
        return self.ports[0]

    @property
    def ports(self) -> list[int]:
        return self.warehouse.ports

    @property
    def faults(self) -> Any:
        return self.warehouse.faults

    @property
    def clock(self) -> Clock:
        return self.warehouse.clock

    def add_user(self, name: str, password: str = "", **rights: object) -> Any:
        return self.warehouse.users.add(name, password, **rights)

    def step(self, times: int = 1) -> None:
        self.control.step(times)

    def advance(self, seconds: float) -> None:
        self.control.advance(seconds)

    def finish(self) -> None:
        self.control.finish()

    def sql(self, text: str) -> list[tuple]:
        """As root, past the wire and its traps: to fill the warehouse and to see what is in it."""
        answer = execute.run(self._behind, text)
        return answer.rows if isinstance(answer, Rows) else []

    def rows(self, table: str) -> list[tuple]:
        """All rows of `db.table`, sorted by their text."""
        return sorted(self.sql(f"SELECT * FROM {table}"), key=str)

    def connect(self, user: str = "root", password: str = "", *, frontend: int = 0, **words: Any) -> Any:
        """A client's connection, by PyMySQL."""
        import pymysql

        words = {"ssl_disabled": self._tls is None, "autocommit": True, "read_timeout": 20} | words
        return pymysql.connect(host="127.0.0.1", port=self.ports[frontend], user=user, password=password, **words)

    def start(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="doris-server", daemon=True)
        self._thread.start()
        for number in range(self._count):
            self.listen(number, self._first_port if number == 0 else 0)
        return self

    def stop(self) -> None:
        self.faults.release()
        for number in list(self._servers):
            self.shut(number)
        self._on_loop(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self.warehouse.store.connection.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def listen(self, number: int, port: int = 0) -> None:
        """Starts a frontend; again on its old port, if it had one."""
        known = self.ports[number] if number < len(self.ports) else port
        server = self._on_loop(
            asyncio.start_server(lambda *streams: self._began(number, *streams), "127.0.0.1", known)
        )
        self._servers[number] = server
        if number >= len(self.ports):
            self.ports.append(server.sockets[0].getsockname()[1])

    def shut(self, number: int) -> None:
        """Ends a frontend: its port refuses, its connections are cut."""
        self._on_loop(self._shut(self._servers.pop(number), number))

    async def _shut(self, server: asyncio.Server, number: int) -> None:
        server.close()
        for writer in list(self._open[number]):
            writer.transport.abort()

    async def _end(self) -> None:
        """Statements that were held, or whose connection is gone, end before the store does."""
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in itertools.chain.from_iterable(self._open.values()):
            writer.transport.abort()
        await asyncio.sleep(0)
        await self._loop.shutdown_default_executor()

    def _began(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Coroutine[Any, Any, None]:
        """Noted at once: a frontend that goes away just then ends this connection too, whose task may never begin."""
        self._open[number].add(writer)
        return self._accept(number, reader, writer)

    async def _accept(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Wire(Stream(reader, writer), self.warehouse, number, self._control_of_connections, self._tls)
        connection.connection_id = next(self.warehouse.connections[number])
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await connection.start()
        self._open[number].discard(writer)
        connection.forget()
        writer.close()

    _control_of_connections = LocalControl()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _on_loop(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)


def _clock(now: datetime | Callable[[], datetime] | None, per_look: float, speed: float) -> Clock:
    return Clock(None, per_look, speed, now) if callable(now) else Clock(now, per_look, speed)
