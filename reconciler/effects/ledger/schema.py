"""The schema's version: a new ledger, an older one brought up to date step by step, and what cannot be used.

All of it happens in one transaction, under the lock that writers take. MySQL ends a transaction at each change of a
table, so every step can be done again from its middle, and the version is written last.
"""

import uuid
from collections.abc import Callable

from sqlalchemy import Connection, delete, insert, inspect, select, update

from reconciler.core.ledger_place import LedgerPlace
from reconciler.effects.ledger import lease_row, tables
from reconciler.errors import LedgerUnusable, Misuse


def bring_up_to_date(connection: Connection, place: LedgerPlace, *, simulated: bool) -> None:
    """Makes the tables, or changes older ones. Raises as `check` does, before anything is changed."""
    known = _known(connection)
    if not known and not inspect(connection).has_table(tables.meta.name):
        _create(connection, simulated=simulated)
        known = _known(connection)
    check(known, place, simulated=simulated)
    for version in range(int(known["schema_version"]), VERSION):
        STEPS[version](connection)
        _set_version(connection, version + 1)


def check_ledger(connection: Connection, place: LedgerPlace, *, simulated: bool | None = None) -> None:
    """Raises LedgerUnusable where it is no ledger, or one of a newer release; Misuse where `--now` is mixed."""
    check(_known(connection), place, simulated=simulated)


def check_current(connection: Connection, place: LedgerPlace, *, simulated: bool) -> None:
    """As `check_ledger`, and raises LedgerUnusable as well where a pass is to bring it up to date first."""
    known = _known(connection)
    check(known, place, simulated=simulated)
    if int(known["schema_version"]) < VERSION:
        raise LedgerUnusable(
            f"ledger {place} was written by an older release; a pass of this one brings it up to date, then try "
            f"again"
        )


def check(known: dict[str, str], place: LedgerPlace, *, simulated: bool | None) -> None:
    if "schema_version" not in known:
        raise LedgerUnusable(f"{place} is not a ledger of the reconciler; it was left as it is")
    if int(known["schema_version"]) > VERSION:
        raise LedgerUnusable(
            f"ledger {place} was written by a newer release (schema {known['schema_version']}, this one knows "
            f"{VERSION}); nothing was changed, use that release or a later one"
        )
    if simulated is not None and known["simulated"] != str(int(simulated)):
        raise Misuse(
            f"ledger {place} lives by the real clock, so --now cannot be used with it"
            if simulated
            else f"ledger {place} was made with --now and can only be used with it; give another --ledger"
        )


def _known(connection: Connection) -> dict[str, str]:
    if not inspect(connection).has_table(tables.meta.name):
        return {}
    return {row.name: row.content for row in connection.execute(select(tables.meta))}


def _create(connection: Connection, *, simulated: bool) -> None:
    """`meta` comes last: a ledger that was made by half has none, and is made to its end the next time."""
    others = [table for table in tables.metadata.sorted_tables if table is not tables.meta]
    lease_row.create(connection)
    tables.metadata.create_all(connection, tables=others)
    tables.metadata.create_all(connection, tables=[tables.meta])
    rows = {
        "schema_version": str(VERSION),
        "ledger_id": uuid.uuid4().hex,
        "simulated": str(int(simulated)),
        "seen_at": "",
        "rebuilt_at": "",
    }
    connection.execute(
        insert(tables.meta), [{"name": name, "content": text} for name, text in rows.items()]
    )  # fmt: skip


def _move_fence(connection: Connection) -> None:
    """2: the fencing number has a row of its own, with the lease. Version 1 was in SQLite alone."""
    number = connection.execute(select(tables.meta.c.content).where(tables.meta.c.name == "fence")).scalar()
    lease_row.create(connection, fence=int(number or 0))
    connection.execute(delete(tables.meta).where(tables.meta.c.name == "fence"))


def _set_version(connection: Connection, version: int) -> None:
    known = tables.meta.c.name == "schema_version"
    connection.execute(update(tables.meta).where(known).values(content=str(version)))


STEPS: dict[int, Callable[[Connection], None]] = {1: _move_fence}  # from this version to the next
VERSION = 1 + len(STEPS)
