"""What CREATE TABLE says after its columns: the model, keys, comment, buckets, properties."""

import functools
from typing import NamedTuple

from .words import Reader

MODELS = ("DUPLICATE", "UNIQUE", "AGGREGATE", "PRIMARY")


class Tail(NamedTuple):
    model: str = ""
    keys: tuple[str, ...] = ()
    comment: str = ""
    cluster: tuple[str, ...] = ()  # CLUSTER BY: the order of a merge-on-write table's rows
    hashed: tuple[str, ...] = ()  # none: RANDOM
    buckets: str = ""  # a number, AUTO, or nothing
    order: tuple[str, ...] = ()  # ORDER BY of StarRocks
    properties: tuple[tuple[str, str], ...] = ()

    @property
    def settings(self) -> dict[str, str]:
        return dict(self.properties)


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Tail:
    reader, found = Reader(text), Tail()
    while reader.next.kind != "end":
        found = _clause(reader, found)
    return found


def _clause(reader: Reader, found: Tail) -> Tail:
    for model in MODELS:
        if reader.take(model, "KEY"):
            return found._replace(model=model, keys=reader.listed(reader.name))
    if reader.take("CLUSTER", "BY"):
        return found._replace(cluster=reader.listed(reader.name))
    if reader.take("COMMENT"):
        return found._replace(comment=reader.text())
    if reader.take("DISTRIBUTED", "BY"):
        hashed = () if reader.take("RANDOM") else _hashed(reader)
        return found._replace(hashed=hashed, buckets=reader._read() if reader.take("BUCKETS") else "")
    if reader.take("ORDER", "BY"):
        return found._replace(order=reader.listed(reader.name))
    if reader.take("PROPERTIES"):
        return found._replace(properties=tuple(reader.properties().items()))
    reader.at += 1
    return found


def _hashed(reader: Reader) -> tuple[str, ...]:
    reader.expect("HASH")
    return reader.listed(reader.name)


def with_properties(text: str, properties: dict[str, str]) -> str:
    """The text with these properties instead of its own."""
    reader = Reader(text)
    while reader.next.kind != "end" and not reader.sees("PROPERTIES", "("):
        reader.at += 1
    pairs = ", ".join(f'"{key}" = "{value}"' for key, value in properties.items())
    return f"{text[: reader.next.start].rstrip()} PROPERTIES ({pairs})"
