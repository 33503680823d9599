"""MySQL's protocol by mysql-mimic: the handshake, logins, answers, errors.

mysql-mimic 3.0.5 goes on to the commands after a refused login; `authenticate` here ends the connection instead."""

import asyncio
import hashlib
import logging
from typing import Any

from mysql_mimic import packets
from mysql_mimic.auth import IdentityProvider, NativePasswordAuthPlugin
from mysql_mimic.auth import User as MimicUser
from mysql_mimic.connection import Connection
from mysql_mimic.errors import MysqlError
from mysql_mimic.results import ResultColumn, ResultSet
from mysql_mimic.session import BaseSession
from mysql_mimic.stream import ConnectionClosed, MysqlStream
from mysql_mimic.types import Capabilities, ColumnType
from mysql_mimic.variables import GlobalVariables, SessionVariables

from . import execute
from .answers import Done, Rows
from .dialect import VARIABLES
from .errors import ConnectionCut, Refused
from .session import Session
from .warehouse import Warehouse

logging.getLogger("mysql_mimic").setLevel(logging.CRITICAL + 1)  # it logs every refused statement with its trace

OFFERED = (Capabilities.CLIENT_PROTOCOL_41 | Capabilities.CLIENT_CONNECT_WITH_DB | Capabilities.CLIENT_SECURE_CONNECTION
           | Capabilities.CLIENT_PLUGIN_AUTH | Capabilities.CLIENT_LOCAL_FILES | Capabilities.CLIENT_LONG_FLAG)  # fmt: skip
TYPES = {"BIGINT": ColumnType.LONGLONG, "INTEGER": ColumnType.LONG, "SMALLINT": ColumnType.SHORT, "BOOLEAN": ColumnType.TINY,
         "TINYINT": ColumnType.TINY, "DOUBLE": ColumnType.DOUBLE, "FLOAT": ColumnType.FLOAT, "DATE": ColumnType.DATE,
         "TIMESTAMP": ColumnType.DATETIME, "BLOB": ColumnType.BLOB, "HUGEINT": ColumnType.STRING}  # fmt: skip


class Nobody(BaseSession):
    """What mysql-mimic wants to hold of a connection; ours is `Session`, made at login."""

    username = database = None

    def __init__(self, version: str) -> None:
        self.variables = SessionVariables(GlobalVariables())
        self.variables.set("version", version, force=True)

    async def handle_query(self, _sql: str, _attrs: dict[str, str]) -> None:
        raise MysqlError("not used")

    async def init(self, connection: Any) -> None: ...

    async def close(self) -> None: ...


class NativePassword(IdentityProvider):
    """mysql_native_password alone. Whether the user exists is looked at together with the password."""

    def get_plugins(self) -> list[NativePasswordAuthPlugin]:
        return [NativePasswordAuthPlugin()]

    async def get_user(self, username: str) -> MimicUser:
        return MimicUser(username)


