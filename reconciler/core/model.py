"""What the YAML says, as frozen values: the desired state, every default filled in.

Values are NamedTuples: they cost a sixth of a dataclass at start and a third at construction, and a
dry run pays both (docs/decisions/002). Instants are aware and in UTC, durations are whole seconds, paths
are absolute. A union of values is told apart by `match`, never by comparing two kinds with each other.
"""

from datetime import datetime
from typing import NamedTuple

DAY = 86_400
LOCAL_ENGINES = frozenset({"duckdb"})  # the ones whose data goes through this machine, and whose work ends with it
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class SecretReference(NamedTuple):
    """Where a secret is to be read when it is used; never the secret itself. `kind` is env or file."""

    kind: str
    name: str


class LocalStorage(NamedTuple):
    name: str
    path: str


class Role(NamedTuple):
    """A role of AWS that is assumed; its owner may want an external id with it. Neither is a secret."""

    arn: str
    external_id: str | None = None


class S3Storage(NamedTuple):
    """`server_role` is what servers assume that read and write there, instead of being given keys."""

    name: str
    bucket: str
    prefix: str = ""
    region: str | None = None
    endpoint: str | None = None
    access_key: SecretReference | None = None
    secret_key: SecretReference | None = None
    server_role: Role | None = None


Storage = LocalStorage | S3Storage


class Folder(NamedTuple):
    """A folder in which each NAME.duckdb is the database NAME."""

    path: str


class Tls(NamedTuple):
    """Verified by `ca_file`, or by the system's authorities where it is None."""

    ca_file: str | None = None


class Server(NamedTuple):
    """A server that speaks MySQL's protocol; `tls` None means plainly none."""

    hosts: tuple[str, ...]
    port: int
    user: str
    password: SecretReference | None
    tls: Tls | None


Connection = Folder | Server


class Periodic(NamedTuple):
    """Once on each chosen weekday (0 is Monday) of the zone, at the local start time HH:MM:SS."""

    enabled: bool
    backup_every: tuple[int, ...]
    start_time: str
    time_zone: str


class OneTime(NamedTuple):
    start_time: datetime


Schedule = Periodic | OneTime


class Objects(NamedTuple):
    """Patterns in which `*` stands for any run of characters."""

    databases: tuple[str, ...] = ()
    exclude_databases: tuple[str, ...] = ()
    external_catalogs: tuple[str, ...] = ()


class Plan(NamedTuple):
    schedule: Schedule
    objects: Objects
    retention_days: int
    backup_cluster: str | None = None
    keep_last: int = 1
    catch_up: int = DAY // 2
    timeout: int = DAY // 4
    method: str | None = None  # snapshot or export; None leaves it to the warehouse's kind
    skip_unsupported: bool = False
    check_row_counts: bool = False

    @property
    def enabled(self) -> bool:
        return not isinstance(self.schedule, Periodic) or self.schedule.enabled


class Warehouse(NamedTuple):
    """One warehouse as declared; without a plan it is a restore target only."""

    name: str
    engine: str
    connection: Connection
    storage: str | None = None
    plan: Plan | None = None
    previous_name: str | None = None


class FromWarehouse(NamedTuple):
    """`backup_set` is a set's id or "latest"; with `before`, the newest set completed before it."""

    warehouse: str
    backup_set: str | None = None
    before: datetime | None = None


class FromStorage(NamedTuple):
    storage: str
    backup_set: str


class Restore(NamedTuple):
    """A one-shot request. `databases` None means all under their own names; else (source, target) pairs.

    `replace` None means `if_exists: fail`; else the very databases that may be replaced. `restore_properties` are
    the target's own, as (name, value). `timeout` is seconds. `accept_other_etags` takes exported files that were
    written anew since, as a copy of a bucket does.
    """

    id: str
    source: FromWarehouse | FromStorage
    warehouse: str
    cluster: str | None = None
    databases: tuple[tuple[str, str], ...] | None = None
    external_catalogs: tuple[str, ...] = ()
    replace: tuple[str, ...] | None = None
    valid_until: datetime | None = None
    cancel: bool = False
    catalog_secrets: tuple[tuple[str, str, SecretReference], ...] = ()  # (catalog, property, where it is read)
    restore_properties: tuple[tuple[str, str], ...] = ()
    timeout: int = DAY
    accept_other_etags: bool = False


class Hold(NamedTuple):
    backup_set: str
    reason: str
    until: datetime | None = None


class Limits(NamedTuple):
    running_tasks: int = 50
    local_exports: int = 4


class Desired(NamedTuple):
    """The whole configuration. `digest` names the bytes it was read from, `revision` their git commit."""

    installation: str
    storages: dict[str, Storage]
    warehouses: dict[str, Warehouse]
    restores: dict[str, Restore]
    holds: dict[str, Hold]
    limits: Limits
    digest: str
    revision: str | None = None

    @property
    def planned(self) -> dict[str, Warehouse]:
        """The warehouses that have a plan."""
        return {name: entry for name, entry in self.warehouses.items() if entry.plan}
