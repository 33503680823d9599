"""Labels: their rules, what a label's __info says, where its tablets lie."""

import re
from typing import Any

from .errors import Refused
from .layout import Repository, StorageError
from .statements import Item

LABEL = re.compile(r"[-_A-Za-z0-9:]{1,128}")
NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9\-_]*")


def check_label(label: str) -> str:
    if not LABEL.fullmatch(label):
        raise Refused(f"Label format error. regex: ^[-_A-Za-z0-9:]{{1,128}}$, label: {label}", 5064)
    return label


def check_name(what: str, name: str, most: int) -> str:
    if not NAME.fullmatch(name) or len(name) > most:
        raise Refused(f"Incorrect {what} name '{name}'", {"database": 1102}.get(what, 5064))
    return name


def check_table_name(name: str) -> str:
    if not re.fullmatch(r"[a-zA-Z0-9\-_$]{1,64}", name):
        raise Refused(f"Incorrect table name '{name}'. Table name regex is '^[a-zA-Z0-9\\-_$]*$'", 1103)
    return name


def check_free(repository: Repository, label: str) -> None:
    """Taken is what the repository's listing shows, be it a leftover or another database's."""
    try:
        taken = repository.labels()
    except StorageError as error:
        raise Refused(f"Failed to list remote snapshots: {error}") from error
    if label in taken:
        raise Refused(f"Snapshot with name '{label}' already exist in repository")


def expand(database: Any, chosen: tuple[Item, ...] | None) -> list[Item]:
    """ON as one item an object; without ON every table of the moment. StarRocks' ALL TABLES and the like too."""
    if chosen is None:
        return [
            Item(name)
            for name, table in database.tables.items()
            if table.kind in {"OLAP", "VIEW", "MV"} or _fails(table)
        ]
    kinds = {"TABLE": "OLAP", "VIEW": "VIEW", "MATERIALIZED VIEW": "MV", "FUNCTION": "-"}
    found: list[Item] = []
    for item in chosen:
        every = [Item(name) for name, table in database.tables.items() if table.kind == kinds[item.kind]]
        found += every if item.name is None else [item]
    return found


def _fails(table: Any) -> bool:
    """A table of another engine makes the whole statement fail."""
    return table.kind not in {"OLAP", "VIEW", "MV"}


def place(job: Any, tablet: Any) -> tuple[str, ...]:
    return (f"__ss_{job.label}", "__ss_content", f"__db_{job.database.id}", f"__tbl_{tablet.table_id}",
            f"__part_{tablet.partition_id}", f"__idx_{tablet.index_id}", f"__{tablet.id}")  # fmt: skip


def describe(job: Any) -> dict[str, Any]:
    """The content of __info; StarRocks' other keys."""
    milliseconds = int(job.created.timestamp() * 1000)
    if job.warehouse.dialect.starrocks:
        database = {"dbName": job.database_name, "dbId": job.database.id if job.database else -1}
        views = {
            name: {"name": name, "id": 0, "partitions": {}}
            for name, table in job.meta["tables"].items()
            if table["kind"] == "VIEW"
        }
        return {"name": job.label, **database, "backupTime": milliseconds, "tables": _objects(job, starrocks=True) | views,
                "success": True, "metaVersion": 10, "starrocksMetaVersion": 3, "tblAlias": {}}  # fmt: skip
    views = [{"id": job.database.tables[name].id if name in job.database.tables else 0, "name": name}
             for name, table in job.meta["tables"].items() if table["kind"] == "VIEW"]  # fmt: skip
    major, minor, patch = (*job.warehouse.dialect.number, 0, 0)[:3]
    return {
        "name": job.label, "database": job.database_name, "id": job.database.id, "backup_time": milliseconds,
        "content": job.content.upper(), "backup_objects": _objects(job, starrocks=False),
        "new_backup_objects": {"views": views, "odbc_tables": [], "odbc_resources": []}, "backup_result": "succeed",
        "meta_version": 135, "major_version": major, "minor_version": minor, "patch_version": patch,
        "is_force_replication_allocation": False, "tablet_be_map": {}, "tablet_snapshot_path_map": {},
        "table_commit_seq_map": {}, "tblalias": {},
    }  # fmt: skip


def _objects(job: Any, starrocks: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for tablet in job.tablets:
        table = found.setdefault(tablet.table, {"id": tablet.table_id, "partitions": {}})
        index = {
            "id": tablet.index_id,
            "schema_hash": 1,
            "tablets": {str(tablet.id): job.files[tablet.id]},
            "tablets_order": [tablet.id],
        }
        inner = {"id": tablet.partition_id, "version": 2, "indexes": {tablet.table: index}}
        if starrocks:
            table["name"] = tablet.table
            inner = {
                "name": tablet.partition,
                "id": tablet.partition_id,
                "subPartitions": {str(tablet.partition_id): inner},
            }
        table["partitions"][tablet.partition] = inner
    return found


def tablets(info: dict[str, Any]):
    """Of either layout: table, partition, and the way to the tablet's files with their names."""
    starrocks = "tables" in info
    database = info["dbId" if starrocks else "id"]
    for table, described in info["tables" if starrocks else "backup_objects"].items():
        for name, outer in described["partitions"].items():
            for partition in outer["subPartitions"].values() if starrocks else (outer,):
                for index in partition["indexes"].values():
                    for tablet, files in index["tablets"].items():
                        way = (f"__ss_{info['name']}", "__ss_content", f"__db_{database}", f"__tbl_{described['id']}",
                               f"__part_{partition['id']}", f"__idx_{index['id']}", f"__{tablet}")  # fmt: skip
                        yield table, name, way, files
