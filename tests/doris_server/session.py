"""One connection's view of the warehouse: who asks, in which database and group, with which variables."""

import tempfile
from collections.abc import Callable
from typing import Any

from . import groups, jobs, processes
from .dialect import VARIABLES
from .errors import Refused, unknown_database
from .queries import INTERNAL
from .tables import Table
from .users import User, denied
from .warehouse import SYSTEM, Database, Warehouse

VERSIONS = {"currentversion", "version", "current_version"}


class Session:
    def __init__(
        self, warehouse: Warehouse, user: User, frontend: int, variables: dict[str, str], number: int = 0
    ) -> None:
        self.warehouse, self.user, self.frontend, self.number = warehouse, user, frontend, number
        self.variables = variables
        self.catalog, self.database = "internal", None
        self.group: str | None = None
        self.running: processes.Running | None = None
        self.touched: list[str] = []  # tables that the statement reads
        self.from_files = False  # whether the statement reads files
        self.scratch: list[str] = []  # tables of the statement that runs
        self.folders: list[tempfile.TemporaryDirectory] = []  # of files that the statement reads
        self.cut: Callable[[], object] | None = None  # ends the connection
        self.gone = False

    def use(self, target: tuple[str, ...], group: str | None) -> None:
        """USE, the handshake's database, COM_INIT_DB."""
        if len(target) > 2:
            raise unknown_database(".".join(target))
        catalog = target[0] if len(target) == 2 else self.catalog
        if catalog not in INTERNAL and catalog not in self.warehouse.catalogs:
            raise Refused(f"Unknown catalog '{catalog}'", 5085)
        if (
            target
            and catalog in INTERNAL
            and (target[-1] not in (*self.warehouse.databases, *SYSTEM) or not self._sees(target[-1]))
        ):
            raise unknown_database(target[-1])
        if group is not None:
            groups.use(self, group)
        self.catalog, self.database = catalog, (target[-1] if target else self.database)

    def handshake(self, text: str) -> None:
        """`db`, `db@group`, `catalog.db@group`, `@group`."""
        name, at, group = text.partition("@")
        self.use(tuple(part for part in name.split(".") if part), group if at else None)

    def _sees(self, name: str) -> bool:
        return name in SYSTEM or self.user.sees(name)

    def within(self, database: str) -> "Session":
        """For the text of a view, whose names are those of its own database."""
        other = Session(self.warehouse, self.user, self.frontend, self.variables, self.number)
        other.database, other.group, other.scratch, other.touched = database, self.group, self.scratch, self.touched
        other.folders = self.folders
        return other

    def variable(self, name: str, scope: str = "") -> str:
        own = {"version_comment": self.warehouse.dialect.comment, "version": self.warehouse.dialect.handshake}
        known = own | (self.warehouse.globals if scope == "global" else self.warehouse.globals | self.variables)
        if name.lower() not in known:
            raise Refused(f"Unknown system variable '{name}'", 1193)
        return known[name.lower()]

    def set(self, scope: str, name: str, value: str) -> None:
        if name == "names":
            return
        if name not in self.variables or not self.warehouse.dialect.knows(name):
            raise Refused(f"Unknown system variable '{name}'", 1193)
        value = VARIABLES[name] if value.upper() == "DEFAULT" else value
        if name in {"cloud_cluster", "compute_group"} and value:
            groups.use(self, value)
            self.variables["cloud_cluster"] = self.variables["compute_group"] = value
        if name == "warehouse" and self.warehouse.dialect.cloud and value not in self.warehouse.groups:
            raise Refused(f"Warehouse name: {value} not exist.", 1064)
        if scope == "global":
            self.user.needs_admin()
            self.warehouse.globals[name] = value
        self.variables[name] = value

    def functions(self) -> dict[str, str]:
        dialect = self.warehouse.dialect
        versions = dict.fromkeys(VERSIONS, dialect.version if dialect.starrocks else dialect.handshake)
        return {**versions, "currentschema": self.database or "", "database": self.database or "", "schema": self.database or "",
                "user": f"'{self.user.name}'@'127.0.0.1'", "currentuser": f"'{self.user.name}'@'%'",
                "current_user": f"'{self.user.name}'@'%'", "connection_id": str(self.number), "connectionid": str(self.number)}  # fmt: skip

    def find(self, target: tuple[str, ...]) -> Table:
        """[[catalog.]db.]table"""
        database = self.warehouse.database(target[-2] if len(target) > 1 else self.database)
        return database.table(target[-1])

    def place(self, target: tuple[str, ...]) -> tuple[Database, str]:
        return self.warehouse.database(target[-2] if len(target) > 1 else self.database), target[-1]

    def table_to_read(self, database: str, name: str) -> Table:
        """A table in state RESTORE is not read."""
        tables = self.warehouse.databases[database].tables
        if name not in tables:
            raise Refused(f"Table [{name}] does not exist in database [{database}].", 1105)
        if not self.user.reads(database, name):
            raise denied("SELECT")
        if tables[name].state != "NORMAL":
            raise Refused(f"table [{name}] is in state {tables[name].state}, it can not be read", 1105)
        self.touched.append(f"{database}.{name}")
        return tables[name]

    def table_to_write(self, database: str, name: str) -> Table:
        table = self.warehouse.database(database).table(name)
        self.user.needs_load(database)
        if table.state != "NORMAL":
            raise Refused(f"Table {name}'s state is not NORMAL: {table.state}", 1105)
        return table

    @property
    def key(self) -> tuple[int, int]:
        """Frontends count their connections each for itself."""
        return self.frontend, self.number

    @property
    def trace(self) -> str:
        """session_context='trace_id:x'."""
        context = self.variables.get("session_context", "")
        return context.partition("trace_id:")[2].partition(";")[0]

    def begin(self, sql: str, trap: Any) -> None:
        self.touched = []
        self.running = processes.Running(sql, self.warehouse.clock.now, trap)

    def end(self) -> None:
        self.running = None
        while self.folders:
            self.folders.pop().cleanup()
        while self.scratch:
            name = self.scratch.pop()
            self.warehouse.store.run(f"DROP {'VIEW' if name.startswith('seen_') else 'TABLE'} IF EXISTS {name}")
        if self.gone:
            self.warehouse.sessions.pop(self.key, None)

    def job_database(self, name: str | None) -> Database:
        database = self.warehouse.database(name or self.database)
        if self.catalog not in INTERNAL:
            raise unknown_database(database.name)  # it is looked up in the session's catalog
        return database

    def catch_up(self) -> None:
        jobs.catch_up(self.warehouse)
