"""RESTORE."""

import dataclasses
import json
import re
import zlib
from typing import Any

from . import jobs, labels
from .layout import StorageError, md5
from .statements import Item
from .tables import Definition, Table


@dataclasses.dataclass
class Target:
    """One object of the snapshot on its way into the database."""

    source: str
    name: str
    definition: Definition
    existing: Table | None
    made: Table | None = None  # new: visible in state RESTORE, or hidden with atomic_restore


class RestoreJob(jobs.Job):
    kind = "restore"

    def __init__(self, *arguments: Any, info: dict[str, Any], items: tuple[Item, ...]) -> None:
        super().__init__(*arguments)
        self.info, self.items = info, items
        self.targets: list[Target] = []
        self.content: dict[tuple[str, str], bytes] = {}
        self.catalogs: dict[str, list] = {}

    @property
    def timestamp(self) -> str:
        return self.properties["backup_timestamp"]

    @property
    def objects(self) -> str:
        return ", ".join(f"[{self.database_name}.{item.alias or item.name}]" for item in self.items)

    @property
    def replication(self) -> str:
        """`replication_num`, or the number in replication_allocation; else 3, and 1 in the cloud mode."""
        found = re.search(
            r"(\d+)\s*$",
            self.properties.get("replication_num") or self.properties.get("replication_allocation", ""),
        )
        return found[1] if found else ("1" if self.warehouse.dialect.cloud else "3")

    def asks(self, name: str) -> bool:
        return self.properties.get(name, "false").lower() == "true"

    def _pending(self) -> None:
        """Everything that the existing tables may refuse is found here: the statement itself was accepted."""
        self.id = next(self.warehouse.ids)
        try:
            meta = json.loads(zlib.decompress(self.repository.meta(self.label)))
        except StorageError as error:
            raise jobs.Cancelled(str(error)) from error
        self.catalogs = {
            item.alias or item.name: meta["catalogs"][item.name] for item in self.items if item.kind == "CATALOG"
        }
        self.targets = [
            self._target(item, meta["tables"][item.name]) for item in self.items if item.kind != "CATALOG"
        ]
        for target in self.targets:
            self._check(target)
        self.times["meta"] = self.now
        if "CREATING" not in self.states:
            self._creating()

    def _creating(self) -> None:
        for target in self.targets:
            if target.definition.kind != "VIEW":
                self._make(target)

    def _snapshoting(self) -> None:
        self.times["snapshot"] = self.now
        self.unfinished = f"[{self.id + 1}=10002]"

    def _download(self) -> None:
        self.progress = f"[{self.id + 1}: 0/{len(self.targets)}]"

    def _downloading(self) -> None:
        """Every file is fetched, and compared with the MD5 in its name; a bad one is tried again till the timeout."""
        wanted = {item.name for item in self.items}
        for table, partition, way, files in labels.tablets(self.info):
            for name in files if table in wanted else ():
                content = self.repository.get(*way, name)
                if not name.endswith(md5(content)):
                    raise StorageError(f"[IO_ERROR]md5sum of {name} mismatch, actual {md5(content)}")
                if ".dat." in name:
                    self.content[table, partition] = content
        self.times["download"] = self.now
        self.unfinished = self.progress = ""

    def _commit(self) -> None:
        for target in self.targets:
            self._fill(target)

    def _committing(self) -> None:
        for target in self.targets:
            self._put_in_place(target)
        for name, (comment, properties) in self.catalogs.items():
            self.warehouse.create_catalog(name, comment, properties)
        if self.asks("clean_tables"):
            kept = {target.name for target in self.targets}
            for name in [name for name in self.database.tables if name not in kept]:
                self.warehouse.drop_table(self.database, name)

    def undo(self) -> None:
        """New tables go, existing ones are NORMAL again; what COMMIT overwrote is gone."""
        for target in self.targets:
            if target.made:
                self.warehouse.store.drop(target.made)
                if self.database.tables.get(target.name) is target.made:
                    del self.database.tables[target.name]
                target.made = None
            if target.existing:
                target.existing.state = "NORMAL"

    def _target(self, item: Item, stored: dict) -> Target:
        saved = Definition.from_json(stored)
        name = item.alias or str(item.name)
        return Target(str(item.name), name, self._adapted(saved, item), self.database.tables.get(name))

    def _adapted(self, saved: Definition, item: Item) -> Definition:
        """The object as this restore makes it: replicas, dynamic partitions, colocation, chosen partitions."""
        if saved.kind == "VIEW":
            return dataclasses.replace(saved, query=self._moved(saved.query))
        tail = saved.tail
        if not self.asks("reserve_dynamic_partition_enable"):
            tail = re.sub(r'("dynamic_partition\.enable"\s*=\s*)"true"', r'\1"false"', tail)
        if not self.asks("reserve_colocate"):
            tail = re.sub(r'"colocate_with"\s*=\s*"[^"]*"\s*,?\s*', "", tail)
        backed_up = [name for table, name, *_ in labels.tablets(self.info) if table == item.name]
        wanted = item.partitions or backed_up
        parts = saved.partitions._replace(items=tuple(each for each in saved.partitions.items if each[0] in wanted))
        replication = saved.replication if self.asks("reserve_replica") else self.replication
        colocate = saved.colocate if self.asks("reserve_colocate") else ""
        return dataclasses.replace(saved, tail=tail, partitions=parts, replication=replication, colocate=colocate)

    def _moved(self, query: str) -> str:
        """A view's text names the source's database; here the target's stands in its place [?]."""
        source = self.info.get("database", self.info.get("dbName"))
        if source == self.database_name:
            return query
        return re.sub(rf"(`{re.escape(source)}`|\b{re.escape(source)}\b)\s*\.", f"`{self.database_name}`.", query)

    def _check(self, target: Target) -> None:
        """In the server's own texts."""
        local, wanted, name = target.existing, target.definition, target.name
        if local is None:
            return
        what = "View" if wanted.kind == "VIEW" else "Table"
        if local.state != "NORMAL":
            raise jobs.Cancelled(f"Table {name}'s state is not NORMAL: {local.state}")
        if local.kind != wanted.kind or local.definition.query != wanted.query:
            raise jobs.Cancelled(f"{what} {name} already exist but with different schema")
        if local.definition.schema != wanted.schema and not self.asks("force_replace"):
            raise jobs.Cancelled(f"{what} {name} already exist but with different schema")
        if wanted.kind != "VIEW" and not self.asks("atomic_restore"):
            self._check_partitions(target, local)

    def _check_partitions(self, target: Target, local: Table) -> None:
        if self.warehouse.dialect.cloud:
            raise jobs.Cancelled(f"Table {target.name}: restore onto existing partitions is not supported now.")
        if local.definition.colocate:
            raise jobs.Cancelled(f"Not support to restore to local table {target.name} with colocate group.")
        here = dict(local.definition.partitions.items)
        for partition, values in target.definition.partitions.items:
            if here.get(partition, values) != values:
                raise jobs.Cancelled(
                    f"Partition {partition} in table {target.name} has different partition item with partition in repository"
                )
        if local.definition.replication != target.definition.replication:
            first = next(iter(local.partitions))
            raise jobs.Cancelled(
                f"Partition {first} in table {target.name} has different replication num '{local.definition.replication}' "
                f"with partition in repository, which is {target.definition.replication}"
            )

    def _make(self, target: Target) -> None:
        hidden = self.asks("atomic_restore") and target.existing
        if target.existing and not hidden:
            target.existing.state = "RESTORE"
            return
        target.made = self.warehouse.new_table(target.name, target.definition)
        if not hidden:
            target.made.state = "RESTORE"
            self.database.tables[target.name] = target.made

    def _fill(self, target: Target) -> None:
        """Rows into the new table; in an existing one partitions are replaced, missing ones added."""
        if target.definition.kind == "VIEW":
            return
        table, store = target.made or target.existing, self.warehouse.store
        if target.existing and not target.made:
            self._merge_partitions(target, target.existing)
        for partition, predicate in target.definition.predicates(target.source).items():
            store.delete(table, predicate)
            if (target.source, partition) in self.content:
                store.load(table, self.content[target.source, partition])

    def _merge_partitions(self, target: Target, local: Table) -> None:
        here, there = dict(local.definition.partitions.items), dict(target.definition.partitions.items)
        if self.asks("clean_partitions"):
            predicates = local.definition.predicates(local.name)
            for name in [name for name in here if name not in there]:
                self.warehouse.store.delete(local, predicates[name])
                del here[name], local.partitions[name]
        merged = local.definition.partitions._replace(items=tuple((here | there).items()))
        local.definition = dataclasses.replace(local.definition, partitions=merged)
        for name in there:
            local.partitions.setdefault(name, next(self.warehouse.ids))

    def _put_in_place(self, target: Target) -> None:
        if target.definition.kind == "VIEW":
            if target.existing is None:
                self.warehouse.create_table(self.database, target.name, target.definition)
            return
        table = target.made or target.existing
        if target.made and target.existing:
            self.warehouse.store.drop(target.existing)
        table.state, self.database.tables[target.name] = "NORMAL", table
        target.made = None
