"""Column types: as a server prints them, as the store keeps them, and back.

What DuckDB lacks is kept as a struct with one field that names it, so that no other type can be taken for it."""

import re

OPAQUE = {  # internal bytes to everybody else
    "BITMAP": "STRUCT(bitmap UBIGINT[])",
    "HLL": "STRUCT(hll UBIGINT[])",
    "QUANTILE_STATE": "STRUCT(quantile DOUBLE[])",
    "PERCENTILE": "STRUCT(quantile DOUBLE[])",
    "AGG_STATE": "STRUCT(agg_state VARCHAR)",
}
IPV4, WIDE = "STRUCT(ipv4 UINTEGER)", "STRUCT(wide VARCHAR)"
SIMPLE = {
    "BOOLEAN": "BOOLEAN", "BOOL": "BOOLEAN", "TINYINT": "TINYINT", "SMALLINT": "SMALLINT", "INT": "INTEGER", "INTEGER": "INTEGER",
    "BIGINT": "BIGINT", "LARGEINT": "HUGEINT", "HUGEINT": "HUGEINT", "FLOAT": "FLOAT", "DOUBLE": "DOUBLE", "DATE": "DATE",
    "DATEV2": "DATE", "DATETIME": "TIMESTAMP", "DATETIMEV2": "TIMESTAMP", "TIMESTAMP": "TIMESTAMP",
    "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE", "CHAR": "VARCHAR", "VARCHAR": "VARCHAR", "STRING": "VARCHAR", "TEXT": "VARCHAR",
    "JSON": "VARCHAR", "JSONB": "VARCHAR", "VARIANT": "VARCHAR", "IPV4": IPV4, "IPV6": "VARCHAR", "VARBINARY": "BLOB", "BINARY": "BLOB",
}  # fmt: skip
WIDEST = 38
PRINTED = {"string": "text", "integer": "int", "datev2": "date", "datetimev2": "datetime", "decimalv3": "decimal", "jsonb": "json"}


def base(text: str) -> str:
    return re.split(r"[(<\s]", text.strip(), maxsplit=1)[0].upper()


def printed(text: str) -> str:
    """As SHOW CREATE TABLE has it: lower case, no blanks after commas, and the names of today."""
    tight = re.sub(r"\s*([(),<>:])\s*", r"\1", text.strip())
    return re.sub(r"[a-z_]\w*", lambda word: PRINTED.get(word[0], word[0]), tight.lower())


def kept(text: str) -> str:
    """The store's type of a column of this type."""
    name, inner = base(text), _inner(text)
    if name == "ARRAY":
        return f"{kept(inner)}[]"
    if name == "MAP":
        key, value = _split(inner)
        return f"MAP({kept(key)}, {kept(value)})"
    if name == "STRUCT":
        fields = (re.split(r"[:\s]\s*", field.strip(), maxsplit=1) for field in _split(inner))
        return "STRUCT(" + ", ".join(f'"{field.strip("`")}" {kept(kind)}' for field, kind in fields) + ")"
    if name.startswith("DECIMAL"):
        return _decimal(text)
    return OPAQUE.get(name) or SIMPLE.get(name) or text.upper()


def _decimal(text: str) -> str:
    digits = re.findall(r"\d+", text.partition("(")[2]) or ["38", "9"]
    precision, scale = int(digits[0]), int(digits[1]) if len(digits) > 1 else 0
    return WIDE if precision > WIDEST else f"DECIMAL({precision},{scale})"


def step(text: str) -> int:
    """Microseconds that a DATETIME(n) tells apart; of other types one."""
    if base(text) not in {"DATETIME", "DATETIMEV2"}:
        return 1
    digits = re.search(r"\((\d)\)", text)
    return 10 ** (6 - int(digits[1] if digits else 0))


def _inner(text: str) -> str:
    return text[text.index("<") + 1 : text.rindex(">")] if "<" in text else ""


def _split(text: str) -> list[str]:
    """At commas outside brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "<(") - (letter in ">)")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def of_query(kept_type: str) -> str:
    """The type that a materialized view's column has, of the store's."""
    known = {value: key for key, value in (*OPAQUE.items(), *SIMPLE.items())}
    known |= {"VARCHAR": "VARCHAR(65533)", "INTEGER": "INT", "TIMESTAMP": "DATETIME(6)", "BOOLEAN": "BOOLEAN", "HUGEINT": "LARGEINT"}
    return f"ARRAY<{of_query(kept_type[:-2])}>" if kept_type.endswith("[]") else known.get(kept_type, kept_type)
