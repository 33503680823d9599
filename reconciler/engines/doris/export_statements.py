"""The statements of the method `export`. Forms of Doris checked against DorisParser.g4 (2026-01), of StarRocks as
in its pages on FILES and INSERT (2026-04).
"""

from collections.abc import Iterable

from reconciler.core.ports import ObjectLocation
from reconciler.engines.doris import columns as types
from reconciler.engines.doris.columns import Column
from reconciler.engines.doris.dialect import Dialect
from reconciler.engines.doris.export_portions import Part
from reconciler.engines.doris.statements import name, properties, text

FILE_SIZE = 1024**3  # bytes
STRICT_CASTS = "SET enable_strict_cast = true"
SEQUENCE_OPTIONAL = "SET require_sequence_in_insert = false"
OWN_ID = "SELECT CONNECTION_ID() AS id"
RUNNING = "SHOW FULL PROCESSLIST"
SERVER_TIME = "SELECT UTC_TIMESTAMP() AS server_time"
RUN_MODE = 'ADMIN SHOW FRONTEND CONFIG LIKE "run_mode"'
Pairs = Iterable[tuple[str, str]]


def settings(dialect: Dialect, seconds: int) -> tuple[str, ...]:
    """For every connection: bad rows fail a load, hidden rows stay hidden, labels are kept, time is enough."""
    common = (f"SET query_timeout = {seconds}", "SET enable_insert_strict = true")
    if dialect.is_starrocks:  # from 3.4 strict mode filters bad rows, up to this share
        newer = (f"SET insert_timeout = {seconds}", "SET insert_max_filter_ratio = 0")
        return common + (newer if dialect.version >= (3, 4, 0) else ())
    parallel = ("SET enable_parallel_outfile = true",) if dialect.version >= (3, 0, 0) else ()
    return (
        *common, f"SET insert_timeout = {seconds}", "SET show_hidden_columns = false",
        "SET skip_delete_sign = false", "SET group_commit = 'off_mode'", *parallel,
    )  # fmt: skip


def wishes(dialect: Dialect) -> tuple[str, ...]:
    """As settings, but not known to every version: no row is cut off, no version of a partition is an old one, and
    what runs is listed for every frontend (by the name of before and since Doris 4.0, doris-website #4662).
    """
    everywhere = ("SET sql_select_limit = DEFAULT",)
    if dialect.is_starrocks:
        return everywhere
    return (
        *everywhere, "SET insert_max_filter_ratio = 0", "SET cloud_partition_version_cache_ttl_ms = 0",
        "SET show_all_fe_connection = true", "SET fetch_all_fe_for_system_table = true",
    )  # fmt: skip


def trace(label: str) -> str:
    """By which a statement of ours is found among those that run (Doris)."""
    return f"SET session_context = {text(f'trace_id:{label}')}"


def kill(connection: int) -> str:
    return f"KILL QUERY {connection}"


def kill_query(query: str) -> str:
    """On whichever frontend it runs (Doris, KillUtils.java)."""
    return f"KILL QUERY {text(query)}"


def show_create(kind: str, database: str, table: str) -> str:
    """`kind` is TABLE, VIEW or MATERIALIZED VIEW."""
    return f"SHOW CREATE {kind} {name(database)}.{name(table)}"


def show_create_rollup(database: str, table: str, rollup: str) -> str:
    return f"SHOW CREATE MATERIALIZED VIEW {name(rollup)} ON {name(database)}.{name(table)}"


def describe_all(database: str, table: str) -> str:
    return f"DESC {name(database)}.{name(table)} ALL"


def show_functions(database: str) -> str:
    return f"SHOW FULL FUNCTIONS FROM {name(database)}"


def show_create_function(signature: str, database: str) -> str:
    """`signature` as SHOW FULL FUNCTIONS tells it: name(types)."""
    called, _, kinds = signature.partition("(")
    return f"SHOW CREATE FUNCTION {name(called.strip('`'))}({kinds} FROM {name(database)}"


def show_partitions(database: str, table: str) -> str:
    return f"SHOW PARTITIONS FROM {name(database)}.{name(table)}"


def show_tablets(dialect: Dialect, database: str, table: str, partition: str) -> str:
    word = "TABLET" if dialect.is_starrocks else "TABLETS"
    of_table = f" WHERE IndexName = {text(table)}"  # the index that has the table's name, and no rollup
    return f"SHOW {word} FROM {name(database)}.{name(table)} PARTITION ({name(partition)}){of_table}"


def columns(database: str, table: str | None = None) -> str:
    """Of all tables of a database, or of one."""
    one = "" if table is None else f"AND TABLE_NAME = {text(table)} "
    return (
        "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, COLUMN_DEFAULT, GENERATION_EXPRESSION "  # noqa: S608  all quoted
        f"FROM information_schema.columns WHERE TABLE_SCHEMA = {text(database)} {one}"
        "ORDER BY TABLE_NAME, ORDINAL_POSITION"
    )


