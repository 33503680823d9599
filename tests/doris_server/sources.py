"""Table functions: S3(…) of Doris, FILES(…) of StarRocks, mv_infos(…)."""

import tempfile
from pathlib import Path
from typing import Any

from sqlglot import exp

from . import clock, layout, shows_of_views
from .errors import Refused
from .objects import Place
from .tables import literal, quoted

KNOWN = {"uri", "format", "resource", "enable_mapping_varbinary", "hive.parquet.time-zone", "path", "list_files_only", "schema"}


def table(session: Any, node: exp.Anonymous) -> str:
    """The name of a table of the store with the function's rows; it goes when the statement ends."""
    name, given = node.name.lower(), _properties(node)
    if name == "mv_infos" and not session.warehouse.dialect.starrocks:
        return _made(session, shows_of_views.infos(session, given.get("database", "")))
    if name == ("files" if session.warehouse.dialect.starrocks else "s3"):
        return files(session, given)
    raise Refused(f"Can not find table function '{node.name}'", 1105)


def _properties(node: exp.Anonymous) -> dict[str, str]:
    return {each.this.name: each.expression.name for each in node.expressions if isinstance(each, exp.EQ)}


def files(session: Any, given: dict[str, str]) -> str:
    """All rows of the files; columns as the first file that is not empty has them."""
    url = given.get("path" if session.warehouse.dialect.starrocks else "uri")
    if url is None:
        raise Refused("Missing required property: " + ("path" if session.warehouse.dialect.starrocks else "uri"), 1105)
    if given.get("format") != "parquet":
        raise Refused(f"the stand-in reads Parquet only, not {given.get('format')}", 1105)
    _refuse_unknown(session, given)
    place = Place(session, given, url)
    keys = place.matching()
    if not keys:
        return _none(session, url)
    folder = tempfile.TemporaryDirectory()
    session.folders.append(folder)
    paths = [str(Path(folder.name, f"{at}.parquet")) for at in range(len(keys))]
    for path, key in zip(paths, keys, strict=True):
        place.get(key, Path(path))
    return _read(session, paths, keys)


def _none(session: Any, url: str) -> str:
    """Doris gives an empty set with a column of its own (#25280); StarRocks says so."""
    if session.warehouse.dialect.starrocks:
        raise Refused(f"No files were found matching the pattern(s) or path(s): '{url}'", 1064)
    return _made(session, "SELECT NULL::VARCHAR AS __dummy_col WHERE FALSE")


def _read(session: Any, paths: list[str], keys: list[str]) -> str:
    run = session.warehouse.store.run
    empty = [key for path, key in zip(paths, keys, strict=True)
             if not run(f"SELECT count(*) FROM read_parquet({literal(path)})").fetchone()[0]]  # fmt: skip
    if empty and len(keys) > len(empty) and not session.warehouse.dialect.starrocks:
        raise Refused(f"[INTERNAL_ERROR]Init reader failed: no row group in {empty[0]}", 1105)  # #50795
    first = [row[:2] for row in run(f"DESCRIBE SELECT * FROM read_parquet({literal(paths[0])})").fetchall()]
    lowered = [name.lower() for name, _ in first]
    for name in lowered:
        if lowered.count(name) > 1:
            raise Refused(f"Repeated lowercase column names: {name}", 1105)
    listed = ", ".join(map(literal, paths))
    chosen = ", ".join(_column(session, name, kind) for name, kind in first)
    return _made(session, f"SELECT {chosen} FROM read_parquet([{listed}], union_by_name = true)")


def _column(session: Any, name: str, kind: str) -> str:
    """Times are shifted by the session's zone, bytes are taken for text."""
    column = quoted(name)
    if kind == "TIMESTAMP" and not session.warehouse.dialect.starrocks:
        return f"{column} + INTERVAL ({zone_seconds(session)}) SECOND AS {column}"
    return f"{column}::VARCHAR AS {column}" if kind == "BLOB" else column


def zone_seconds(session: Any) -> int:
    offset = session.warehouse.clock.now.astimezone(clock.zone(session.variable("time_zone"))).utcoffset()
    return int(offset.total_seconds())


def _made(session: Any, query: str) -> str:
    name = f"seen_{next(session.warehouse.ids)}"
    session.scratch.append(name)
    session.from_files = True
    session.warehouse.store.run(f"CREATE VIEW {name} AS {query}")
    return name


def _refuse_unknown(session: Any, given: dict[str, str]) -> None:
    """The newer ones take whatever they do not know [?]; an older one says it."""
    names = layout.STARROCKS_NAMES if session.warehouse.dialect.starrocks else layout.NAMES
    unknown = sorted(set(given) - KNOWN - {name for listed in names.values() for name in listed})
    if unknown and not session.warehouse.dialect.has("-wide_outfile") and not session.warehouse.dialect.starrocks:
        raise Refused(f"Invalid properties: {unknown}", 1105)
