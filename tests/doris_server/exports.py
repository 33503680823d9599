"""SELECT … INTO OUTFILE and INSERT … SELECT … FROM S3(…): real Parquet in real S3. Export contract §2, §4, §10."""

import re
import tempfile
import uuid
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from botocore.exceptions import BotoCoreError, ClientError

from . import groups, layout, queries
from .answers import Done, Rows, table
from .errors import Refused
from .tables import quoted
from .words import Reader, tokens

OUTFILE = {"compress_type", "max_file_size"}
TRANSACTION = ("TransactionId Label Coordinator TransactionStatus LoadJobSourceType PrepareTime PreCommitTime CommitTime "
               "PublishTime FinishTime Reason ErrorReplicasCount ListenerId TimeoutMs ErrMsg")  # fmt: skip


def outfile(session: Any, sql: str) -> Rows | None:
    """The result rows of an export; None for any other query. One writer: one row, one file."""
    at = _words(sql, "INTO", "OUTFILE")
    if at is None:
        return None
    reader = Reader(sql[at:])
    reader.expect("INTO", "OUTFILE")
    target = reader.text()
    reader.expect("FORMAT", "AS", "PARQUET", "PROPERTIES")
    properties = reader.properties()
    reader.end()
    _refuse_unknown(properties)
    resolved = queries.resolved(session, sql[:at])
    groups.work(session, "outfile", target)
    key = f"{target.split('/', 3)[3]}{uuid.uuid4().hex[:16]}-{uuid.uuid4().hex[:16]}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "part")
        try:
            session.warehouse.store.run(f"COPY ({resolved}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        except duckdb.Error as error:
            raise Refused(str(error), 1105) from error
        (rows,) = session.warehouse.store.run(f"SELECT count(*) FROM read_parquet('{path}')").fetchone()
        _put(session, properties, target.split("/")[2], f"{key}_0.parquet", path.read_bytes())
        size = path.stat().st_size
    url = f"s3://{target.split('/')[2]}/{key}_*"
    return Rows(("FileNumber", "TotalRows", "FileSize", "URL"), [(1, rows, size, url)],
                ("INTEGER", "BIGINT", "BIGINT", "VARCHAR"))  # fmt: skip


def load(session: Any, sql: str) -> Done | None:
    """INSERT INTO t WITH LABEL l (columns) SELECT … FROM S3(…), §4.2; None for any other query."""
    at = _words(sql, "WITH", "LABEL")
    if at is None or not sql.lstrip().upper().startswith("INSERT"):
        return None
    reader = Reader(sql)
    reader.expect("INSERT", "INTO")
    target = reader.qualified()
    reader.expect("WITH", "LABEL")
    label = reader.name()
    names = [token.value for token in reader.tokens[reader.at : _index(reader, ")")] if token.kind == "name"]
    begin, end = reader.tokens[_index(reader, "SELECT")].end, _words(sql, "FROM", "S3")
    source = Reader(sql[end:].replace("S3(", "PROPERTIES (", 1).replace("FROM", "", 1))
    source.expect("PROPERTIES")
    properties = source.properties()
    return _loaded(session, target, label, names, sql[begin:end], properties)


def _loaded(session: Any, target: tuple[str, ...], label: str, names: list[str], chosen: str, properties: Any) -> Done:
    warehouse, database = session.warehouse, target[-2]
    known = warehouse.labels.setdefault(database, {})
    if label in known:
        raise Refused(f"Label [{label}] has already been used, relate to txn [{known[label]}], status [VISIBLE].", 1105)
    found = session.table_to_write(database, target[-1])
    groups.work(session, "load", f"{database}.{target[-1]}")
    known_types = re.sub(r"\bAS (IPV4|IPV6|VARIANT)\)", "AS STRING)", chosen)  # of which sqlglot knows nothing
    known_types = known_types.replace("AS LARGEINT)", "AS INT128)")
    columns = sqlglot.parse_one(f"SELECT {known_types}", read="doris").sql("duckdb")
    with tempfile.TemporaryDirectory() as folder:
        files = _fetch(properties, Path(folder))
        try:
            rows = warehouse.store.run(
                f"INSERT INTO {found.physical} ({', '.join(map(quoted, names))}) {columns} FROM read_parquet({files!r})"
            ).fetchone()[0]
        except duckdb.Error as error:
            raise Refused(str(error), 1105) from error
    known[label] = next(warehouse.ids)
    return Done(rows)


def transactions(session: Any, database: str, label: str) -> Rows:
    known = session.warehouse.labels.get(database, {})
    rows = [(known[label], label, "", "VISIBLE", "INSERT_STREAMING", *[""] * 10)] if label in known else []
    return table(TRANSACTION, rows)


def _refuse_unknown(properties: dict[str, str]) -> None:
    storage = {name for names in layout.NAMES.values() for name in names}
    unknown = sorted(set(properties) - OUTFILE - storage)
    if unknown:
        raise Refused(f"Unknown properties: [{', '.join(unknown)}]", 1105)


def _put(session: Any, properties: dict[str, str], bucket: str, key: str, content: bytes) -> None:
    if session.warehouse.faults.s3:
        raise Refused(session.warehouse.faults.s3, 1105)
    try:
        layout._client(properties, layout.NAMES).put_object(Bucket=bucket, Key=key, Body=content)
    except (ClientError, BotoCoreError) as error:
        raise Refused(f"failed to write to S3: {error}", 1105) from error


def _fetch(properties: dict[str, str], folder: Path) -> list[str]:
    """The files of the uri: `prefix{a,b}.parquet`."""
    found = re.fullmatch(r"s3://(?P<bucket>[^/]+)/(?P<head>[^{*]*)\{(?P<names>[^}]*)\}(?P<tail>.*)", properties["uri"])
    if found is None:
        raise Refused(f"the stand-in reads lists of files only: {properties['uri']}", 1105)
    client = layout._client(properties, layout.NAMES)
    paths = []
    for at, name in enumerate(found["names"].split(",")):
        try:
            body = client.get_object(Bucket=found["bucket"], Key=f"{found['head']}{name}{found['tail']}")["Body"].read()
        except ClientError:
            continue  # no match is no error: §4.1
        paths.append(str(folder / f"{at}.parquet"))
        Path(paths[-1]).write_bytes(body)
    return paths


def _words(sql: str, *wanted: str) -> int | None:
    """Where these words stand one after the other, outside quotes."""
    found = tokens(sql)
    for at in range(len(found) - len(wanted)):
        ahead = found[at : at + len(wanted)]
        if all(token.kind == "word" and token.value.upper() == word for token, word in zip(ahead, wanted, strict=True)):
            return ahead[0].start
    return None


def _index(reader: Reader, value: str) -> int:
    return next(at for at in range(reader.at, len(reader.tokens)) if reader.tokens[at].value.upper() == value)
