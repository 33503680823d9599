"""The statements of backups and restores, in exactly the forms that are documented; anything else is a syntax error."""

from . import ddl
from . import statements as s
from .dialect import Dialect
from .errors import Refused
from .show import show
from .words import Reader

QUERIES = {"SELECT", "INSERT", "DELETE", "UPDATE", "WITH", "EXPLAIN"}
STARTS = "{'ADMIN', 'ALTER', 'BACKUP', 'CANCEL', 'CREATE', 'DROP', 'RESTORE', 'SELECT', 'SHOW', 'USE', …}"


def parse(sql: str, dialect: Dialect) -> object:
    """The statement as a value. Without MULTI_STATEMENTS a second one is a syntax error."""
    reader = Reader(sql, dialect.starrocks)
    if reader.next.value.upper() in QUERIES:
        return s.Query(sql)
    found = _statement(reader, dialect)
    reader.end()
    return found


def _statement(reader: Reader, dialect: Dialect):
    for word, form in FORMS.items():
        if reader.take(*word.split()):
            return form(reader, dialect)
    raise reader.wrong(STARTS)


def _create_repository(reader: Reader, dialect: Dialect, read_only: bool = False) -> s.CreateRepository:
    """StarRocks only by broker."""
    name = reader.name()
    reader.expect("WITH")
    if reader.one_of("BROKER") if dialect.starrocks else reader.one_of("S3", "BROKER") == "BROKER":
        _broker(reader, dialect)
    reader.expect("ON", "LOCATION")
    location = reader.text()
    return s.CreateRepository(name, location, reader.maybe_properties(), read_only)


def _broker(reader: Reader, dialect: Dialect) -> None:
    if not dialect.starrocks:
        raise Refused("Failed to create repository: broker does not exist")
    if not reader.sees("ON"):
        reader.name()


def _alter_repository(reader: Reader, dialect: Dialect) -> s.AlterRepository:
    if dialect.starrocks:
        raise reader.wrong("'DATABASE'")
    name = reader.name()
    reader.expect("PROPERTIES")
    return s.AlterRepository(name, reader.properties())


def _drop_repository(reader: Reader, dialect: Dialect) -> s.DropRepository:
    return s.DropRepository(reader.name())


def _label(reader: Reader) -> tuple[str | None, str]:
    """[db.]label"""
    names = reader.qualified()
    if len(names) > 2:
        raise Refused("Label format error: only a database may qualify it", 1105)
    return (names[0] if len(names) == 2 else None), names[-1]


def _backup(reader: Reader, dialect: Dialect) -> s.Backup:
    """With the forms of StarRocks 3.4. No alias, no database before a table."""
    catalogs = _backup_catalogs(reader) if dialect.new_forms else None
    named = reader.name() if dialect.new_forms and reader.take("DATABASE") else None
    reader.expect("SNAPSHOT")
    database, label = _label(reader)
    reader.expect("TO")
    repository = reader.name()
    chosen, excluded = ((), ()) if catalogs is not None else _objects(reader, dialect, restore=False)
    chosen = None if catalogs is not None else chosen
    properties = reader.maybe_properties()
    return s.Backup(named or database, label, repository, chosen, excluded, properties, catalogs)


def _backup_catalogs(reader: Reader) -> tuple[str, ...] | None:
    if reader.take("ALL", "EXTERNAL", "CATALOGS"):
        return ()
    if reader.take("EXTERNAL", "CATALOGS") or reader.take("EXTERNAL", "CATALOG"):
        return reader.listed(reader.name)
    return None


def _restore(reader: Reader, dialect: Dialect) -> s.Restore:
    """The properties are not optional: they name the timestamp."""
    reader.expect("SNAPSHOT")
    database, label = _label(reader)
    reader.expect("FROM")
    repository = reader.name()
    catalogs = _restore_catalogs(reader) if dialect.new_forms else None
    source = None
    if dialect.new_forms and reader.take("DATABASE"):
        source = reader.name()
        database = reader.name() if reader.take("AS") else source
    chosen, excluded = (None, ()) if catalogs is not None else _objects(reader, dialect, restore=True)
    properties = reader.maybe_properties()
    return s.Restore(database, label, repository, chosen, excluded, properties, catalogs, source)


