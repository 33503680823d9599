"""What an inventory says of a table: all that a restore must know, and how consistent its rows are. Pure."""

from typing import Any

from reconciler.engines.doris import ddl
from reconciler.engines.doris.columns import Column


def entry(
    table: str, columns: tuple[Column, ...], begun: dict[str, Any], ended: dict[str, Any],
    records: list[dict[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    """By the looks before and after a table's portions, and their records."""
    return {
        "name": table, "statement": begun["statement"], "columns": [list(item) for item in columns],
        "generated": sorted({*begun["generated"], *ddl.generated_columns(begun["statement"])}),
        "has_sequence": begun["has_sequence"], "next_id": ended["next_id"], "rollups": begun["rollups"],
        "rows": sum(record["rows"] for record in records), "counted": ended["counted"],
        "began": begun["began"], "ended": ended["ended"], "moving": ended["moving"],
        "partitions_not_included": list(ended["not_included"]),
        "versions": {"before": _versions(begun["partitions"]), "after": _versions(ended["partitions"])},
        "portions": records,
    }  # fmt: skip


def _versions(partitions: list[list[Any]]) -> list[list[Any]]:
    return [item[:3] for item in partitions]
