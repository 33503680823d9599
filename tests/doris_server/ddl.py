"""CREATE, DROP, ALTER and SET: what tests need to fill a warehouse, and external catalogs."""

from . import statements as s
from .dialect import Dialect
from .words import Reader


def _quiet(reader: Reader, *words: str) -> bool:
    return reader.take("IF", *words, "EXISTS")


def _create_database(reader: Reader, dialect: Dialect) -> s.CreateDatabase:
    quiet = _quiet(reader, "NOT")
    return s.CreateDatabase(reader.name(), quiet, reader.maybe_properties())


def _drop_database(reader: Reader, dialect: Dialect) -> s.DropDatabase:
    quiet = _quiet(reader)
    name = reader.name()
    reader.take("FORCE")
    return s.DropDatabase(name, quiet)


def _create_catalog(reader: Reader, dialect: Dialect) -> s.CreateCatalog:
    """In StarRocks the word EXTERNAL is needed, and the comment comes without properties before it."""
    if dialect.starrocks:
        reader.expect("EXTERNAL", "CATALOG")
    quiet = _quiet(reader, "NOT")
    name = reader.name()
    comment = reader.text() if reader.take("COMMENT") else ""
    return s.CreateCatalog(name, comment, reader.maybe_properties(), quiet)


def _drop_catalog(reader: Reader, dialect: Dialect) -> s.DropCatalog:
    quiet = _quiet(reader)
    return s.DropCatalog(reader.name(), quiet)


def _alter_catalog(reader: Reader, dialect: Dialect) -> s.AlterCatalog:
    name = reader.name()
    reader.expect("SET", "PROPERTIES")
    return s.AlterCatalog(name, reader.properties())


def _create_table(reader: Reader, dialect: Dialect) -> s.CreateTable:
    quiet = _quiet(reader, "NOT")
    target = reader.qualified()
    listed = reader.listed(lambda: _column(reader))
    columns = tuple(column for column in listed if column.name)
    indexes = tuple(column.rest for column in listed if not column.name)
    start = reader.next.start
    engine, partitions, properties = "OLAP", s.PartitionText(), {}
    while reader.next.kind != "end":
        if reader.take("ENGINE", "="):
            engine = reader.name()
        elif reader.take("AUTO", "PARTITION", "BY"):
            partitions = _partitions(reader, auto=True)
        elif reader.take("PARTITION", "BY"):
            partitions = _partitions(reader)
        elif reader.take("PROPERTIES"):
            properties = reader.properties()
        else:
            reader.at += 1
    return s.CreateTable(
        target, quiet, columns, partitions, engine, properties, reader.sql[start:].strip().rstrip(";"), indexes
    )


def _column(reader: Reader) -> s.ColumnText:
    """name type rest; an INDEX in the list has no name here."""
    if reader.sees("INDEX"):
        start = reader.next.start
        _skip(reader)
        return s.ColumnText("", "", reader.sql[start : reader.next.start].strip())
    name = reader.name()
    start = reader.next.start
    _type(reader)
    middle = reader.next.start
    _skip(reader)
    return s.ColumnText(name, reader.sql[start:middle].strip(), reader.sql[middle : reader.next.start].strip())


def _type(reader: Reader) -> None:
    reader.name()
    if reader.sees("("):
        _balanced(reader)
    if reader.sees("<"):
        depth = 0
        while True:
            depth += reader.sees("<") - reader.sees(">")
            reader.at += 1
            if depth == 0:
                return


def _skip(reader: Reader) -> None:
    while not reader.sees(",") and not reader.sees(")") and reader.next.kind != "end":
        if reader.sees("("):
            _balanced(reader)
        else:
            reader.at += 1


def _balanced(reader: Reader) -> str:
    start, depth = reader.next.start, 0
    while True:
        depth += reader.sees("(") - reader.sees(")")
        if reader.next.kind == "end":
            raise reader.wrong("')'")
        reader.at += 1
        if depth == 0:
            return reader.sql[start : reader.tokens[reader.at - 1].end]


def _partitions(reader: Reader, auto: bool = False) -> s.PartitionText:
    """RANGE (c) or LIST (c) with partitions that are written out; AUTO also RANGE (date_trunc(c, 'unit'))."""
    kind = reader.one_of("RANGE", "LIST")
    column, unit = _partition_column(reader)
    items = () if reader.take("(", ")") or not reader.sees("(") else reader.listed(lambda: _partition(reader))
    return s.PartitionText(column, kind, items, unit or ("LIST" if auto else ""))


def _partition_column(reader: Reader) -> tuple[str, str]:
    reader.expect("(")
    unit = ""
    if reader.take("DATE_TRUNC", "("):
        column = reader.name()
        reader.expect(",")
        unit = reader.text()
        reader.expect(")")
    else:
        column = reader.name()
    reader.expect(")")
    return column, unit


