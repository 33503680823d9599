"""Which partitions, or files, go together in one statement; whether a table stood still while it was exported.

Pure: it knows rows of SHOW PARTITIONS and nothing of connections or storage.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

# Bytes as the server stores them. A statement should end within the hour: files that compaction has replaced are
# kept for three (Doris, compacted_rowset_retention_seconds), and what is lost by a failure stays small.
PORTION = 20 * 1024**3
WHOLE = 100 * 1024**3  # up to which a partition is one statement, and so of one moment
MOST_NAMES = 1_000  # partitions in one statement, or files
# Bytes of Parquet that one INSERT loads: far from the server's four hours, and little is lost by a failure.
LOAD = 8 * 1024**3
SIZE = re.compile(r"\s*([\d.,]+)\s*([KMGTP]?)I?B?\s*", re.IGNORECASE)
UNITS = {unit: 1024**power for power, unit in enumerate(("", "K", "M", "G", "T", "P"))}


class Part(NamedTuple):
    """What one statement exports: some partitions, None for all; of one that is too large, some tablets."""

    partitions: tuple[str, ...] | None
    tablets: tuple[int, ...] | None = None


class Partition(NamedTuple):
    """`version` grows with every write; `since` is when it became visible, as the server says it (UTC); empty where
    it does not (StarRocks that keeps compute and storage apart).
    """

    name: str
    version: int
    since: str
    size_bytes: int


def listed(rows: Iterable[Mapping[str, Any]]) -> tuple[Partition, ...]:
    """The partitions, by rows of SHOW PARTITIONS. StarRocks has a row for each physical part of one, all with its
    name (PartitionsProcDir.java): their versions together grow with each write to any of them.
    """
    found: dict[str, Partition] = {}
    for row in rows:
        one = partition(row)
        known = found.get(one.name, one._replace(version=0, size_bytes=0))
        found[one.name] = Partition(
            one.name, known.version + one.version, max(known.since, one.since), known.size_bytes + one.size_bytes
        )
    return tuple(found.values())


def partition(row: Mapping[str, Any]) -> Partition:
    return Partition(
        str(row["PartitionName"]), int(row["VisibleVersion"]), str(row.get("VisibleVersionTime") or ""),
        size_of(str(row.get("DataSize") or "")),
    )  # fmt: skip


def size_of(written: str) -> int:
    """Bytes of a text as `1.204 MB`; 0 for what is no size."""
    found = SIZE.fullmatch(written)
    return int(float(found[1].replace(",", "")) * UNITS[found[2].upper()]) if found else 0


def parts(
    partitions: tuple[Partition, ...], tablets: Mapping[str, Sequence[int]], limit: int
) -> tuple[Part, ...]:
    """For each statement, in the server's order. `tablets` are those of partitions that are to be cut."""
    known = {item.name: item for item in partitions}
    found: list[Part] = []
    for names in portions(partitions, limit):
        alone = (names or tuple(known))[0] if len(names or known) == 1 else ""
        if alone in tablets:
            found += (Part(names, share) for share in _shares(known[alone], tablets[alone], limit))
        else:
            found.append(Part(names))
    return tuple(found)


def _shares(partition: Partition, tablets: Sequence[int], limit: int) -> Iterator[tuple[int, ...]]:
    """Tablets are about equally large: rows are spread over them by a hash, or by chance."""
    amount = min(len(tablets), -(-partition.size_bytes // limit))
    return (tuple(tablets[at::amount]) for at in range(amount))


def portions(partitions: Iterable[Partition], limit: int) -> tuple[tuple[str, ...] | None, ...]:
    """The names for each statement, in the server's order; None is the table as a whole, in one statement."""
    partitions = tuple(partitions)
    if len(partitions) < 2 or sum(item.size_bytes for item in partitions) <= limit:  # noqa: PLR2004
        return (None,)
    return together(((item.name, item.size_bytes) for item in partitions), limit)


def together(items: Iterable[tuple[str, int]], limit: int) -> tuple[tuple[str, ...], ...]:
    """Names in their order, as many at once as have so many bytes together; a larger one goes alone."""
    found: list[list[str]] = []
    size = limit + 1
    for name, amount in items:
        if size + amount > limit or len(found[-1]) == MOST_NAMES:
            found.append([])
            size = 0
        found[-1].append(name)
        size += amount
    return tuple(map(tuple, found))


def oversized(partitions: Iterable[Partition]) -> tuple[str, ...]:
    return tuple(item.name for item in partitions if item.size_bytes > WHOLE)


def is_moving(before: Iterable[Partition], after: Iterable[Partition]) -> bool:
    """Whether anything was written, or partitions came or went."""
    return _versions(before) != _versions(after)


def appeared(before: Iterable[Partition], after: Iterable[Partition]) -> tuple[str, ...]:
    return tuple(sorted(_versions(after).keys() - _versions(before).keys()))


def _versions(partitions: Iterable[Partition]) -> dict[str, tuple[int, str]]:
    """With the time: a partition that was replaced as a whole begins to count anew."""
    return {item.name: (item.version, item.since) for item in partitions}
