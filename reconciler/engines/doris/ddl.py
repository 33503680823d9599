"""Table definitions made replayable: the text as the server prints it, with another name and without what is tied
to the cluster that it came from. The trailing list of properties is parsed, the rest stays verbatim.

Which properties name things of the source, or act by themselves, is from Doris' Env.java (getDdlStmt) and the pages
of StarRocks on CREATE TABLE.
"""

import re
from collections.abc import Iterable, Iterator

from reconciler.engines.doris import ddl_text, statements

HEAD = re.compile(r"\s*CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?`(?:[^`]|``)*`", re.IGNORECASE)
DROPPED = frozenset({
    "storage_vault_id", "storage_vault_name", "replication_allocation", "replication_num", "min_load_replica_num",
    "colocate_with", "storage_policy", "storage_medium",
    "storage_cooldown_time", "storage_cooldown_ttl", "storage_volume", "is_being_synced", "in_atomic_restore",
    "version_info",
    # Of partitions to come: without these they have what the table has (Doris, DynamicPartitionUtil.java).
    "dynamic_partition.replication_allocation", "dynamic_partition.replication_num",
    "dynamic_partition.storage_policy", "dynamic_partition.storage_medium",
})  # fmt: skip
# They would remove and add partitions while rows are loaded: set after it, with the values that they had.
ACTING = ("dynamic_partition.enable", "partition.retention_count", "partition_live_number", "partition_ttl",
          "partition_retention_condition")  # fmt: skip
OF_DECOUPLED = frozenset({"file_cache_ttl_seconds"})  # kept where the target has such a cache
# Of those, the ones that somebody chose: a restore tells that they are gone, but for values that say nothing.
CHOSEN = frozenset({
    "colocate_with", "storage_policy", "storage_medium", "storage_cooldown_time", "storage_cooldown_ttl",
    "dynamic_partition.storage_policy", "dynamic_partition.storage_medium", "binlog.enable", *OF_DECOUPLED,
})  # fmt: skip
SILENT = frozenset({"", "0", "false", "hdd"})
SEQUENCE = "__DORIS_SEQUENCE_COL__"


def replayable(
    printed: str, database: str, table: str, given: dict[str, str], next_id: int | None = None,
    without: Iterable[str] = (), *, decoupled: bool = False,
) -> str:  # fmt: skip
    """`given` are properties that the target shall have instead, `without` those that it does not know; `decoupled`
    is the target. Raises ValueError for what is no table's text.
    """
    if HEAD.match(printed) is None:
        raise ValueError(f"not a table's definition: {printed[:60]}")
    place = f"CREATE TABLE IF NOT EXISTS {statements.name(database)}.{statements.name(table)}"
    _refuse_open_defaults(printed)
    body = HEAD.sub(lambda _: place, _counting_from(printed, next_id), count=1).strip().rstrip(";").rstrip()
    before, pairs, after = ddl_text.properties(body)
    dropped = {*without, *(() if decoupled else OF_DECOUPLED)}
    kept = {key: value for key, value in pairs.items() if _stays(key) and key not in dropped}
    if "dynamic_partition.enable" in pairs:
        kept["dynamic_partition.enable"] = "false"
    wanted = kept | {key: value for key, value in given.items() if key not in ACTING}
    listed = f"\n{statements.properties(wanted.items())}" if wanted else ""
    return f"{before.rstrip()}{listed}{after}"


def held_back(printed: str, given: dict[str, str]) -> dict[str, str]:
    """The properties to be set when all is loaded; none where those that act shall stay off."""
    _, pairs, _ = ddl_text.properties(printed)
    off = given.get("dynamic_partition.enable") == "false"
    return {} if off else {key: pairs[key] for key in ACTING if key in pairs}


def left_out(printed: str, restored: str, given: Iterable[str], *, decoupled: bool) -> set[str]:
    """The properties that a restored table does not have as its source had them: those that somebody chose, of the
    ones that are tied to the source, and any other. `restored` is how the target prints the table.
    """
    had, has = ddl_text.properties(printed)[1], ddl_text.last_properties(restored)
    tied = {key for key in had if not _stays(key) or (key in OF_DECOUPLED and not decoupled)}
    silent = {key for key in had if key not in has and had[key].lower() in SILENT}
    told = (tied & {*CHOSEN, *ACTING}) | (had.keys() - tied)
    return {key for key in told if has.get(key) != had[key]} - silent - {*given}


def property_of(printed: str, key: str) -> str | None:
    return ddl_text.properties(printed)[1].get(key)


def columns(printed: str) -> frozenset[str]:
    """All that the definition names."""
    return frozenset(column for column, _ in _said_of_columns(printed))


def counting_column(printed: str) -> str | None:
    """The column that numbers itself."""
    return next((column for column, word in _said_of_columns(printed) if word == "AUTO_INCREMENT"), None)


def generated_columns(printed: str) -> frozenset[str]:
    """Those that the server computes: `… AS (expression)`. Catalogs of older servers do not tell them."""
    return frozenset(column for column, word in _said_of_columns(printed) if word == "AS")


def _said_of_columns(printed: str) -> Iterator[tuple[str, str]]:
    """Each word of a column's definition, in capitals, with the column. They stand in the first parenthesis."""
    column, before = "", ""
    for word in ddl_text.words(printed):
        if word.depth == 0 and word.text == ")":
            return
        if word.depth == 1 and word.is_name and before in ("(", ","):
            column = word.name
        elif word.depth == 1 and column:
            yield column, word.text.upper()
        before = word.text


def with_defaults(printed: str, defaults: Iterable[tuple[str, str]]) -> str:
    """Doris prints a default as it is, and reads it with escapes (Column.java, toSql): one that would not come back
    so is written with them. `defaults` are the texts by column, as information_schema has them.
    """
    for column, told in defaults:
        bare, escaped = f'"{told}"', statements.text(told)
        if bare != escaped:
            head = rf"^(\s*{re.escape(statements.name(column))} .*? DEFAULT ){re.escape(bare)}"
            instead = r"\1" + escaped.replace("\\", r"\\")
            printed = re.sub(head, instead, printed, count=1, flags=re.MULTILINE)
    return printed


def _refuse_open_defaults(printed: str) -> None:
    """Behind a default's closing quote stands nothing, or ON UPDATE or COMMENT: else it held a quote of its own."""
    words = [*_said_of_columns(printed), ("", "")]
    for (column, first), (_, text), (_, after) in zip(words, words[1:], words[2:], strict=False):
        if first == "DEFAULT" and text.startswith('"') and after not in ("", ",", "ON", "COMMENT"):
            raise ValueError(f"the default of its column {column} has quotes that do not match")


def _stays(key: str) -> bool:
    return key not in DROPPED and key not in ACTING and not key.startswith("binlog.")


def _counting_from(printed: str, next_id: int | None) -> str:
    """The server prints where the numbers began, and not where they are: new rows would take used ones."""
    if next_id is None:
        return printed
    found = ddl_text.words(printed)
    for word, opened, first in zip(found, found[1:], found[2:], strict=False):
        if word.depth == 1 and word.text.upper() == "AUTO_INCREMENT" and opened.text == "(":
            return printed[: first.start] + str(next_id) + printed[first.end :]
    return printed
