"""What only StarRocks shows so: partitions, whose columns depend on where the data lies.

Columns of the documentation's page SHOW PARTITIONS; with shared data there is no time of a version."""

from typing import Any

from . import clock, tails
from .answers import Rows, table
from .errors import Refused

OWN = ("PartitionId PartitionName VisibleVersion VisibleVersionTime VisibleVersionHash State PartitionKey {} DistributionKey Buckets "
       "ReplicationNum StorageMedium CooldownTime LastConsistencyCheckTime DataSize IsInMemory RowCount")  # fmt: skip
SHARED = ("PartitionId PartitionName CompactVersion VisibleVersion NextVersion State PartitionKey {} DistributionKey Buckets DataSize "
          "RowCount EnableDataCache AsyncWrite AvgCS P50CS MaxCS")  # fmt: skip


def partitions(session: Any, each: Any) -> Rows:
    """A row for each physical part of one; what is written goes to the last."""
    tail, zone = tails.parse(each.definition.tail), session.variable("time_zone")
    values, key = dict(each.definition.partitions.items), each.definition.partitions.column
    rows: list[tuple] = []
    for name, predicate in each.definition.predicates(each.name).items():
        amount = session.warehouse.physical
        for part in range(amount):
            count = session.warehouse.store.count(each, predicate) // amount
            version, at = each.version(name) if part == amount - 1 else (1, each.created)
            number, size = each.partitions[name] + part, human(count * session.warehouse.row_bytes)
            middle = ("NORMAL", key, "; ".join(values.get(name, ())), ", ".join(tail.hashed), tail.buckets or "1")
            if session.warehouse.dialect.cloud:
                rows.append((number, name, 0, version, version + 1, *middle, size, count, "true", "false", "0.00", "0.00", "0.00"))
            else:
                rows.append((number, name, version, clock.shown(at, zone), 0, *middle, each.definition.replication, "HDD",
                             "9999-12-31 23:59:59", "NULL", size, "false", count))  # fmt: skip
    columns = (SHARED if session.warehouse.dialect.cloud else OWN).format("List" if each.definition.partitions.kind == "LIST" else "Range")
    return table(columns, rows)


def human(size: int) -> str:
    """`0B`, `100B`, `1.5KB`: no blank, one digit at most."""
    amount = float(size)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1024:
            return f"{amount:.1f}".removesuffix(".0") + unit
        amount /= 1024
    return f"{amount:.1f}".removesuffix(".0") + "TB"


def resume(session: Any, name: str) -> None:
    if name not in session.warehouse.groups:
        raise Refused(f"Warehouse name: {name} not exist.", 1064)
    session.warehouse.groups[name].state = "running"
