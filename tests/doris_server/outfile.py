"""SELECT … INTO OUTFILE: real Parquet in real S3, by several writers, in files of a size."""

import re
import uuid
from typing import Any, NamedTuple

from sqlglot import exp

from . import groups, layout, parquet, processes, queries
from .answers import Rows
from .errors import Refused
from .objects import Place
from .sql import parsed
from .words import Reader, tokens

PROPERTIES = {"max_file_size", "compress_type", "success_file_name", "file_suffix", "column_separator", "line_delimiter", "with_bom",
              "delete_existing_files", "parquet.enable_int96_timestamps", "parquet.version", "parquet.disable_dictionary"}  # fmt: skip
COMPRESSIONS = {"SNAPPY": "snappy", "GZIP": "gzip", "BROTLI": "brotli", "ZSTD": "zstd", "LZ4": "lz4", "PLAIN": "uncompressed"}
SIZES = {"": 1, "B": 1, "K": 1 << 10, "KB": 1 << 10, "M": 1 << 20, "MB": 1 << 20, "G": 1 << 30, "GB": 1 << 30}
LEAST, MOST = 5 << 20, 2 << 30


class Target(NamedTuple):
    place: Place
    compression: str
    size: float  # bytes after which a file is closed


def run(session: Any, sql: str) -> Rows | None:
    """The result rows of an export, one a writer; None for any other query."""
    at = _words(sql, "INTO", "OUTFILE")
    if at is None:
        return None
    reader = Reader(sql[at:])
    reader.expect("INTO", "OUTFILE")
    url = reader.text()
    reader.expect("FORMAT", "AS")
    if not reader.take("PARQUET"):
        raise Refused("the stand-in exports Parquet only", 1105)
    properties = reader.maybe_properties()
    reader.end()
    target = _target(session, url, properties)
    query = queries.select(session, sql[:at])
    groups.work(session, "outfile", url)
    rows = parquet.Source(session, query)
    return _written(session, target, rows, _writers(session, sql[:at]), properties)


def _target(session: Any, url: str, properties: dict[str, str]) -> Target:
    storage = {name for names in layout.NAMES.values() for name in names}
    unknown = sorted(set(properties) - PROPERTIES - storage)
    if unknown and not session.warehouse.dialect.has("-wide_outfile"):
        raise Refused(f"Unknown properties: [{', '.join(unknown)}]", 1105)
    if "delete_existing_files" in properties:
        raise Refused("Deleting existing files is not allowed. To enable this feature, you need to add "
                      "`enable_delete_existing_files = true` in fe.conf", 1105)  # fmt: skip
    if re.search(r"[\s%]", url):
        raise Refused(f"Invalid S3 uri: {url}", 1105)
    kind = properties.get("compress_type", "snappy").upper()
    if kind not in COMPRESSIONS:
        raise Refused(f"currently parquet compression type is not supported: {kind}", 1105)
    return Target(Place(session, properties, url), COMPRESSIONS[kind], _size(session, properties.get("max_file_size", "1GB")))


def _size(session: Any, text: str) -> float:
    found = re.fullmatch(r"(\d+)\s*([A-Z]*)", text.strip().upper())
    if found is None or found[2] not in SIZES:
        raise Refused(f"Invalid data size: {text}", 1105)
    size = int(found[1]) * SIZES[found[2]]
    if size < LEAST or (size > MOST and not session.warehouse.dialect.has("-wide_outfile")):
        raise Refused(f"max file size should between 5MB and 2GB. Given: {size}", 1105)
    return size / (1 << 20) * session.warehouse.megabyte


def _writers(session: Any, sql: str) -> int:
    """Several only where it is asked for, and nothing at the top needs one order."""
    tree = parsed(re.sub(r"\bTABLET\s*\([\d\s,]*\)", "", sql, flags=re.IGNORECASE))
    one = tree.args.get("order") or tree.args.get("limit") or not tree.find(exp.Table)
    parallel = session.variables["enable_parallel_outfile"] in {"true", "1"}
    return session.warehouse.writers if parallel and not one else 1


def _written(session: Any, target: Target, source: parquet.Source, writers: int, properties: dict[str, str]) -> Rows:
    faults = session.warehouse.faults
    if faults.orphaned:
        faults.orphaned -= 1
        _files(session, target, source, source.share(0, writers)[:1], _instance())
    told = []
    lost, faults.lost = faults.lost > 0, max(0, faults.lost - 1)
    missed, faults.missed = faults.missed, 0
    for at in range(writers):
        parts, name = source.share(at, writers, target.size, missed if at == writers - 1 else 0), _instance()
        size = _files(session, target, source, parts, name, lost)
        told.append((len(parts), sum(part.count for part in parts), size, f"s3://{target.place.bucket}/{target.place.key}{name}_*"))
        if at == 0 and "success_file_name" in properties:
            target.place.put(f"{target.place.key.rpartition('/')[0]}/{properties['success_file_name']}", b"")
    columns, types = ("FileNumber", "TotalRows", "FileSize", "URL"), ("INTEGER", "BIGINT", "BIGINT", "VARCHAR")
    if session.warehouse.dialect.has("-wide_outfile"):
        columns, types = (*columns, "WriteTimeSec", "WriteSpeedKB"), (*types, "VARCHAR", "VARCHAR")
        told = [(*row, "0.010", "100.00") for row in told]
    mute, faults.mute = faults.mute > 0, max(0, faults.mute - 1)
    return Rows(columns, [] if mute else told, types)


def _instance() -> str:
    """A fragment instance's id."""
    return f"{uuid.uuid4().hex[:16]}-{uuid.uuid4().hex[:16]}"


def _files(session: Any, target: Target, source: parquet.Source, parts: list[parquet.Part], name: str, lost: bool = False) -> int:
    size = 0
    for number, part in enumerate(parts):
        content = source.content(part, target.compression)
        size += len(content)
        if not lost:
            target.place.put(f"{target.place.key}{name}_{number}.parquet", content)
        processes.pause(session, "outfile")
    return size


def _words(sql: str, *wanted: str) -> int | None:
    """Where these words stand one after the other, outside quotes."""
    found = tokens(sql)
    for at in range(len(found) - len(wanted)):
        ahead = found[at : at + len(wanted)]
        if all(token.kind == "word" and token.value.upper() == word for token, word in zip(ahead, wanted, strict=True)):
            return ahead[0].start
    return None
