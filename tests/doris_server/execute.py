"""A statement's value to its answer: who may, where it runs (leader or here), which room carries it out."""

import json
from typing import Any

from . import (
    backup_job,
    catalogs,
    grammar,
    groups,
    jobs,
    labels,
    processes,
    queries,
    repositories,
    restore_submit,
    show_jobs,
    shows,
    starrocks_shows,
    tables_ddl,
    transactions,
    user_functions,
)
from . import statements as s
from .answers import Done, Rows, table
from .errors import Refused
from .session import Session

FORWARDED = (s.Backup, s.Restore, s.Cancel, s.CreateRepository, s.AlterRepository, s.DropRepository, s.ShowJobs, s.CreateDatabase,
             s.DropDatabase, s.CreateTable, s.CreateView, s.Drop, s.AlterTable, s.RenameDatabase,
             s.CreateFunction, s.DropFunction, s.CreateCatalog, s.DropCatalog, s.AlterCatalog)  # fmt: skip
ADMIN = (s.CreateRepository, s.AlterRepository, s.DropRepository, s.ShowRepositories, s.ShowCreateRepository, s.ShowSnapshot,
         s.CreateCatalog, s.DropCatalog, s.AlterCatalog, s.Control)  # fmt: skip


def run(session: Session, sql: str, trap: Any = None) -> Rows | Done:
    """Under the warehouse's lock: one statement at a time, and the jobs first go on to where the clock is."""
    with session.warehouse.lock:
        session.begin(sql, trap)
        try:
            session.catch_up()
            asked = grammar.parse(sql, session.warehouse.dialect)
            if isinstance(asked, ADMIN):
                session.user.needs_admin()
            if isinstance(asked, FORWARDED) or (isinstance(asked, s.Query) and asked.writes):
                _forward(session)
            answer = _answer(session, asked)
            processes.pause(session, "end")
            return answer
        finally:
            session.end()


def _forward(session: Session) -> None:
    """To the leader, or refused without one."""
    warehouse = session.warehouse
    if warehouse.faults.not_ready:
        raise Refused("Node catalog is not ready, please wait for a while. To get help, check log/fe.log.", 1105)
    if warehouse.leader in warehouse.stopped:
        port = warehouse.ports[warehouse.leader]
        raise Refused(f"forward to master FE 127.0.0.1:{port} : failed", 1105)


def _answer(session: Session, asked: Any) -> Rows | Done:
    return HOW[type(asked)](session, asked) or Done()


def _backup(session: Session, asked: s.Backup) -> None:
    database = None if asked.catalogs is not None else session.job_database(asked.database)
    session.user.needs_load(database.name if database else None)
    _cloud_backup(session)
    asked = asked._replace(label=_label(session, asked.label))
    if database is None:
        chosen = asked.catalogs or tuple(session.warehouse.catalogs)
        for name in chosen:
            catalogs.known(session.warehouse, name)
        asked = asked._replace(catalogs=chosen)
    backup_job.submit(session.warehouse, database, asked)


def _refuse_shared_data(dialect: Any) -> None:
    """StarRocks' documentation says that it cannot; the words are the stand-in's own [?]."""
    if dialect.cloud and dialect.starrocks:
        raise Refused("Getting analyzing error. Detail message: BACKUP and RESTORE are not supported in shared-data mode.", 1064)


def _cloud_backup(session: Session) -> None:
    dialect = session.warehouse.dialect
    _refuse_shared_data(dialect)
    if dialect.cloud and dialect.has("-denied"):
        raise Refused("denied", 1105)
    if dialect.cloud:
        raise Refused("BACKUP and RESTORE are not supported by the cloud mode yet")


def _cloud_restore(session: Session) -> None:
    """An FE config allows it in newer ones, and then a compute group must be chosen."""
    dialect, warehouse = session.warehouse.dialect, session.warehouse
    _refuse_shared_data(dialect)
    if not dialect.cloud:
        return
    if not dialect.has("-cloud_restore"):
        raise Refused("BACKUP and RESTORE are not supported by the cloud mode yet")
    if not warehouse.cloud_restore:
        raise Refused(
            "Restore is not supported in cloud mode unless the config experimental_enable_cloud_restore_job is true"
        )
    if not (session.group or session.variables.get("cloud_cluster") or session.user.default_group):
        raise Refused("A compute group must be chosen: USE @compute_group", 5099)


def _restore(session: Session, asked: s.Restore) -> None:
    """The database must be there. StarRocks makes it."""
    warehouse = session.warehouse
    name = asked.database or session.database
    if warehouse.dialect.starrocks and asked.catalogs is None and name and name not in warehouse.databases:
        session.user.needs_load(name)
        repositories.info(
            warehouse.repository(asked.repository), asked.label, asked.properties.get("backup_timestamp", "")
        )
        warehouse.create_database(name)
    database = None if asked.catalogs is not None else session.job_database(name)
    session.user.needs_load(database.name if database else None)
    _cloud_restore(session)
    restore_submit.submit(warehouse, database, asked._replace(label=_label(session, asked.label)))


