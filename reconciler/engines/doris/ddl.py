"""Table definitions made replayable: the text as the server prints it, with another name and without what is tied
to the cluster that it came from. Only the trailing list of properties is parsed, the rest stays verbatim.
"""

import re

from reconciler.engines.doris import statements

HEAD = re.compile(r"\s*CREATE\s+TABLE\s+`(?:[^`]|``)*`", re.IGNORECASE)
PROPERTIES = re.compile(r"PROPERTIES\s*\((?P<pairs>[^()]*)\)\s*;?\s*$", re.IGNORECASE)
PAIR = re.compile(r'"([^"]*)"\s*=\s*"([^"]*)"')
# Dropped: what names things of the source cluster, or would act while data is loaded (Doris, Env.java getDdlStmt).
DROPPED = frozenset({
    "storage_vault_id", "storage_vault_name", "replication_allocation", "replication_num", "min_load_replica_num",
    "file_cache_ttl_seconds", "colocate_with", "partition.retention_count", "storage_policy", "storage_medium",
    "storage_cooldown_time", "is_being_synced", "in_atomic_restore", "version_info",
})  # fmt: skip


def replayable(printed: str, database: str, table: str, given: dict[str, str]) -> str:
    """`given` are properties that the target shall have instead. Raises ValueError for what is no table's text."""
    if HEAD.match(printed) is None:
        raise ValueError(f"not a table's definition: {printed[:60]}")
    place = f"CREATE TABLE IF NOT EXISTS {statements.name(database)}.{statements.name(table)}"
    body = HEAD.sub(lambda _: place, printed, count=1).strip().rstrip(";").rstrip()
    found = PROPERTIES.search(body)
    if found is None:
        return f"{body} {statements.properties(given.items())}" if given else body
    kept = {key: value for key, value in PAIR.findall(found["pairs"]) if _stays(key)}
    if "dynamic_partition.enable" in kept:
        kept["dynamic_partition.enable"] = "false"
    pairs = kept | given
    return body[: found.start()] + (statements.properties(pairs.items()) if pairs else "")


def _stays(key: str) -> bool:
    return key not in DROPPED and not key.startswith("binlog.")


def view(printed: str, source: str, database: str, name: str) -> str:
    """The view in another database: names that the server qualified with the source's database follow it."""
    head = re.compile(r"\s*CREATE\s+VIEW\s+`(?:[^`]|``)*`", re.IGNORECASE)
    place = f"CREATE VIEW IF NOT EXISTS {statements.name(database)}.{statements.name(name)}"
    body = head.sub(lambda _: place, printed, count=1).strip().rstrip(";")
    return body.replace(f"`internal`.{statements.name(source)}.", f"`internal`.{statements.name(database)}.")
