"""How each column type goes through Parquet and back: as it is, by a conversion that keeps it, or not at all.

From the sources of Doris' writer and reader (row_batch.cpp, schema_desc.cpp, November 2026): INT96 times depend on
the session's zone, IPV4 becomes a signed number, wide decimals are cut, aggregate states have no text.
"""

import re
from typing import NamedTuple

from reconciler.engines.doris import statements

RAW = frozenset({
    "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "char", "varchar", "string", "text",
    "tinyint(1)",
})  # fmt: skip
TEXT = frozenset({
    "largeint", "date", "datev2", "datetime", "datetimev2", "timestamptz", "ipv4", "ipv6", "json", "jsonb",
    "variant",
})  # fmt: skip
BASE64 = {  # a type with the functions out and back
    "bitmap": ("bitmap_to_base64", "bitmap_from_base64"), "hll": ("hll_to_base64", "hll_from_base64"),
    "quantile_state": ("quantile_state_to_base64", "quantile_state_from_base64"),
    "varbinary": ("to_base64_binary", "from_base64_binary"),
}  # fmt: skip
NESTED = re.compile(r"(array|map|struct)<(.*)>", re.DOTALL)
INNER = re.compile(r"[a-z0-9_]+(?:\([^)]*\))?")
WIDEST = 38  # digits of a decimal that Parquet's 128 bits hold


class Column(NamedTuple):
    """`out` is what is selected, `back` what is loaded, with `{}` for the column; None where it cannot go."""

    name: str
    type: str
    out: str | None
    back: str | None


def column(name: str, kind: str) -> Column:
    found = _ways(kind.strip().lower())
    return Column(name, kind, *(found or (None, None)))


def _ways(kind: str) -> tuple[str, str] | None:
    base = kind.partition("(")[0].strip()
    if base in RAW:
        return "{}", "{}"
    if base in TEXT:
        return "CAST({} AS STRING)", f"CAST({{}} AS {kind.upper()})"
    if base in BASE64:
        out, back = BASE64[base]
        return f"{out}({{}})", f"{back}({{}})"
    if base.startswith("decimal"):
        return ("{}", "{}") if _digits(kind) <= WIDEST else ("CAST({} AS STRING)", f"CAST({{}} AS {kind.upper()})")
    nested = NESTED.fullmatch(kind)
    return ("{}", "{}") if nested and _is_plain(nested[2]) else None


def _digits(kind: str) -> int:
    found = re.search(r"\((\d+)", kind)
    return int(found[1]) if found else WIDEST


def _is_plain(inner: str) -> bool:
    """Whether every type inside goes as it is. Names of a struct's fields stand before a colon."""
    kinds = INNER.findall(re.sub(r"[a-z0-9_]+\s*:", "", inner))
    return all(_ways(kind) == ("{}", "{}") for kind in kinds if kind not in ("array", "map", "struct"))


def selected(columns: tuple[Column, ...]) -> str:
    """Neutral names, since the reader matches names without regard to case."""
    return ", ".join(
        f"{str(item.out).format(statements.name(item.name))} AS {statements.name(f'c{at}')}"
        for at, item in enumerate(columns, 1)
    )


def loaded(columns: tuple[Column, ...]) -> str:
    return ", ".join(
        str(item.back).format(statements.name(f"c{at}")) for at, item in enumerate(columns, 1)
    )  # fmt: skip
