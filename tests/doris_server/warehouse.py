"""One warehouse: databases, repositories, catalogs, users, jobs. All frontends share it, one statement at a time."""

import itertools
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from .clock import Clock
from .dialect import Dialect
from .errors import Refused, unknown_database, unknown_table
from .faults import Faults
from .groups import Group, Work
from .layout import Repository
from .tables import Definition, Store, Table
from .transactions import Transaction
from .user_functions import Function
from .users import Users

SYSTEM = ("information_schema", "mysql", "__internal_schema")


@dataclass
class Database:
    id: int
    name: str
    created: datetime
    tables: dict[str, Table] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)

    def table(self, name: str) -> Table:
        if name not in self.tables:
            raise unknown_table(name)
        return self.tables[name]


@dataclass
class Catalog:
    id: int
    name: str
    comment: str
    properties: dict[str, str]
    created: datetime


class Warehouse:
    def __init__(self, dialect: Dialect, clock: Clock, zone: str = "+00:00", system_zone: str = "+00:00") -> None:
        self.dialect, self.clock = dialect, clock
        self.globals = {"time_zone": zone, "system_time_zone": system_zone}
        self.lock = threading.RLock()
        self.ids = itertools.count(10001)
        self.store, self.faults, self.users = Store(), Faults(), Users()
        self.databases: dict[str, Database] = {}
        self.repositories: dict[str, Repository] = {}
        self.catalogs: dict[str, Catalog] = {}
        self.groups: dict[str, Group] = {}
        self.transactions: list[Transaction] = []
        self.functions: dict[int, dict[str, Function]] = {}  # by the database's id, then by signature
        self.megabyte = 1024 * 1024  # what max_file_size counts with
        self.row_bytes = 100  # what a row counts for in sizes
        self.physical = 1  # parts of a partition of StarRocks, each with a row of its own in SHOW PARTITIONS
        self.writers = 2  # of a parallel OUTFILE
        self.jobs: dict[int, list] = {}  # of a database's id (-1: external catalogs), oldest first
        self.leader = 0
        self.ports: list[int] = []  # of the frontends
        self.stopped: set[int] = set()
        self.connections: dict[int, Iterator[int]] = defaultdict(partial(itertools.count, 1))  # of each frontend, numbers
        self.sessions: dict[tuple[int, int], Any] = {}  # of open connections, and of statements that outlive theirs
        self.work: list[Work] = []
        self.cloud_restore = False
        self.vault = "1"  # the id of the storage vault
        self.policies: set[str] = set()  # storage policies
        self.backends = 3  # nodes that keep rows, all alive
        self.most_tablets = 300_000  # max_backup_tablets_per_job
        self.control: object = None

    @property
    def job_zone(self) -> str:
        """The zone of __info's timestamp: the global variable, or the system's on older ones."""
        variable = self.dialect.has("-global_zone")
        return self.globals["time_zone" if variable else "system_time_zone"]

    def database(self, name: str | None) -> Database:
        if not name:
            raise Refused("No database selected", 1046)
        if name not in self.databases:
            raise unknown_database(name)
        return self.databases[name]

    def create_database(self, name: str, properties: dict[str, str] | None = None) -> Database:
        made = Database(next(self.ids), name, self.clock.now, properties=properties or {})
        self.databases[name] = made
        return made

    def drop_database(self, name: str) -> None:
        gone = self.databases.pop(name)
        for table in list(gone.tables):
            self.drop_table(gone, table)

    def create_table(self, database: Database, name: str, definition: Definition) -> Table:
        """A table without rows."""
        table = self.new_table(name, definition)
        database.tables[name] = table
        return table

    def new_table(self, name: str, definition: Definition) -> Table:
        """As create_table, but in no database yet: a hidden one."""
        table = Table(next(self.ids), name, definition, self.clock.now)
        table.partitions = {part: next(self.ids) for part in definition.predicates(name)}
        self.store.create(table)
        return table

    def drop_table(self, database: Database, name: str) -> None:
        self.store.drop(database.tables.pop(name))

    def create_catalog(self, name: str, comment: str, properties: dict[str, str]) -> None:
        self.catalogs[name] = Catalog(next(self.ids), name, comment, dict(properties), self.clock.now)

    def repository(self, name: str) -> Repository:
        if name not in self.repositories:
            raise Refused(f"Repository {name} does not exist")
        return self.repositories[name]
