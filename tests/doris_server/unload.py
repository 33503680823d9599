"""INSERT INTO FILES(…) SELECT … of StarRocks: affected rows, and no word about the files."""

import uuid
from typing import Any

from . import groups, outfile, parquet, processes, queries
from .answers import Done
from .errors import Refused
from .objects import Place
from .words import Reader

KNOWN = {"path", "format", "compression", "target_max_file_size", "single", "partition_by"}
COMPRESSIONS = {"uncompressed", "gzip", "snappy", "zstd", "lz4"}


def run(session: Any, reader: Reader) -> Done:
    reader.expect("FILES")
    properties = dict(reader.listed(reader._property))
    query = queries.select(session, reader.sql[reader.next.start :].strip().rstrip(";"))
    _check(properties)
    groups.work(session, "outfile", properties["path"])
    place = Place(session, properties, properties["path"])
    size = outfile.SIZES["GB"]
    if "target_max_file_size" in properties:
        size = int(properties["target_max_file_size"]) / (1 << 20) * session.warehouse.megabyte
    source = parquet.Source(session, query)
    _write(session, place, source, properties, size)
    return Done(source.count)


def _check(properties: dict[str, str]) -> None:
    if "path" not in properties:
        raise Refused("Getting analyzing error. Detail message: path is a mandatory property.", 1064)
    if properties.get("format") != "parquet":
        raise Refused(f"Getting analyzing error. Detail message: Unsupported format {properties.get('format')}.", 1064)
    if properties.get("compression", "uncompressed") not in COMPRESSIONS:
        raise Refused(f"Getting analyzing error. Detail message: compression type {properties['compression']} is not supported.", 1064)


def _write(session: Any, place: Place, source: parquet.Source, properties: dict[str, str], size: float) -> None:
    """Each driver writes its own files: two drivers, unless `single` is on. No rows, no files [?]."""
    drivers = 1 if properties.get("single") == "true" else session.warehouse.writers
    stem, compression = uuid.uuid4(), properties.get("compression", "uncompressed")
    end = "" if place.key.endswith("/") else "/"
    faults = session.warehouse.faults
    lost, faults.lost = faults.lost > 0, max(0, faults.lost - 1)
    for driver in range(drivers):
        parts = [part for part in source.share(driver, drivers, size, faults.missed if driver == drivers - 1 else 0) if part.count]
        for number, part in enumerate(parts):
            content = source.content(part, compression)
            if not lost:
                place.put(f"{place.key}{end}{stem}_{driver}_{number}.parquet", content)
            processes.pause(session, "outfile")
    faults.missed = 0
