"""What a server tells of materialized views, as rows for queries."""

from typing import Any

from .tables import literal

COLUMNS = ("Id", "Name", "JobName", "State", "SchemaChangeDetail", "RefreshState", "RefreshInfo", "QuerySql", "MvProperties",
           "MvPartitionInfo", "SyncWithBaseTables")  # fmt: skip


def infos(session: Any, name: str) -> str:
    """mv_infos("database" = …), as a query of the store."""
    rows = [
        (each.id, each.name, f"inner_mtmv_{each.id}", "NORMAL", "", "SUCCESS" if each.refreshed else "INIT", each.definition.head,
         each.definition.query, "{}", "MTMVPartitionInfo{partitionType=SELF_MANAGE}", "1")
        for each in session.warehouse.database(name).tables.values() if each.kind == "MV"
    ]  # fmt: skip
    listed = ", ".join("(" + ", ".join(literal(str(cell)) for cell in row) + ")" for row in rows)
    columns = ", ".join(COLUMNS)
    empty = ", ".join(f"NULL::VARCHAR AS {column}" for column in COLUMNS)
    return f"SELECT * FROM (VALUES {listed}) AS q({columns})" if rows else f"SELECT {empty} WHERE FALSE"
