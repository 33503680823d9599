"""SHOW BACKUP and SHOW RESTORE. All columns are strings."""

from typing import Any

from . import clock, jobs
from .answers import Rows, table
from .catalogs import matches
from .statements import ShowJobs

BACKUP = ("JobId SnapshotName DbName State BackupObjs CreateTime SnapshotFinishedTime UploadFinishedTime FinishedTime "
          "UnfinishedTasks Progress TaskErrMsg Status Timeout")  # fmt: skip
RESTORE = ("JobId Label Timestamp DbName State AllowLoad ReplicationNum ReplicaAllocation ReserveReplica "
           "ReserveDynamicPartitionEnable RestoreObjs CreateTime MetaPreparedTime SnapshotFinishedTime DownloadFinishedTime "
           "FinishedTime UnfinishedTasks Progress TaskErrMsg Status Timeout")  # fmt: skip


def job_rows(session: Any, asked: ShowJobs) -> Rows:
    """The history of one database, oldest first. Then the clock goes on."""
    warehouse = session.warehouse
    found = _of_starrocks(session, asked) if warehouse.dialect.starrocks else _of_doris(session, asked)
    shown = [job for job in found if job.kind == asked.kind and _fits(asked.label, job.label)]
    zone = session.variable("time_zone")
    answer = (
        _backups(shown, zone) if asked.kind == "backup" else _restores(shown, zone, warehouse.dialect.starrocks)
    )
    warehouse.clock.looked()
    return _without(answer, {"RestoreObjs", "Progress", "TaskErrMsg"}) if asked.brief else answer


def _of_doris(session: Any, asked: ShowJobs) -> list:
    database = session.job_database(asked.database)
    session.user.needs_load(database.name, show=True)
    return list(jobs.of(session.warehouse, database))


def _of_starrocks(session: Any, asked: ShowJobs) -> list:
    """Without FROM that of all; an empty set, not a refusal, for who has no right."""
    histories = (
        session.warehouse.jobs.values()
        if asked.database is None
        else [jobs.of(session.warehouse, session.job_database(asked.database))]
    )
    user = session.user
    return [job for history in histories for job in history if user.admin or user.load & {"*", job.database_name}]


def _fits(pattern: Any, label: str) -> bool:
    return pattern is None or (matches(pattern.value, label) if pattern.like else pattern.value == label)


def _backups(found: list, zone: str) -> Rows:
    return table(BACKUP, [
        (job.id, job.label, job.database_name, job.state, job.objects, clock.shown(job.created, zone), job.time("snapshot", zone),
         job.time("upload", zone), job.time("finished", zone), job.unfinished, job.progress, job.task_errors, job.status_text, job.timeout)
        for job in found
    ])  # fmt: skip


def _restores(found: list, zone: str, starrocks: bool) -> Rows:
    answer = table(RESTORE, [_restore(job, zone) for job in found])
    return (
        _without(answer, {"ReplicaAllocation", "ReserveReplica", "ReserveDynamicPartitionEnable"})
        if starrocks
        else answer
    )


def _restore(job: Any, zone: str) -> tuple:
    flags = [str(job.asks(name)).lower() for name in ("reserve_replica", "reserve_dynamic_partition_enable")]
    return (job.id, job.label, job.timestamp, job.database_name, job.state, str(job.asks("allow_load")).lower(), job.replication,
            f"tag.location.default: {job.replication}", *flags, job.objects, clock.shown(job.created, zone), job.time("meta", zone),
            job.time("snapshot", zone), job.time("download", zone), job.time("finished", zone), job.unfinished, job.progress,
            job.task_errors, job.status_text, job.timeout)  # fmt: skip


def _without(answer: Rows, names: set[str]) -> Rows:
    kept = [number for number, name in enumerate(answer.columns) if name not in names]
    return Rows(
        tuple(answer.columns[number] for number in kept),
        [tuple(row[number] for number in kept) for row in answer.rows],
    )
