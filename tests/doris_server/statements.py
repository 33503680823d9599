"""What a statement asks for, as frozen values. The grammar makes them, the rooms read them by match."""

from typing import NamedTuple


class CreateRepository(NamedTuple):
    name: str
    location: str
    properties: dict[str, str]
    read_only: bool


class AlterRepository(NamedTuple):
    name: str
    properties: dict[str, str]


class DropRepository(NamedTuple):
    name: str


class ShowRepositories(NamedTuple):
    pass


class ShowCreateRepository(NamedTuple):
    name: str


class Item(NamedTuple):
    """One entry of ON or EXCLUDE. StarRocks 3.4 has kinds, and a name of None for all of a kind."""

    name: str | None
    partitions: tuple[str, ...] = ()
    alias: str | None = None
    kind: str = "TABLE"


class Backup(NamedTuple):
    database: str | None
    label: str
    repository: str
    chosen: tuple[Item, ...] | None  # ON
    excluded: tuple[Item, ...]
    properties: dict[str, str]
    catalogs: tuple[str, ...] | None = None  # external ones, StarRocks; () for all


class Restore(NamedTuple):
    database: str | None
    label: str
    repository: str
    chosen: tuple[Item, ...] | None
    excluded: tuple[Item, ...]
    properties: dict[str, str]
    catalogs: tuple[Item, ...] | None = None
    source: str | None = None  # DATABASE d of StarRocks


class Pattern(NamedTuple):
    """What a WHERE or LIKE of SHOW asks for."""

    value: str
    like: bool


class ShowJobs(NamedTuple):
    kind: str  # backup, restore
    database: str | None
    label: Pattern | None
    brief: bool = False


class Cancel(NamedTuple):
    kind: str
    database: str | None
    catalogs: bool = False


class ShowSnapshot(NamedTuple):
    repository: str
    label: str | None
    timestamp: str | None


class ShowTransaction(NamedTuple):
    database: str
    label: str


class CreateCatalog(NamedTuple):
    name: str
    comment: str
    properties: dict[str, str]
    quiet: bool


class DropCatalog(NamedTuple):
    name: str
    quiet: bool


class AlterCatalog(NamedTuple):
    name: str
    properties: dict[str, str]


class ShowCatalogs(NamedTuple):
    like: str | None


class ShowCatalog(NamedTuple):
    name: str
    create: bool


class ShowGroups(NamedTuple):
    clusters: bool  # SHOW CLUSTERS, with its other names of columns


class Use(NamedTuple):
    target: tuple[str, ...]  # () when only a group
    group: str | None


class SetVariables(NamedTuple):
    pairs: tuple[tuple[str, str, str], ...]  # scope, name, value


class SetProperty(NamedTuple):
    user: str | None
    pairs: tuple[tuple[str, str], ...]


class Show(NamedTuple):
    """The plain ones: SHOW DATABASES, TABLES, DATA, FRONTENDS…"""

    what: str
    target: tuple[str, ...] = ()
    like: str | None = None
    properties: dict[str, str] = {}  # noqa: RUF012 - read only


class CreateDatabase(NamedTuple):
    name: str
    quiet: bool
    properties: dict[str, str]


class DropDatabase(NamedTuple):
    name: str
    quiet: bool


class CreateTable(NamedTuple):
    target: tuple[str, ...]
    quiet: bool
    columns: tuple["ColumnText", ...]
    partitions: "PartitionText"
    engine: str
    properties: dict[str, str]
    tail: str  # the text after the columns, as given
    indexes: tuple[str, ...] = ()


class ColumnText(NamedTuple):
    name: str
    type: str
    rest: str


class PartitionText(NamedTuple):
    column: str = ""
    kind: str = ""
    items: tuple[tuple[str, tuple[str, ...]], ...] = ()  # name and its literals
    auto: str = ""  # LIST, or the unit of date_trunc: partitions are made on INSERT


class CreateView(NamedTuple):
    target: tuple[str, ...]
    quiet: bool
    query: str
    materialized: bool
    head: str = ""  # BUILD … REFRESH …
    tail: str = ""  # keys, comment, buckets, properties
    columns: tuple[str, ...] = ()
    text: str = ""

    @property
    def is_sync(self) -> bool:
        """Nothing but a name and a query: a rollup of its one table."""
        return self.materialized and not (self.head or self.tail or self.columns)


class RefreshView(NamedTuple):
    target: tuple[str, ...]


class RenameDatabase(NamedTuple):
    name: str
    new: str


class CreateFunction(NamedTuple):
    target: tuple[str, ...]
    quiet: bool
    kind: str
    arguments: tuple[str, ...]
    returns: str
    properties: dict[str, str]
    body: str = ""  # of an alias


class DropFunction(NamedTuple):
    target: tuple[str, ...]
    quiet: bool
    arguments: tuple[str, ...]


class ShowCreateFunction(NamedTuple):
    name: str
    arguments: tuple[str, ...]
    database: str | None


class ShowFunctions(NamedTuple):
    target: tuple[str, ...]
    full: bool


class ShowLoad(NamedTuple):
    database: str | None
    label: str | None


class ResumeWarehouse(NamedTuple):
    name: str


class FrontendConfig(NamedTuple):
    like: str | None


class Drop(NamedTuple):
    kind: str  # TABLE, VIEW, MATERIALIZED VIEW
    target: tuple[str, ...]
    quiet: bool
    base: tuple[str, ...] = ()  # of a synchronous materialized view


class AlterTable(NamedTuple):
    target: tuple[str, ...]
    action: str  # add, rename, truncate, set, rollup, replace, swap, add_partition, drop_partition
    column: ColumnText | None = None
    name: str = ""
    properties: dict[str, str] = {}  # noqa: RUF012 - read only
    names: tuple[str, ...] = ()  # columns of a rollup, partitions, the literals of a partition


class Query(NamedTuple):
    """Left to DuckDB: SELECT, INSERT, DELETE, UPDATE, EXPLAIN."""

    sql: str

    @property
    def writes(self) -> bool:
        """Then it is forwarded to the leader."""
        return self.sql.lstrip()[:6].upper() in {"INSERT", "DELETE", "UPDATE"}


class Kill(NamedTuple):
    who: str  # a connection's number, or a query's id
    query_only: bool


class Control(NamedTuple):
    """The stand-in's own: STAND_IN 'json'."""

    text: str