class Stream:
    """mysql-mimic's stream, which is compiled and cannot be inherited from."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._inner = MysqlStream(reader, writer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def start_tls(self, ssl: Any) -> None:
        """As mysql-mimic's, but the client's first words of TLS may have come with its request for it: they go on."""
        self.writer.transport.pause_reading()  # what comes from here on waits for TLS, which goes on reading
        early = bytes(self.reader._buffer)
        self.reader._buffer.clear()
        starting = asyncio.ensure_future(self._inner.start_tls(ssl))
        for _ in range(3):  # until the loop has put the TLS protocol in place
            await asyncio.sleep(0)
        if early:
            protocol = self.writer.transport.get_protocol()
            protocol.get_buffer(len(early))[: len(early)] = early
            protocol.buffer_updated(len(early))
        await starting


class Wire(Connection):
    def __init__(self, stream: Any, warehouse: Warehouse, frontend: int, control: Any, tls: Any) -> None:
        super().__init__(stream, Nobody(warehouse.dialect.handshake), control, NativePassword(), OFFERED, tls)
        self.warehouse, self.frontend = warehouse, frontend
        self.own: Session | None = None

    async def _start(self) -> None:
        """A failed login ends here, after its error: nothing is read from the client any more."""
        try:
            await self.connection_phase()
            await self.command_phase()
        except (ConnectionClosed, ConnectionCut, MysqlError, OSError, asyncio.IncompleteReadError):
            return
        except Refused as refused:
            await self.stream.write(self.refusal(refused))

    async def authenticate(
        self, username: str, auth_response: bytes, client_plugin_name: str | None = None, **_: Any
    ) -> None:
        if client_plugin_name not in {None, "mysql_native_password"}:
            auth_response = await self._switched()
        user = self.warehouse.users.known.get(username)
        if user is None or not _proves(user.password, auth_response, self.handshake_auth_data):
            using = "YES" if auth_response else "NO"
            raise Refused(f"Access denied for user '{username}@127.0.0.1' (using password: {using})", 1045)
        own = Session(
            self.warehouse, user, self.frontend, dict(VARIABLES) | self.warehouse.globals, self.connection_id
        )
        if self.session.database:
            await asyncio.to_thread(own.handshake, self.session.database)
        self.own, self.warehouse.sessions[own.key] = own, own
        loop = asyncio.get_running_loop()
        own.cut = lambda: loop.call_soon_threadsafe(self.stream.writer.transport.abort)
        await self.stream.write(self.ok())

    async def _switched(self) -> bytes:
        """The client began with another method: it is asked for ours, with the same nonce."""
        request = packets.make_auth_switch_request(
            self.server_charset, "mysql_native_password", self.handshake_auth_data
        )
        await self.stream.write(request)
        return await self.stream.read()

    async def handle_query(self, data: bytes) -> None:
        sql = packets.parse_com_query(
            capabilities=self.capabilities, client_charset=self.client_charset, data=data
        ).sql
        trap = self.warehouse.faults.sprung(sql, self.frontend)
        action = trap.action if trap else ""
        if action in {"hang", "drop_before", "answer"}:
            await self._befall(trap, sql)
        work = asyncio.ensure_future(asyncio.to_thread(execute.run, self.own, sql, trap))
        if action == "drop_during":
            work.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody else will ask
            while not (trap.reached.is_set() or work.done()):  # noqa: ASYNC110 - set from another thread
                await asyncio.sleep(0.01)
            await self._befall(trap, sql)
        try:
            answer = await work
        except Refused as refused:
            await self.stream.write(self.refusal(refused))
            return
        if action.endswith("_after"):
            await self._befall(trap, sql)
        await self._write(answer)

    def forget(self) -> None:
        """The connection is over; a statement of it may still run."""
        if self.own and self.own.running:
            self.own.gone = True
        elif self.own:
            self.warehouse.sessions.pop(self.own.key, None)

    async def _befall(self, trap: Any, sql: str) -> None:
        if trap.action.startswith("hang"):
            while not self.warehouse.faults.released.is_set():  # noqa: ASYNC110 - set from other threads
                await asyncio.sleep(0.01)
        if trap.action.startswith("restart"):
            await asyncio.to_thread(self.warehouse.control.restart)
        if trap.action.startswith("answer"):
            code, text = trap.answer
            raise MysqlError(self._prefixed(text.replace("{statement}", sql)), code)
        self.stream.writer.transport.abort()
        raise ConnectionCut

    async def _write(self, answer: Rows | Done) -> None:
        if isinstance(answer, Done):
            plain = self.ok(affected_rows=answer.affected)
            told = answer.info.encode()  # with its length before it, as MysqlOkPacket writes it
            await self.stream.write(plain + (bytes([len(told)]) + told if told else b""))
            return
        types = answer.types or ("VARCHAR",) * len(answer.columns)
        columns = [ResultColumn(name, _type(kind)) for name, kind in zip(answer.columns, types, strict=True)]
        await self.write_text_resultset(ResultSet(answer.rows, columns))

    async def handle_init_db(self, data: bytes) -> None:
        try:
            self.own.handshake(data.decode())
        except Refused as refused:
            await self.stream.write(self.refusal(refused))
        else:
            await self.stream.write(self.ok())

    async def handle_stmt_prepare(self, _data: bytes) -> None:
        raise MysqlError("This command is not supported in the prepared statement protocol yet", 1295)

    async def handle_change_user(self, _data: bytes) -> None:
        raise MysqlError("Unsupported command(COM_CHANGE_USER)", 1047)

    def refusal(self, refused: Refused) -> bytes:
        return self.error(msg=self._prefixed(refused.text), code=refused.code)

    def error(self, **words: Any) -> bytes:
        """SQLSTATE 42000 whatever the code."""
        plain = super().error(**words)
        return plain[:4] + b"42000" + plain[9:]

    def _prefixed(self, text: str) -> str:
        """Doris puts its own code before every text, StarRocks does not."""
        return text if self.warehouse.dialect.starrocks else f"errCode = 2, detailMessage = {text}"


def _type(kind: str) -> ColumnType:
    return ColumnType.NEWDECIMAL if kind.startswith("DECIMAL") else TYPES.get(kind, ColumnType.VAR_STRING)


def _proves(password: str, response: bytes, nonce: bytes) -> bool:
    """mysql_native_password, with an empty answer for an empty password."""
    if not password or not response:
        return not password and not response
    once = hashlib.sha1(password.encode()).digest()
    mask = hashlib.sha1(nonce.rstrip(b"\0") + hashlib.sha1(once).digest()).digest()
    return response == bytes(left ^ right for left, right in zip(once, mask, strict=True))
