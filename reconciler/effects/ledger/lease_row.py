"""The row that every writing transaction begins with: who may write, under which number, and until when.

Whoever changes the ledger locks it first, so that one transaction at a time writes, in every database: SQLite locks
the file at BEGIN, a server this row. A writer whose number is no longer the row's is fenced off (T3).
"""

from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    literal_column,
    select,
    update,
)

# By the database's own clock, in milliseconds since 1970. MySQL's NOW() is that of the statement's begin.
NOW = {
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
    "mysql": "CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000 AS SIGNED)",
}
FORM: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
metadata = MetaData()
lease = Table(
    "lease", metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("fence", BigInteger, nullable=False),
    Column("holder", String(255)),  # for people; the number is what counts
    Column("ends_at", BigInteger),  # milliseconds since 1970, by the database's clock; None where none is held
    **FORM,
)  # fmt: skip


class Standing(NamedTuple):
    """The row, and how many seconds its lease still has; at most zero where it is free."""

    fence: int
    holder: str | None
    seconds: float


def create(connection: Connection, *, fence: int = 0) -> None:
    metadata.create_all(connection)
    if connection.execute(select(lease.c.id)).first() is None:
        connection.execute(insert(lease).values(id=1, fence=fence))


def lock(connection: Connection) -> int:
    """Locks the row until the transaction ends, and gives the number that may write."""
    return int(connection.execute(select(lease.c.fence).where(lease.c.id == 1).with_for_update()).scalar_one())


def next_number(connection: Connection) -> int:
    """Takes the next number: for a holder whose lease the system keeps."""
    number = lock(connection) + 1
    connection.execute(update(lease).where(lease.c.id == 1).values(fence=number))
    return number


def standing(connection: Connection) -> Standing:
    """The row as it is, whoever has it locked."""
    columns = (lease.c.fence, lease.c.holder, lease.c.ends_at, _now(connection).label("now"))
    row = connection.execute(select(*columns).where(lease.c.id == 1)).one()
    return Standing(row.fence, row.holder, 0.0 if row.ends_at is None else (row.ends_at - row.now) / 1000)


def take(connection: Connection, holder: str, seconds: float) -> int:
    """Gives the holder the lease, under the next number, which it returns."""
    number = next_number(connection)
    values = {"holder": holder, "ends_at": _now(connection) + int(seconds * 1000)}
    connection.execute(update(lease).where(lease.c.id == 1).values(values))
    return number


def renew(connection: Connection, number: int, seconds: float) -> bool:
    """So many seconds from now; False where another holder has come."""
    ends_at = _now(connection) + int(seconds * 1000)
    held = (lease.c.id == 1, lease.c.fence == number)
    return connection.execute(update(lease).where(*held).values(ends_at=ends_at)).rowcount == 1


def give_back(connection: Connection, number: int) -> None:
    held = (lease.c.id == 1, lease.c.fence == number)
    connection.execute(update(lease).where(*held).values(holder=None, ends_at=None))


def _now(connection: Connection) -> ColumnElement[int]:
    return literal_column(NOW[connection.dialect.name], BigInteger)