def _partition(reader: Reader) -> tuple[str, tuple[str, ...]]:
    """PARTITION p VALUES LESS THAN (…), IN (…) or [(…), (…))."""
    reader.expect("PARTITION")
    name = reader.name()
    reader.expect("VALUES")
    if reader.take("LESS", "THAN"):
        return name, ("MAXVALUE",) if reader.take("MAXVALUE") else reader.listed(lambda: _literal(reader))
    if reader.take("["):
        low = reader.listed(lambda: _literal(reader))
        reader.expect(",")
        high = reader.listed(lambda: _literal(reader))
        reader.expect(")")
        return name, (*low, *high)
    reader.expect("IN")
    return name, reader.listed(lambda: _literal(reader))


def _literal(reader: Reader) -> str:
    """A value, also in brackets of its own."""
    if reader.take("("):
        inner = _literal(reader)
        reader.expect(")")
        return inner
    if reader.take("-"):
        return f"-{reader._read()}"
    return reader.text() if reader.next.kind == "text" else reader._read()


def _create_view(reader: Reader, dialect: Dialect, materialized: bool = False) -> s.CreateView:
    quiet = _quiet(reader, "NOT")
    target = reader.qualified()
    columns = tuple(column.name for column in reader.listed(lambda: _view_column(reader))) if reader.sees("(") else ()
    head, tail = _view_clauses(reader)
    reader.expect("AS")
    query = reader.sql[reader.next.start :].strip().rstrip(";")
    reader.at = len(reader.tokens) - 1
    return s.CreateView(target, quiet, query, materialized, head, tail, columns, reader.sql.strip().rstrip(";"))


VIEW_HEADS = ("BUILD", "REFRESH")
VIEW_TAILS = ("DUPLICATE", "KEY", "COMMENT", "PARTITION", "DISTRIBUTED", "PROPERTIES", "ORDER")


def _view_clauses(reader: Reader) -> tuple[str, str]:
    """BUILD … REFRESH …, which Doris has before the other clauses and StarRocks between them; and those."""
    heads, tails = [], []
    while not reader.sees("AS"):
        is_head = any(reader.sees(word) for word in VIEW_HEADS)
        others = (*VIEW_TAILS, "AS") if is_head else (*VIEW_HEADS, "AS")
        (heads if is_head else tails).append(_up_to(reader, *others))
    return " ".join(heads), " ".join(tails)


def _view_column(reader: Reader) -> s.ColumnText:
    """A name, and a comment perhaps."""
    name = reader.name()
    if reader.take("COMMENT"):
        reader.text()
    return s.ColumnText(name, "", "")


def _up_to(reader: Reader, *ends: str) -> str:
    start = reader.next.start
    while not any(reader.sees(end) for end in ends):
        if reader.next.kind == "end":
            raise reader.wrong("'AS'")
        if reader.sees("("):
            _balanced(reader)
        else:
            reader.at += 1
    return reader.sql[start : reader.next.start].strip()


def _refresh(reader: Reader, dialect: Dialect) -> s.RefreshView:
    target = reader.qualified()
    for word in ("COMPLETE", "AUTO", "FORCE", "WITH", "SYNC", "ASYNC", "MODE"):
        reader.take(word)
    return s.RefreshView(target)


def _rename_database(reader: Reader, dialect: Dialect) -> s.RenameDatabase:
    name = reader.name()
    reader.expect("RENAME")
    return s.RenameDatabase(name, reader.name())


def _create_function(reader: Reader, dialect: Dialect, kind: str = "SCALAR") -> s.CreateFunction:
    quiet = _quiet(reader, "NOT")
    target, arguments = reader.qualified(), _arguments(reader)
    if kind == "ALIAS":
        start = reader.next.start
        reader.at = len(reader.tokens) - 1
        return s.CreateFunction(target, quiet, kind, arguments, "", {}, reader.sql[start:].strip().rstrip(";"))
    reader.expect("RETURNS")
    returns = _type_text(reader)
    return s.CreateFunction(target, quiet, kind, arguments, returns, reader.maybe_properties())


def _arguments(reader: Reader) -> tuple[str, ...]:
    return () if reader.take("(", ")") else reader.listed(lambda: _type_text(reader))


def _type_text(reader: Reader) -> str:
    start = reader.next.start
    _type(reader)
    return reader.sql[start : reader.tokens[reader.at - 1].end].upper()


def _drop_function(reader: Reader, dialect: Dialect) -> s.DropFunction:
    quiet = _quiet(reader)
    return s.DropFunction(reader.qualified(), quiet, _arguments(reader))


def _drop(kind: str):
    def form(reader: Reader, dialect: Dialect) -> s.Drop:
        quiet = _quiet(reader)
        target = reader.qualified()
        base = reader.qualified() if kind == "MATERIALIZED VIEW" and reader.take("ON") else ()
        reader.take("FORCE")
        return s.Drop(kind, target, quiet, base)

    return form


