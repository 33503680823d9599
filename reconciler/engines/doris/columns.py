"""How each column type goes through Parquet and back: as it is, by a conversion that keeps it, or not at all.

From the sources of Doris' writer and reader (row_batch.cpp, schema_desc.cpp, November 2026): INT96 times depend on
the session's zone, IPV4 becomes a signed number, wide decimals are cut, aggregate states have no text. Of StarRocks
from its pages on unloading (files.md, 2026-04).
"""

import re
from typing import NamedTuple

from reconciler.engines.doris import statements

RAW = frozenset({
    "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "char", "varchar", "string", "text",
})  # fmt: skip
TEXTS = frozenset({"char", "varchar", "string", "text"})
TEXT = frozenset({
    "largeint", "date", "datev2", "datetime", "datetimev2", "timestamptz", "ipv4", "ipv6", "json", "jsonb",
    "variant",
})  # fmt: skip
QUOTED = frozenset({"json", "jsonb", "variant"})  # whose text may hold quotes and commas
OBJECTS = {  # a type with what is selected and what is loaded
    "bitmap": ("bitmap_to_base64({})", "bitmap_from_base64({})"),
    "hll": ("hll_to_base64({})", "hll_from_base64({})"),
    "quantile_state": ("quantile_state_to_base64({})", "quantile_state_from_base64({})"),
    "varbinary": ("to_base64_binary({})", "from_base64_binary({})"),
}
OBJECTS_OF_STARROCKS = {
    "bitmap": ("bitmap_to_base64({})", "base64_to_bitmap({})"),
    "hll": ("to_base64(hll_serialize({}))", "hll_deserialize(from_base64({}))"),
    "varbinary": ("{}", "{}"), "binary": ("{}", "{}"),
    # In an object: a text that is none, as `1`, would come back as the string "1" (json.h, parse_json_or_string).
    "json": (
        "CASE WHEN {} IS NULL THEN NULL ELSE CAST(json_object('v', {}) AS STRING) END", "parse_json({}) -> '$.v'"
    ),
}  # fmt: skip
PROBES = {  # asked of a server that must have the functions of a type; versions differ, and builds
    "bitmap": "SELECT bitmap_to_base64(to_bitmap(1)) AS probe",
    "hll": "SELECT hll_to_base64(hll_hash(1)) AS probe",
    "quantile_state": "SELECT quantile_state_to_base64(to_quantile_state(1, 2048)) AS probe",
    "varbinary": "SELECT to_base64_binary(X'01') AS probe",
}
PROBES_OF_STARROCKS = {
    "bitmap": PROBES["bitmap"], "hll": "SELECT to_base64(hll_serialize(hll_hash(1))) AS probe",
}  # fmt: skip
NESTED = re.compile(r"(array|map|struct)<(.*)>", re.DOTALL | re.IGNORECASE)
# The name of a struct's field: before a colon (Doris), or before a blank and its type (StarRocks).
FIELD = re.compile(r"(?:`[^`]*`|\w+)\s*:|(?:(?<=[<,])|^)\s*(?:`[^`]*`|\w+)\s+(?=[a-zA-Z])")
INNER = re.compile(r"[a-z0-9_]+(?:\([^)]*\))?")
WIDEST = 38  # digits of a decimal that Parquet's 128 bits hold
UNSIGNED = "bigint(20) unsigned"  # StarRocks' word for LARGEINT in information_schema


class Column(NamedTuple):
    """`out` is what is selected, `back` what is loaded, with `{}` for the column; None where it cannot go."""

    name: str
    type: str
    out: str | None
    back: str | None

    @property
    def is_converted(self) -> bool:
        return self.back != "{}"


def column(name: str, kind: str, *, starrocks: bool = False) -> Column:
    """`kind` as in information_schema.columns."""
    plain = kind.strip()
    ways = _ways("largeint" if plain.lower() == UNSIGNED or base(plain) == "largeint" else plain, starrocks)
    return Column(name, kind, *(ways or (None, None)))


def base(kind: str) -> str:
    return re.split(r"[(<]", kind.strip().lower(), maxsplit=1)[0].strip()


def probes(columns: tuple[Column, ...], *, starrocks: bool = False) -> dict[str, str]:
    """What to ask of the server for these columns: a type with its statement."""
    known = PROBES_OF_STARROCKS if starrocks else PROBES
    return {kind: known[kind] for kind in sorted({base(item.type) for item in columns} & known.keys())}


def _ways(kind: str, starrocks: bool) -> tuple[str, str] | None:
    first = base(kind)
    objects = OBJECTS_OF_STARROCKS if starrocks else OBJECTS
    if first in objects:
        return objects[first]
    if first in RAW:
        return "{}", "{}"
    if first in TEXT:
        return _by_text(kind)
    if first.startswith("decimal"):
        return ("{}", "{}") if _digits(kind) <= WIDEST else _by_text(kind)
    nested = NESTED.fullmatch(kind)
    return _nested(kind, nested[2], starrocks) if nested else None


def _by_text(kind: str) -> tuple[str, str]:
    """Quotes stand around names of fields, which differ by case."""
    written = kind if "'" in kind else kind.upper()
    return "CAST({} AS STRING)", f"CAST({{}} AS {written})"


def _digits(kind: str) -> int:
    found = re.search(r"\((\d+)", kind)
    return int(found[1]) if found else WIDEST


def _nested(kind: str, inside: str, starrocks: bool) -> tuple[str, str] | None:
    """As it is where every item goes so. By its text where items need it and none may hold quotes or commas of its
    own, which that text does not escape.
    """
    plain = FIELD.sub("", inside).lower()
    kinds = [item for item in INNER.findall(plain) if item not in ("array", "map", "struct")]
    ways = [_ways(item, starrocks) for item in kinds]
    if all(way == ("{}", "{}") for way in ways):
        return "{}", "{}"
    texts = any(base(item) in TEXTS | QUOTED for item in kinds) or "struct" in kind.lower()
    by_text = all(way is not None and way[0] in ("{}", "CAST({} AS STRING)") for way in ways)
    return _by_text(kind) if by_text and not texts else None


def selected(columns: tuple[Column, ...]) -> str:
    """Neutral names, since the reader matches names without regard to case."""
    return ", ".join(
        f"{_filled(item.out, statements.name(item.name))} AS {_neutral(at)}"
        for at, item in enumerate(columns, 1)
    )


def loaded(columns: tuple[Column, ...]) -> str:
    return ", ".join(_filled(item.back, _neutral(at)) for at, item in enumerate(columns, 1))


def lost(columns: tuple[Column, ...], *, strict_casts: bool) -> str | None:
    """The condition of a row in which a conversion back gives nothing for something; None where none can. Strict
    casts fail by themselves.
    """
    conditions = [
        f"({_neutral(at)} IS NOT NULL AND ({_filled(item.back, _neutral(at))}) IS NULL)"
        for at, item in enumerate(columns, 1)
        if item.is_converted and not (strict_casts and str(item.back).startswith("CAST("))
    ]
    return " OR ".join(conditions) or None


def _filled(way: str | None, column: str) -> str:
    """Not by `format`: a type may hold braces of its own."""
    return str(way).replace("{}", column)


def _neutral(at: int) -> str:
    return statements.name(f"c{at}")
