"""Repositories and what lies in them."""

import json
from typing import Any

from . import clock, labels
from .answers import Done, Rows, table
from .catalogs import masked
from .errors import Refused
from .layout import Repository, StorageError
from .statements import AlterRepository, CreateRepository, ShowSnapshot

FAILED = "Failed to create repository: "


def create(warehouse: Any, asked: CreateRepository) -> Done:
    labels.check_name("repository", asked.name, 256)
    if asked.name in warehouse.repositories:
        raise Refused(f"{FAILED}repository with same name already exist: {asked.name}")
    now = warehouse.clock.now
    made = Repository(next(warehouse.ids), asked.name, asked.location, asked.properties, asked.read_only, now,
                      warehouse.dialect.repository_prefix, warehouse.faults)  # fmt: skip
    try:
        made.take_over(clock.shown(now, warehouse.globals["time_zone"]))
    except StorageError as error:
        raise Refused(f"{FAILED}{error}") from error
    warehouse.repositories[asked.name] = made
    return Done()


def alter(warehouse: Any, asked: AlterRepository) -> Done:
    """New values over the old ones, pinged first; running jobs switch over. Before 4 they stand alone."""
    repository = _known(warehouse, asked.name)
    newer = warehouse.dialect.number >= (4,)
    old = repository.properties
    repository.properties = old | asked.properties if newer else asked.properties
    try:
        repository.connect()
        repository.ping()
    except (StorageError, Refused) as error:
        repository.properties = old
        repository.connect()
        text = "Repository ping failed with new properties" if newer else "Repo can not ping with new s3 properties"
        raise Refused(text) from error
    return Done()


def drop(warehouse: Any, name: str) -> Done:
    """The mapping only, never an object."""
    repository = _known(warehouse, name)
    if any(job.running and job.repository is repository for jobs in warehouse.jobs.values() for job in jobs):
        raise Refused("Backup or restore job is running on this repository. Can not drop it")
    del warehouse.repositories[name]
    return Done()


def _known(warehouse: Any, name: str) -> Repository:
    if name not in warehouse.repositories:
        raise Refused(f"Repository {name} does not exist")
    return warehouse.repositories[name]


def show(warehouse: Any, zone: str) -> Rows:
    starrocks = warehouse.dialect.starrocks
    rows = []
    for each in warehouse.repositories.values():
        _ping(each, clock.shown(warehouse.clock.now, zone))
        row = [each.id, each.name, clock.shown(each.created, zone), str(each.read_only).lower(), each.location, "-"]
        rows.append([*row, *(() if starrocks else ("S3",)), each.error or "\\N"])
    kind = "" if starrocks else "Type "
    return table(f"RepoId RepoName CreateTime IsReadOnly Location Broker {kind}ErrMsg", rows)


def _ping(repository: Repository, moment: str) -> None:
    """The real one pings every ten minutes; here with each look."""
    try:
        repository.ping()
        repository.error = ""
    except StorageError as error:
        repository.error = f"{moment}: {error}"


def show_create(warehouse: Any, name: str) -> Rows:
    """Secrets masked, the name not back-quoted."""
    if name not in warehouse.repositories:
        raise Refused("repository not exist.")
    each = warehouse.repositories[name]
    pairs = ",\n".join(
        f'"{key}" = "{masked(key, value, warehouse.dialect)}"' for key, value in each.properties.items()
    )
    only = "READ ONLY " if each.read_only else ""
    text = f'CREATE {only}REPOSITORY {name}\nWITH S3\nON LOCATION "{each.location}"\nPROPERTIES\n(\n{pairs}\n);'
    return table("RepoName CreateStmt", [(name, text)])


def info(repository: Repository, label: str, timestamp: str) -> dict[str, Any]:
    """For RESTORE."""
    try:
        return repository.info(label, timestamp)
    except StorageError as error:
        text = f"Failed to get info of snapshot '{label}' because: {error}. Maybe specified wrong backup timestamp"
        raise Refused(text) from error


def snapshots(warehouse: Any, asked: ShowSnapshot) -> Rows:
    """A label that is not there is a row with an ERROR, not an empty result."""
    repository = _known(warehouse, asked.repository)
    if asked.label and asked.timestamp:
        return table(
            "Snapshot Timestamp Database Details Status", [_details(repository, asked.label, asked.timestamp)]
        )
    try:
        found = [asked.label] if asked.label else repository.labels()
    except StorageError as error:
        raise Refused(f"Failed to list snapshots: {error}") from error
    return table("Snapshot Timestamp Status", [_snapshot(repository, label) for label in found])


def _snapshot(repository: Repository, label: str) -> tuple[str, str, str]:
    try:
        found = repository.timestamps(label)
    except StorageError as error:
        return label, "\\N", f"ERROR: Failed to get info: {error}"
    if not found:
        return label, "\\N", "ERROR: No info file found"
    return label, "\n".join(found), "OK"


def _details(repository: Repository, label: str, timestamp: str) -> tuple[str, ...]:
    try:
        said = repository.info(label, timestamp)
    except StorageError as error:
        return label, timestamp, "\\N", "\\N", f"Failed to get info: {error}"
    database = said.get("database", said.get("dbName", ""))
    return label, timestamp, database, json.dumps(_brief(said, database), indent=4), "OK"


def _brief(said: dict[str, Any], database: str) -> dict[str, Any]:
    objects = said.get("backup_objects", said.get("tables", {}))
    tables = [{"name": name, "partition_names": list(each["partitions"])} for name, each in objects.items()]
    new = said.get("new_backup_objects", {})
    return {"name": said["name"], "database": database, "backup_time": said.get("backup_time", said.get("backupTime")),
            "content": said.get("content", "ALL"), "olap_table_list": tables,
            "view_list": [{"name": view["name"]} for view in new.get("views", ())], "odbc_table_list": [], "odbc_resource_list": []}  # fmt: skip