def _alter_table(reader: Reader, dialect: Dialect) -> s.AlterTable:
    target = reader.qualified()
    if reader.take("RENAME"):
        return s.AlterTable(target, "rename", name=reader.name())
    if reader.take("SET"):
        return s.AlterTable(target, "set", properties=reader.properties())
    if not dialect.starrocks and reader.take("REPLACE", "WITH", "TABLE"):
        return s.AlterTable(target, "replace", name=reader.name(), properties=reader.maybe_properties())
    if dialect.starrocks and reader.take("SWAP", "WITH"):
        return s.AlterTable(target, "swap", name=reader.name())
    if reader.take("DROP", "PARTITION"):
        return s.AlterTable(target, "drop_partition", name=reader.name())
    if reader.take("ADD", "ROLLUP"):
        return s.AlterTable(target, "rollup", name=reader.name(), names=reader.listed(reader.name))
    if reader.take("ADD", "PARTITION"):
        reader.at -= 1
        name, values = _partition(reader)
        return s.AlterTable(target, "add_partition", name=name, names=values)
    reader.expect("ADD", "COLUMN")
    return s.AlterTable(target, "add", column=_column(reader))


def _truncate(reader: Reader, dialect: Dialect) -> s.AlterTable:
    target = reader.qualified()
    names = reader.listed(reader.name) if reader.take("PARTITION") or reader.take("PARTITIONS") else ()
    reader.take("FORCE")
    return s.AlterTable(target, "truncate", names=names)


def _set(reader: Reader, dialect: Dialect):
    """SET v = x, …; SET NAMES; SET PROPERTY [FOR 'u'] 'k' = 'v'."""
    if reader.take("PROPERTY"):
        return _set_property(reader)
    if dialect.starrocks and reader.take("WAREHOUSE"):
        reader.take("=")
        return s.SetVariables((("session", "warehouse", _value(reader)),))
    if reader.take("NAMES"):
        pairs = (("", "names", _value(reader)),)
        if reader.take("COLLATE"):
            _value(reader)
        return s.SetVariables(pairs)
    pairs = [_variable(reader)]
    while reader.take(","):
        pairs.append(_variable(reader))
    return s.SetVariables(tuple(pairs))


def _variable(reader: Reader) -> tuple[str, str, str]:
    scope = "session"
    if reader.take("@", "@"):
        if reader.take("GLOBAL", ".") or reader.take("SESSION", "."):
            scope = reader.tokens[reader.at - 2].value.lower()
    elif reader.sees("GLOBAL") or reader.sees("SESSION"):
        scope = reader.name().lower()
    name = reader.name().lower()
    reader.expect("=")
    return scope, name, _value(reader)


def _value(reader: Reader) -> str:
    if reader.next.kind == "end":
        raise reader.wrong("{expression}")
    start = reader.next.start
    if reader.next.kind in {"text", "name"}:
        reader.at += 1
        return reader.tokens[reader.at - 1].value
    while not reader.sees(",") and reader.next.kind != "end" and not reader.sees("COLLATE"):
        reader.at += 1
    return reader.sql[start : reader.next.start].strip().rstrip(";")


def _set_property(reader: Reader) -> s.SetProperty:
    user = reader.text() if reader.take("FOR") else None
    pairs = [reader._property()]
    while reader.take(","):
        pairs.append(reader._property())
    return s.SetProperty(user, tuple(pairs))


def _back(reader: Reader, dialect: Dialect) -> s.CreateCatalog:
    """CREATE EXTERNAL CATALOG: StarRocks' form only."""
    if not dialect.starrocks:
        raise reader.wrong("'TABLE'")
    reader.at -= 2
    return _create_catalog(reader, dialect)


FORMS = {
    "CREATE DATABASE": _create_database,
    "DROP DATABASE": _drop_database,
    "CREATE EXTERNAL CATALOG": _back,
    "CREATE CATALOG": _create_catalog,
    "DROP CATALOG": _drop_catalog,
    "ALTER CATALOG": _alter_catalog,
    "CREATE TABLE": _create_table,
    "CREATE VIEW": _create_view,
    "CREATE MATERIALIZED VIEW": lambda reader, dialect: _create_view(reader, dialect, materialized=True),
    "DROP TABLE": _drop("TABLE"),
    "DROP VIEW": _drop("VIEW"),
    "DROP MATERIALIZED VIEW": _drop("MATERIALIZED VIEW"),
    "ALTER TABLE": _alter_table,
    "ALTER DATABASE": _rename_database,
    "REFRESH MATERIALIZED VIEW": _refresh,
    "CREATE AGGREGATE FUNCTION": lambda reader, dialect: _create_function(reader, dialect, "AGGREGATE"),
    "CREATE TABLES FUNCTION": lambda reader, dialect: _create_function(reader, dialect, "TABLES"),
    "CREATE ALIAS FUNCTION": lambda reader, dialect: _create_function(reader, dialect, "ALIAS"),
    "CREATE FUNCTION": _create_function,
    "DROP FUNCTION": _drop_function,
    "TRUNCATE TABLE": _truncate,
    "SET": _set,
}