def materialized_views(database: str) -> str:
    """StarRocks lists them among views."""
    return (
        "SELECT TABLE_NAME FROM information_schema.materialized_views "  # noqa: S608  all quoted
        f"WHERE TABLE_SCHEMA = {text(database)}"
    )


def unload(
    dialect: Dialect, database: str, table: str, part: Part, chosen: tuple[Column, ...], location: ObjectLocation,
    folder: str, storage: Pairs,
) -> str:  # fmt: skip
    """One statement, one snapshot of this part of the table."""
    place = f"s3://{location.bucket}/{location.prefix}{folder}"
    rows = f"SELECT {types.selected(chosen)} FROM {name(database)}.{name(table)}{_of(part)}"  # noqa: S608  all quoted
    if dialect.is_starrocks:
        pairs = (("path", place), ("format", "parquet"), ("compression", "zstd"),
                 ("target_max_file_size", str(FILE_SIZE)), *storage)  # fmt: skip
        return f"INSERT INTO FILES({_listed(pairs)}) {rows}"
    pairs = (*storage, ("compress_type", "zstd"), ("max_file_size", f"{FILE_SIZE // 1024**2}MB"))
    return f"{rows} INTO OUTFILE {text(f'{place}part-')} FORMAT AS PARQUET {properties(pairs)}"


def _of(part: Part) -> str:
    partitions = f" PARTITION ({', '.join(map(name, part.partitions))})" if part.partitions else ""
    tablets = f" TABLET ({', '.join(map(str, part.tablets))})" if part.tablets else ""
    return partitions + tablets


def load(
    dialect: Dialect, database: str, table: str, label: str, chosen: tuple[Column, ...], uri: str, storage: Pairs
) -> str:
    names = ", ".join(name(item.name) for item in chosen)
    return (
        f"INSERT INTO {name(database)}.{name(table)} WITH LABEL {name(label)} ({names}) "  # noqa: S608  all quoted
        f"SELECT {types.loaded(chosen)} FROM {_files(dialect, uri, storage)}"
    )


def lost_by_casts(dialect: Dialect, condition: str, uri: str, storage: Pairs) -> str:
    """How many rows a load would make NULL though the set has a value: a cast that fails does so in silence."""
    return f"SELECT COUNT(*) AS amount FROM {_files(dialect, uri, storage)} WHERE {condition}"  # noqa: S608


def count_files(dialect: Dialect, uri: str, storage: Pairs) -> str:
    return f"SELECT COUNT(*) AS amount FROM {_files(dialect, uri, storage)}"  # noqa: S608  all quoted


def files_uri(location: ObjectLocation, files: Iterable[str]) -> str:
    """Exactly these Parquet files, by their names in one folder."""
    files = tuple(files)
    folder = files[0].rpartition("/")[0]
    names = ",".join(file.rpartition("/")[2].removesuffix(".parquet") for file in files)
    return f"s3://{location.bucket}/{location.prefix}{folder}/{{{names}}}.parquet"


def _files(dialect: Dialect, uri: str, storage: Pairs) -> str:
    call, place = ("FILES", "path") if dialect.is_starrocks else ("S3", "uri")
    return f"{call}({_listed(((place, uri), ('format', 'parquet'), *storage))})"


def _listed(pairs: Pairs) -> str:
    return ", ".join(f"{text(key)}={text(value)}" for key, value in pairs)


def count(database: str, table: str) -> str:
    return f"SELECT COUNT(*) AS amount FROM {name(database)}.{name(table)}"  # noqa: S608  all quoted


def largest(database: str, table: str, column: str) -> str:
    return f"SELECT MAX({name(column)}) AS largest FROM {name(database)}.{name(table)}"  # noqa: S608  all quoted


def no_row(database: str, table: str, column: str) -> str:
    """Whether a column can be read at all."""
    return f"SELECT {name(column)} FROM {name(database)}.{name(table)} LIMIT 0"  # noqa: S608  all quoted


def show_load(dialect: Dialect, database: str, label: str) -> str:
    kind = "LOAD" if dialect.is_starrocks else "TRANSACTION"
    return f"SHOW {kind} FROM {name(database)} WHERE LABEL = {text(label)}"


def truncate(database: str, table: str) -> str:
    return f"TRUNCATE TABLE {name(database)}.{name(table)}"


def alter_properties(database: str, table: str, pairs: Pairs) -> str:
    listed = ", ".join(f"{text(key)} = {text(value)}" for key, value in pairs)
    return f"ALTER TABLE {name(database)}.{name(table)} SET ({listed})"


def rename_database(database: str, other: str) -> str:
    return f"ALTER DATABASE {name(database)} RENAME {name(other)}"


def drop_database(database: str) -> str:
    return f"DROP DATABASE {name(database)} FORCE"
