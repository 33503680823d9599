"""The forms of SHOW."""

from . import ddl
from . import statements as s
from .dialect import Dialect
from .errors import Refused
from .words import Reader

WHERE_BACKUP = 'Where clause should like: SnapshotName = "your_snapshot_name", or SnapshotName LIKE "matcher"'
WHERE_RESTORE = 'Where clause should like: LABEL = "your_label_name", or LABEL LIKE "matcher"'
WHERE_SNAPSHOT = (
    'Where clause should be looks like: SNAPSHOT = "your_snapshot_name" [AND TIMESTAMP = "2018-04-18-19-19-10"]'
)
PLAIN = {  # what follows it: a target, a LIKE
    "FRONTENDS": "", "BACKENDS": "", "DATABASES": "like", "SCHEMAS": "like", "GRANTS": "", "ALL GRANTS": "",
    "PROC": "text", "CREATE TABLE": "target", "CREATE VIEW": "target", "CREATE DATABASE": "target",
    "VARIABLES": "like", "GLOBAL VARIABLES": "like", "PROCESSLIST": "",
    "FULL PROCESSLIST": "",
}  # fmt: skip


def show(reader: Reader, dialect: Dialect):
    if reader.take("BACKUP"):
        return _jobs(reader, "backup", "SnapshotName", WHERE_BACKUP)
    if not dialect.starrocks and reader.take("BRIEF", "RESTORE"):
        return _jobs(reader, "restore", "Label", WHERE_RESTORE)._replace(brief=True)
    if reader.take("RESTORE"):
        return _jobs(reader, "restore", "Label", WHERE_RESTORE)
    if reader.take("SNAPSHOT", "ON"):
        return _snapshot(reader)
    if not dialect.starrocks and reader.take("TRANSACTION"):
        reader.expect("FROM")
        database = reader.name()
        reader.expect("WHERE", "LABEL", "=")
        return s.ShowTransaction(database, reader.text())
    if reader.take("REPOSITORIES"):
        return s.ShowRepositories()
    return _catalogs(reader, dialect) or _groups(reader, dialect) or _functions(reader) or _tables(reader) or _plain(reader)


def _jobs(reader: Reader, kind: str, column: str, hint: str) -> s.ShowJobs:
    """SHOW BACKUP and SHOW RESTORE: one condition on the label, no other."""
    database = reader.name() if reader.take("FROM") else None
    if not reader.take("WHERE"):
        return s.ShowJobs(kind, database, None)
    if not reader.take(column.upper()):
        raise Refused(hint, 1105)
    like = reader.take("LIKE")
    if not like:
        reader.expect("=")
    pattern = s.Pattern(reader.text(), like)
    if reader.next.kind != "end":
        raise Refused(hint, 1105)
    return s.ShowJobs(kind, database, pattern)


def _snapshot(reader: Reader) -> s.ShowSnapshot:
    """TIMESTAMP alone is refused."""
    repository, found = reader.name(), {}
    if reader.take("WHERE"):
        found = dict(_condition(reader))
        if "SNAPSHOT" not in found:
            raise Refused(WHERE_SNAPSHOT, 1105)
    return s.ShowSnapshot(repository, found.get("SNAPSHOT"), found.get("TIMESTAMP"))


def _condition(reader: Reader):
    while True:
        key = reader.one_of("SNAPSHOT", "TIMESTAMP", "SNAPSHOTTYPE")
        reader.expect("=")
        yield key, reader.text()
        if not reader.take("AND"):
            return


def _catalogs(reader: Reader, dialect: Dialect):
    if reader.take("CATALOGS"):
        return s.ShowCatalogs(reader.text() if reader.take("LIKE") else None)
    if reader.take("CREATE", "CATALOG"):
        return s.ShowCatalog(reader.name(), create=True)
    if not dialect.starrocks and reader.take("CATALOG"):
        return s.ShowCatalog(reader.name(), create=False)
    if not dialect.starrocks and reader.take("CREATE", "REPOSITORY", "FOR"):
        return s.ShowCreateRepository(reader.name())
    return None


def _groups(reader: Reader, dialect: Dialect):
    """StarRocks has none."""
    if dialect.starrocks:
        return None
    if reader.take("COMPUTE", "GROUPS"):
        return s.ShowGroups(clusters=False)
    return s.ShowGroups(clusters=True) if reader.take("CLUSTERS") else None


def _functions(reader: Reader):
    """SHOW [FULL] FUNCTIONS, SHOW CREATE FUNCTION f(types) FROM db, SHOW LOAD, SHOW TABLETS."""
    full = reader.sees("FULL", "FUNCTIONS")
    if full or reader.sees("FUNCTIONS"):
        reader.at += 2 if full else 1
        return s.ShowFunctions(reader.qualified() if reader.take("FROM") or reader.take("IN") else (), full)
    if reader.take("CREATE", "FUNCTION"):
        name, arguments = reader.name(), ddl._arguments(reader)
        return s.ShowCreateFunction(name, arguments, reader.name() if reader.take("FROM") else None)
    if reader.take("CREATE", "MATERIALIZED", "VIEW"):
        view = reader.qualified()
        return s.Show("CREATE SYNC VIEW", reader.qualified(), view[-1]) if reader.take("ON") else s.Show("CREATE MATERIALIZED VIEW", view)
    if reader.take("LOAD"):
        database = reader.name() if reader.take("FROM") else None
        label = None
        if reader.take("WHERE"):
            reader.expect("LABEL", "=")
            label = reader.text()
        return s.ShowLoad(database, label)
    if reader.take("TABLET" if reader.starrocks else "TABLETS", "FROM"):
        target = reader.qualified()
        chosen, of_table = reader.listed(reader.name) if reader.take("PARTITION") else (), {}
        if reader.take("WHERE"):
            reader.expect("INDEXNAME", "=")
            of_table = {"index": reader.text()}
        return s.Show("TABLETS", target, ",".join(chosen), of_table)
    return None


def _tables(reader: Reader):
    if reader.sees("FULL", "PROCESSLIST"):
        return None
    full = reader.take("FULL")
    for what in ("TABLES", "VIEWS", "COLUMNS", "PARTITIONS", "DATA"):
        if reader.take(what):
            target = reader.qualified() if reader.take("FROM") or reader.take("IN") else ()
            like = reader.text() if reader.take("LIKE") else None
            return s.Show(f"FULL {what}" if full else what, target, like, reader.maybe_properties())
    return None


def _plain(reader: Reader) -> s.Show:
    for what, after in PLAIN.items():
        if reader.take(*what.split()):
            target = reader.qualified() if after == "target" else ()
            like = reader.text() if after == "like" and reader.take("LIKE") else None
            return s.Show(what, (reader.text(),) if after == "text" else target, like)
    raise reader.wrong("{'BACKUP', 'CATALOGS', 'CREATE', 'DATA', 'DATABASES', 'RESTORE', 'SNAPSHOT', 'TABLES', …}")
