"""RESTORE as it is accepted or refused, before there is a job."""

import json
import zlib
from typing import Any

from . import dialect, jobs, labels, repositories
from .errors import Refused
from .restore_job import RestoreJob
from .statements import Item, Restore


def submit(warehouse: Any, database: Any, asked: Restore) -> jobs.Job:
    repository = warehouse.repository(asked.repository)
    jobs.check_free(warehouse, database, asked.label)
    _check_properties(warehouse, asked.properties)
    timestamp = asked.properties["backup_timestamp"]
    info = repositories.info(repository, asked.label, timestamp)
    items = _catalogs(info, asked, repository) if asked.catalogs is not None else _items(info, asked)
    job = RestoreJob(warehouse, database, asked.label, repository, asked.properties, info=info, items=items)
    return jobs.submit(warehouse, job)


def _check_properties(warehouse: Any, properties: dict[str, str]) -> None:
    if "backup_timestamp" not in properties:
        raise Refused("Missing backup_timestamp property", 1105)
    unknown = [key for key in properties if key not in warehouse.dialect.restore_properties]
    if unknown:
        raise Refused(f"Unknown restore job properties: [{', '.join(unknown)}]", 1105)
    for key in dialect.BOOLEANS & properties.keys():
        if properties[key].lower() not in {"true", "false"}:
            raise Refused(f"Invalid boolean property {key} value: {properties[key]}", 1105)
    for key in dialect.NOT_IN_CLOUD if warehouse.dialect.cloud else ():
        if properties.get(key, "false").lower() == "true":
            raise Refused(f"{key} is not supported now.")


def _items(info: dict[str, Any], asked: Restore) -> tuple[Item, ...]:
    """Without ON everything. EXCLUDE is for nothing with whole tables, as in the real one."""
    partitions: dict[str, tuple[str, ...]] = {}
    for table, partition, *_ in labels.tablets(info):
        partitions[table] = (*partitions.get(table, ()), partition)
    views = [view["name"] for view in info.get("new_backup_objects", {}).get("views", ())]
    views += [name for name, table in info.get("tables", {}).items() if not table["partitions"]]
    if asked.chosen is None or any(item.name is None for item in asked.chosen):
        excluded = {item.name for item in asked.excluded}
        return (*map(Item, partitions), *(Item(view) for view in views if view not in excluded))
    for item in asked.chosen:
        if item.name not in partitions and item.name not in views:
            raise Refused(f"Table {item.name} does not exist in snapshot {asked.label}")
        for partition in item.partitions:
            if partition not in partitions.get(item.name, ()):
                raise Refused(
                    f"Partition {partition} of table {item.name} does not exist in snapshot {asked.label}"
                )
    return asked.chosen


def _catalogs(info: dict[str, Any], asked: Restore, repository: Any) -> tuple[Item, ...]:
    """A snapshot of external catalogs has no database's name."""
    if info.get("dbName"):
        raise Refused(f"Snapshot {asked.label} is not one of external catalogs", 1064)
    saved = json.loads(zlib.decompress(repository.meta(asked.label)))["catalogs"]
    for item in asked.catalogs or ():
        if item.name not in saved:
            raise Refused(f"Catalog {item.name} does not exist in snapshot {asked.label}", 1064)
    return tuple(item._replace(kind="CATALOG") for item in asked.catalogs or map(Item, saved))
