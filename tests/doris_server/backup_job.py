"""BACKUP."""

import json
import zlib
from typing import Any, NamedTuple

from . import clock, jobs, labels
from .errors import Refused, unknown_table
from .statements import Backup, Item
from .tables import Table

KNOWN = {"type": ("full", "incremental"), "timeout": (), "content": ("all", "metadata_only")}


class Tablet(NamedTuple):
    """The one tablet that a partition has here, with the rows as they were when the snapshot was made."""

    table: str
    table_id: int
    partition: str
    partition_id: int
    index_id: int
    id: int
    rows: bytes


class BackupJob(jobs.Job):
    kind = "backup"

    def __init__(self, *arguments: Any, items: tuple[Item, ...], catalogs: tuple[str, ...] = ()) -> None:
        super().__init__(*arguments)
        self.items, self.catalogs = items, catalogs
        self.tablets: list[Tablet] = []
        self.files: dict[int, list[str]] = {}
        self.meta: dict[str, Any] = {}
        self.content = self.properties.get("content", "all").lower()

    @property
    def objects(self) -> str:
        """BackupObjs: [db.t1], [db.t2]"""
        return ", ".join(f"[{self.database_name}.{item.name}]" for item in self.items)

    @property
    def timestamp(self) -> str:
        """The job's create time in the server's zone; StarRocks adds milliseconds."""
        local = self.created.astimezone(clock.zone(self.warehouse.job_zone))
        text = local.strftime("%Y-%m-%d-%H-%M-%S")
        return f"{text}-{local.microsecond // 1000:03d}" if self.warehouse.dialect.starrocks else text

    def _pending(self) -> None:
        self.id = next(self.warehouse.ids)
        if not self._present() and not self.catalogs and self.warehouse.dialect.has("-leaves_out_dropped"):
            raise jobs.Cancelled("no valid tables found for backup", "NOT_FOUND")
        involved = sum(len(table.partitions) for _, table in self._present())
        if involved > self.warehouse.most_tablets:
            raise jobs.Cancelled(
                f"the num of involved tablets {involved} exceeds the limit {self.warehouse.most_tablets}"
            )  # [?]
        self.unfinished = f"[{self.id + 1}=10002]"

    def _snapshoting(self) -> None:
        self.tablets = [tablet for item, table in self._present() for tablet in self._tablets(item, table)]
        definitions = {item.name: table.definition.to_json() for item, table in self._present()}
        known = self.warehouse.catalogs
        catalogs = {name: [known[name].comment, known[name].properties] for name in self.catalogs}
        self.meta = {"tables": definitions, "catalogs": catalogs, "items": [item[:2] for item in self.items]}
        self.times["snapshot"] = self.now

    def _upload_snapshot(self) -> None:
        self.progress = f"[{self.id + 1}: 0/{2 * len(self.tablets)}]"

    def _uploading(self) -> None:
        broken, self.warehouse.faults.content = self.warehouse.faults.content, ""
        for tablet in self.tablets:
            self.files[tablet.id] = self._upload(tablet, broken)
            broken = ""
        self.times["upload"] = self.now
        self.unfinished = self.progress = ""

    def _save_meta(self) -> None:
        """Local files of the leader."""

    def _upload_info(self) -> None:
        """__meta, then __info last. An error here is tried again until the timeout."""
        below = f"__ss_{self.label}"
        self.repository.put(zlib.compress(json.dumps(self.meta).encode()), below, "__meta")
        described = labels.describe(self)
        self.repository.put(
            json.dumps(described, separators=(",", ":")).encode(), below, f"__info_{self.timestamp}"
        )

    def _present(self) -> list[tuple[Item, Table]]:
        """Those not dropped meanwhile: left out, or the job's end on older ones."""
        if self.database is None:
            return []
        gone = [item.name for item in self.items if item.name not in self.database.tables]
        if gone and not self.warehouse.dialect.has("-leaves_out_dropped"):
            raise jobs.Cancelled(f"table {gone[0]} does not exist", "NOT_FOUND")
        return [(item, self.database.tables[item.name]) for item in self.items if item.name not in gone]

    def _tablets(self, item: Item, table: Table) -> list[Tablet]:
        if table.kind == "VIEW":
            return []
        found, ids = [], self.warehouse.ids
        index = next(ids)
        for name, predicate in table.definition.predicates(table.name).items():
            if not item.partitions or name in item.partitions:
                rows = self.warehouse.store.parquet(table, predicate)
                found.append(Tablet(table.name, table.id, name, table.partitions[name], index, next(ids), rows))
        return found

    def _upload(self, tablet: Tablet, broken: str) -> list[str]:
        """Rows as Parquet in place of the .dat file, and the .hdr beside it."""
        if self.content == "metadata_only":
            return []
        place = labels.place(self, tablet)
        header = json.dumps({"tablet_id": tablet.id, "table": tablet.table}).encode()
        suffix = "0" * 32 if broken == "wrong_md5" else None
        rows = self.repository.put(tablet.rows, *place, f"0200000000000{tablet.id:x}_0.dat", suffix=suffix)
        if broken == "missing":
            self.repository.client.delete_object(
                Bucket=self.repository.bucket, Key=self.repository.key(*place, rows)
            )
        return [rows, self.repository.put(header, *place, f"{tablet.id}.hdr")]


def submit(warehouse: Any, database: Any, asked: Backup) -> jobs.Job:
    """The checks that are made before the job exists."""
    repository = warehouse.repository(asked.repository)
    jobs.check_free(warehouse, database, asked.label)
    if repository.read_only:
        raise Refused(f"Repository {repository.name} is read only")
    _check_properties(warehouse, asked.properties)
    items = () if database is None else _items(warehouse, database, asked)
    labels.check_free(repository, asked.label)
    job = BackupJob(
        warehouse, database, asked.label, repository, asked.properties, items=items, catalogs=asked.catalogs or ()
    )
    return jobs.submit(warehouse, job)


def _check_properties(warehouse: Any, properties: dict[str, str]) -> None:
    known = {key: value for key, value in KNOWN.items() if key != "content" or not warehouse.dialect.starrocks}
    unknown = [key for key in properties if key not in known]
    if unknown:
        raise Refused(f"Unknown backup job properties: [{', '.join(unknown)}]", 1105)
    if properties.get("type", "full").lower() not in KNOWN["type"]:
        raise Refused(f"Invalid backup job type: {properties['type']}", 1105)
    if properties.get("content", "all").lower() not in KNOWN["content"]:
        raise Refused(f"Invalid backup job content:{properties['content']}", 1105)


def _items(warehouse: Any, database: Any, asked: Backup) -> tuple[Item, ...]:
    """What gets in, by the kind of table."""
    chosen = labels.expand(database, asked.chosen)
    names = [item.name for item in chosen]
    for name in names:
        if names.count(name) > 1:
            raise Refused(f"Duplicated table: {name}", 1105)
    excluded = {item.name for item in asked.excluded if not item.partitions}
    return tuple(item for item in chosen if item.name not in excluded and _goes_in(database, item))


def _goes_in(database: Any, item: Item) -> bool:
    if item.name not in database.tables:
        raise unknown_table(str(item.name))
    table = database.tables[item.name]
    for partition in item.partitions:
        if partition not in table.partitions:
            raise Refused(f"Unknown partition {partition} in table{table.name}")
    if table.kind == "MV":
        return False  # silently
    if table.kind not in {"OLAP", "VIEW"}:
        raise Refused(f"Table '{table.name}' is not a OLAP table", 5000)
    if table.state != "NORMAL":
        raise Refused(f"Table {table.name}'s state is not NORMAL: {table.state}")
    return True
