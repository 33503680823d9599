"""Which partitions go together in one statement, and whether a table stood still while it was exported.

Pure: it knows rows of SHOW PARTITIONS and nothing of connections or storage.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

# Bytes as the server stores them. A statement should end within the hour: files that compaction has replaced are
# kept for three (Doris, compacted_rowset_retention_seconds), and what is lost by a failure stays small.
PORTION = 20 * 1024**3
MOST_NAMES = 1_000  # partitions in one statement
SIZE = re.compile(r"\s*([\d.,]+)\s*([KMGTP]?)I?B?\s*", re.IGNORECASE)
UNITS = {unit: 1024**power for power, unit in enumerate(("", "K", "M", "G", "T", "P"))}


class Partition(NamedTuple):
    """`version` grows with every write; `since` is when it became visible, as the server says it (UTC); empty where
    it does not (StarRocks that keeps compute and storage apart).
    """

    name: str
    version: int
    since: str
    size_bytes: int


def partition(row: Mapping[str, Any]) -> Partition:
    return Partition(
        str(row["PartitionName"]), int(row["VisibleVersion"]), str(row.get("VisibleVersionTime") or ""),
        size_of(str(row.get("DataSize") or "")),
    )  # fmt: skip


def size_of(written: str) -> int:
    """Bytes of a text as `1.204 MB`; 0 for what is no size."""
    found = SIZE.fullmatch(written)
    return int(float(found[1].replace(",", "")) * UNITS[found[2].upper()]) if found else 0


def portions(partitions: Iterable[Partition], limit: int) -> tuple[tuple[str, ...] | None, ...]:
    """The names for each statement, in the server's order; None is the table as a whole, in one statement.

    A partition larger than the limit goes alone: a part of it would be no snapshot of it.
    """
    partitions = tuple(partitions)
    if len(partitions) < 2 or sum(item.size_bytes for item in partitions) <= limit:  # noqa: PLR2004
        return (None,)
    found: list[list[str]] = []
    size = limit + 1
    for item in partitions:
        if size + item.size_bytes > limit or len(found[-1]) == MOST_NAMES:
            found.append([])
            size = 0
        found[-1].append(item.name)
        size += item.size_bytes
    return tuple(map(tuple, found))


def is_moving(before: Iterable[Partition], after: Iterable[Partition]) -> bool:
    """Whether anything was written, or partitions came or went."""
    return _versions(before) != _versions(after)


def appeared(before: Iterable[Partition], after: Iterable[Partition]) -> tuple[str, ...]:
    return tuple(sorted(_versions(after).keys() - _versions(before).keys()))


def _versions(partitions: Iterable[Partition]) -> dict[str, int]:
    return {item.name: item.version for item in partitions}