def _restore_catalogs(reader: Reader) -> tuple[s.Item, ...] | None:
    if reader.take("ALL", "EXTERNAL", "CATALOGS"):
        return ()
    if reader.take("EXTERNAL", "CATALOG"):
        name = reader.name()
        return (s.Item(name, alias=reader.name() if reader.take("AS") else None),)
    return None


def _objects(reader: Reader, dialect: Dialect, restore: bool):
    """ON (…) or EXCLUDE (…): the chosen ones (None without ON) and the excluded ones."""
    if reader.take("ON"):
        return reader.listed(lambda: _item(reader, dialect, restore)), ()
    if not dialect.starrocks and reader.take("EXCLUDE"):
        return None, reader.listed(lambda: _item(reader, dialect, restore))
    return None, ()


def _item(reader: Reader, dialect: Dialect, restore: bool) -> s.Item:
    kind = _kind(reader) if dialect.new_forms else "TABLE"
    if kind.startswith("ALL "):
        return s.Item(None, kind=kind.removeprefix("ALL ").removesuffix("S"))
    names = reader.qualified()
    if len(names) > 1:
        raise Refused(f"Cannot specify database name on backup objects: {'.'.join(names)}", 1105)
    partitions: tuple[str, ...] = ()
    if reader.take("PARTITION") or reader.take("PARTITIONS"):
        partitions = reader.listed(reader.name)
    alias = reader.name() if restore and reader.take("AS") else None
    return s.Item(names[0], partitions, alias, kind)


def _kind(reader: Reader) -> str:
    kinds = ("TABLE", "MATERIALIZED VIEW", "VIEW", "FUNCTION")
    for kind in kinds:
        if reader.take("ALL", *f"{kind}S".split()):
            return f"ALL {kind}S"
    return next((kind for kind in kinds if reader.take(*kind.split())), "TABLE")


def _cancel(reader: Reader, dialect: Dialect) -> s.Cancel:
    """StarRocks also FOR EXTERNAL CATALOG."""
    kind = reader.one_of("BACKUP", "RESTORE").lower()
    if dialect.new_forms and reader.take("FOR", "EXTERNAL", "CATALOG"):
        return s.Cancel(kind, None, catalogs=True)
    return s.Cancel(kind, reader.name() if reader.take("FROM") else None)


def _use(reader: Reader, dialect: Dialect) -> s.Use:
    """USE [catalog.]db, USE @group, USE db@group."""
    target = () if reader.sees("@") else reader.qualified()
    group = reader.name() if not dialect.starrocks and reader.take("@") else None
    if not target and group is None:
        raise reader.wrong("identifier")
    return s.Use(target, group)


def _describe(reader: Reader) -> s.Show:
    target = reader.qualified()
    return s.Show("ALL COLUMNS" if reader.take("ALL") else "COLUMNS", target)


def _kill(reader: Reader, dialect: Dialect) -> s.Kill:
    """KILL [CONNECTION] n, KILL QUERY n, KILL QUERY "id"."""
    query_only = reader.take("QUERY")
    if not query_only:
        reader.take("CONNECTION")
    return s.Kill(reader.text() if reader.next.kind == "text" else reader._read(), query_only)


def _control(reader: Reader, dialect: Dialect) -> s.Control:
    return s.Control(reader.text())


FORMS = {
    "CREATE REPOSITORY": _create_repository,
    "CREATE READ ONLY REPOSITORY": lambda reader, dialect: _create_repository(reader, dialect, read_only=True),
    "ALTER REPOSITORY": _alter_repository,
    "DROP REPOSITORY": _drop_repository,
    "BACKUP": _backup,
    "RESTORE": _restore,
    "CANCEL": _cancel,
    "USE": _use,
    "KILL": _kill,
    "SHOW": show,
    "DESCRIBE": lambda reader, _: _describe(reader),
    "DESC": lambda reader, _: _describe(reader),
    "ADMIN SHOW FRONTEND CONFIG": lambda reader, _: s.FrontendConfig(reader.text() if reader.take("LIKE") else None),
    "RESUME WAREHOUSE": lambda reader, _: s.ResumeWarehouse(reader.name()),
    "STAND_IN": _control,
    **ddl.FORMS,
}
