"""Functions that DuckDB lacks, as its macros over the structs of `kinds`. Their base64 is opaque but stable."""

from .kinds import IPV4, WIDE

TEXT_OF = f"""CASE
  WHEN x IS NULL THEN NULL
  WHEN typeof(x) = '{IPV4}' THEN ipv4_text(TRY_CAST(regexp_extract(x::VARCHAR, ': (\\d+)', 1) AS BIGINT))
  WHEN typeof(x) = '{WIDE}' THEN regexp_extract(x::VARCHAR, '^\\{{''?wide''?: (.*)\\}}$', 1)
  WHEN typeof(x) = 'BOOLEAN' THEN CASE x::VARCHAR WHEN 'true' THEN '1' ELSE '0' END
  ELSE x::VARCHAR END"""
BYTES = [f"TRY_CAST(split_part(x, '.', {at}) AS BIGINT)" for at in (1, 2, 3, 4)]

MACROS = {
    "ipv4_text(n)": "concat_ws('.', n >> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255)",
    "text_of(x)": TEXT_OF,
    "ipv4_parsed(x)": f"CASE WHEN regexp_full_match(x, '\\d+(\\.\\d+){{3}}') AND greatest({', '.join(BYTES)}) < 256 THEN {{'ipv4': "
                      f"({BYTES[0]} * 16777216 + {BYTES[1]} * 65536 + {BYTES[2]} * 256 + {BYTES[3]})::UINTEGER}} END",
    "ipv4_of(x)": "ipv4_parsed(text_of(x))",
    "ipv4_numbered(x)": "CASE WHEN x >= 0 THEN {'ipv4': x::UINTEGER} END",
    "wide_of(x)": "CASE WHEN regexp_full_match(text_of(x), '-?\\d+(\\.\\d+)?') THEN {'wide': text_of(x)} END",
    "floored(micros, step)": "make_timestamp((micros - (micros % step + step) % step)::BIGINT)",
    "scaled(x, step)": "floored(epoch_us(x) + step // 2, step)",
    "json_of(x)": "CASE WHEN json_valid(x) THEN x END",
    "json_or_string_of(x)": "CASE WHEN regexp_matches(x, '^\\s*[\\[{\"]') THEN CASE WHEN json_valid(x) THEN x END ELSE to_json(x)::VARCHAR END",
    "json_with(k, v)": "CASE WHEN v IS NOT NULL THEN '{' || to_json(k) || ':' || v || '}' END",
    "plain_to_base64(x)": "to_base64(encode(x))",
    "plain_from_base64(x)": "decode(from_base64(x))",
    "to_base64_binary(x)": "to_base64(x)",
    "from_base64_binary(x)": "from_base64(x)",
    "to_bitmap(x)": "{'bitmap': CASE WHEN TRY_CAST(x AS UBIGINT) IS NULL THEN []::UBIGINT[] ELSE [TRY_CAST(x AS UBIGINT)] END}",
    "bitmap_empty()": "{'bitmap': []::UBIGINT[]}",
    "bitmap_hash(x)": "{'bitmap': [hash(x) % 4294967296]::UBIGINT[]}",
    "bitmap_from_string(x)": "CASE WHEN x IS NOT NULL THEN {'bitmap': list_sort(list_distinct(TRY_CAST(string_split(x, ',') AS UBIGINT[])))} END",
    "bitmap_to_string(x)": "array_to_string(x.bitmap, ',')",
    "bitmap_count(x)": "len(x.bitmap)",
    "bitmap_union(x)": "CASE WHEN count(x) = 0 THEN NULL ELSE {'bitmap': list_sort(list_distinct(flatten(list(x.bitmap))))} END",
    "bitmap_union_count(x)": "len(list_distinct(flatten(list(x.bitmap))))",
    "bitmap_to_base64(x)": "to_base64(encode('b' || array_to_string(x.bitmap, ',')))",
    "bitmap_from_base64(x)": "CASE WHEN x IS NULL THEN NULL WHEN decode(from_base64(x)) = 'b' THEN {'bitmap': []::UBIGINT[]} ELSE "
                             "{'bitmap': TRY_CAST(string_split(decode(from_base64(x))[2:], ',') AS UBIGINT[])} END",
    "base64_to_bitmap(x)": "bitmap_from_base64(x)",
    "hll_hash(x)": "{'hll': [hash(x)]::UBIGINT[]}",
    "hll_empty()": "{'hll': []::UBIGINT[]}",
    "hll_union(x)": "CASE WHEN count(x) = 0 THEN NULL ELSE {'hll': list_sort(list_distinct(flatten(list(x.hll))))} END",
    "hll_cardinality(x)": "len(x.hll)",
    "hll_to_base64(x)": "to_base64(encode('h' || array_to_string(x.hll, ',')))",
    "hll_from_base64(x)": "CASE WHEN x IS NULL THEN NULL WHEN decode(from_base64(x)) = 'h' THEN {'hll': []::UBIGINT[]} ELSE "
                          "{'hll': TRY_CAST(string_split(decode(from_base64(x))[2:], ',') AS UBIGINT[])} END",
    "hll_serialize(x)": "'h' || array_to_string(x.hll, ',')",
    "hll_deserialize(x)": "CASE WHEN x IS NULL THEN NULL WHEN x = 'h' THEN {'hll': []::UBIGINT[]} ELSE {'hll': TRY_CAST(string_split(x[2:], ',') AS UBIGINT[])} END",
    "to_quantile_state(x, compression)": "{'quantile': [x::DOUBLE]}",
    "quantile_state_empty()": "{'quantile': []::DOUBLE[]}",
    "quantile_union(x)": "CASE WHEN count(x) = 0 THEN NULL ELSE {'quantile': list_sort(flatten(list(x.quantile)))} END",
    "quantile_state_to_base64(x)": "to_base64(encode('q' || array_to_string(x.quantile, ',')))",
    "quantile_state_from_base64(x)": "CASE WHEN x IS NULL THEN NULL WHEN decode(from_base64(x)) = 'q' THEN {'quantile': []::DOUBLE[]} ELSE "
                                     "{'quantile': TRY_CAST(string_split(decode(from_base64(x))[2:], ',') AS DOUBLE[])} END",
}  # fmt: skip

QUANTILE = frozenset({"quantile_state_to_base64", "quantile_state_from_base64"})
OF_STARROCKS = frozenset({"base64_to_bitmap", "hll_serialize", "hll_deserialize"})
OF_DORIS = QUANTILE | {"bitmap_from_base64", "hll_to_base64", "hll_from_base64", "to_quantile_state", "quantile_union",
                       "to_base64_binary", "from_base64_binary", "quantile_state_empty"}  # fmt: skip


def statements() -> list[str]:
    return [f"CREATE MACRO {head} AS {body}" for head, body in MACROS.items()]


def absent(name: str, dialect: object) -> bool:
    """Whether this server lacks a function that another one has."""
    if dialect.starrocks:
        return name in OF_DORIS
    return name in OF_STARROCKS or (name in QUANTILE and not dialect.has("-quantile_text"))
