"""What a column's definition says after its type: nullability, aggregation, default, generation…"""

import functools
from typing import NamedTuple

from .words import Reader

AGGREGATIONS = ("SUM", "MAX", "MIN", "REPLACE", "REPLACE_IF_NOT_NULL", "BITMAP_UNION", "HLL_UNION", "QUANTILE_UNION",
                "PERCENTILE_UNION", "GENERIC")  # fmt: skip
SEQUENCE = "__DORIS_SEQUENCE_COL__"


class Facts(NamedTuple):
    nullable: bool = True
    key: bool = False
    aggregation: str = ""
    default: str | None = None
    literal: bool = True  # of the default: a text, not a function
    auto: int | None = None  # where AUTO_INCREMENT begins
    generated: str = ""
    on_update: bool = False
    comment: str = ""


@functools.lru_cache(maxsize=4096)
def parse(rest: str) -> Facts:
    reader, found = Reader(rest), Facts()
    while reader.next.kind != "end":
        found = _clause(reader, found)
    return found


def _clause(reader: Reader, found: Facts) -> Facts:
    if reader.take("NOT", "NULL"):
        return found._replace(nullable=False)
    if reader.take("COMMENT"):
        return found._replace(comment=reader.text())
    if reader.take("AUTO_INCREMENT"):
        return found._replace(auto=int(_inside(reader) or 1) if reader.sees("(") else 1)
    if reader.take("DEFAULT"):
        return _default(reader, found)
    if reader.take("ON", "UPDATE"):
        reader.at += 1
        _inside(reader)
        return found._replace(on_update=True)
    if reader.take("GENERATED", "ALWAYS", "AS") or reader.take("AS"):
        if reader.sees("("):
            return found._replace(generated=_inside(reader))
        start = reader.next.start  # StarRocks needs no brackets: AS expression, and a comment after it
        while reader.next.kind != "end" and not reader.sees("COMMENT"):
            reader.at += 1
        return found._replace(generated=reader.sql[start : reader.next.start].strip())
    if reader.take("KEY"):
        return found._replace(key=True)
    for name in AGGREGATIONS:
        if reader.take(name):
            return found._replace(aggregation=name)
    reader.at += 1
    return found


def _default(reader: Reader, found: Facts) -> Facts:
    if reader.next.kind == "text":
        return found._replace(default=reader.text())
    start = reader.next.start
    sign = reader.take("-")
    reader.at += 1
    end = reader.tokens[reader.at - 1].end
    while not sign and reader.take("."):
        reader.at += 1
        end = reader.tokens[reader.at - 1].end
    if reader.sees("("):
        _inside(reader)
        end = reader.tokens[reader.at - 1].end
    text = reader.sql[start:end]
    if text.upper() == "NULL":
        return found
    return found._replace(default=text, literal=text.lstrip("-")[:1].isdigit())


def _inside(reader: Reader) -> str:
    """The text between brackets that come next, if they do."""
    if not reader.take("("):
        return ""
    start, depth = reader.next.start, 1
    while depth and reader.next.kind != "end":
        depth += reader.sees("(") - reader.sees(")")
        reader.at += 1
    return reader.sql[start : reader.tokens[reader.at - 1].start]