def _label(session: Session, label: str) -> str:
    """Lower-cased together with the tables' names."""
    labels.check_label(label)
    return label.lower() if session.variable("lower_case_table_names") != "0" else label


def _cancel(session: Session, asked: s.Cancel) -> None:
    database = None if asked.catalogs else session.job_database(asked.database)
    session.user.needs_load(database.name if database else None)
    jobs.cancel(session.warehouse, database, asked.kind)


def _set(session: Session, asked: s.SetVariables) -> None:
    for scope, name, value in asked.pairs:
        session.set(scope, name, value)


def _set_property(session: Session, asked: s.SetProperty) -> None:
    for key, value in asked.pairs:
        if key not in {"default_compute_group", "default_cloud_cluster"}:
            raise Refused(f"Unknown user property({key})", 1105)
        if value not in session.warehouse.groups:
            raise Refused(f"Compute Group {value} not exist", 5098)
        session.warehouse.users.known[asked.user or session.user.name].default_group = value


def _control(session: Session, asked: s.Control) -> Rows:
    """STAND_IN '{"fault": "drop_after", "statement": "^BACKUP"}', or {"do": "step"}: what a test in process calls."""
    words = json.loads(asked.text)
    on = session.warehouse.faults if "fault" in words else session.warehouse.control
    name = words.pop("fault", None) or words.pop("do")
    if name.startswith("_"):
        raise Refused(f"no such switch: {name}", 1105)
    return table("Answer", [(json.dumps(getattr(on, name)(**words), default=str),)])


def _snapshot(session: Session, asked: s.ShowSnapshot) -> Rows:
    return repositories.snapshots(session.warehouse, asked)


HOW: dict[type, Any] = {
    s.Query: lambda session, asked: queries.run(session, asked.sql),
    s.ShowTransaction: lambda session, asked: transactions.shown(session, asked.database, asked.label),
    s.Backup: _backup,
    s.Restore: _restore,
    s.Cancel: _cancel,
    s.ShowJobs: show_jobs.job_rows,
    s.CreateRepository: lambda session, asked: repositories.create(session.warehouse, asked),
    s.AlterRepository: lambda session, asked: repositories.alter(session.warehouse, asked),
    s.DropRepository: lambda session, asked: repositories.drop(session.warehouse, asked.name),
    s.ShowRepositories: lambda session, _: repositories.show(session.warehouse, session.variable("time_zone")),
    s.ShowCreateRepository: lambda session, asked: repositories.show_create(session.warehouse, asked.name),
    s.ShowSnapshot: _snapshot,
    s.CreateCatalog: lambda session, asked: catalogs.create(session.warehouse, asked),
    s.DropCatalog: lambda session, asked: catalogs.drop(session.warehouse, asked),
    s.AlterCatalog: lambda session, asked: catalogs.alter(session.warehouse, asked),
    s.ShowCatalogs: lambda session, asked: catalogs.show(
        session.warehouse, asked.like, session.catalog, session.variable("time_zone")
    ),
    s.ShowCatalog: lambda session, asked: catalogs.show_one(session.warehouse, asked.name, asked.create),
    s.ShowGroups: lambda session, asked: groups.shown(session, asked.clusters),
    s.Kill: lambda session, asked: processes.kill(session, asked.who, asked.query_only),
    s.Show: shows.plain,
    s.Use: lambda session, asked: session.use(asked.target, asked.group),
    s.SetVariables: _set,
    s.SetProperty: _set_property,
    s.CreateDatabase: tables_ddl.create_database,
    s.DropDatabase: tables_ddl.drop_database,
    s.RenameDatabase: tables_ddl.rename_database,
    s.CreateTable: tables_ddl.create_table,
    s.CreateView: tables_ddl.create_view,
    s.RefreshView: lambda session, asked: tables_ddl.refresh(session, session.find(asked.target)),
    s.Drop: tables_ddl.drop,
    s.AlterTable: tables_ddl.alter_table,
    s.CreateFunction: user_functions.create,
    s.DropFunction: user_functions.drop,
    s.ShowFunctions: lambda session, asked: user_functions.shown(session, asked.target, asked.full),
    s.ShowCreateFunction: user_functions.show_create,
    s.ShowLoad: lambda session, asked: transactions.loads(session, asked.database, asked.label),
    s.FrontendConfig: shows.frontend_config,
    s.ResumeWarehouse: lambda session, asked: starrocks_shows.resume(session, asked.name),
    s.Control: _control,
}
