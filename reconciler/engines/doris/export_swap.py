"""A database that is replaced: the set goes into one beside it, then two renames put it in place.

How far that came is read off the databases that the server shows, and the journal's note of what stood there when
the restore was claimed. The replaced one is dropped by whoever calls this, when everything else is done.
"""

import hashlib
import json
from collections.abc import Collection
from typing import NamedTuple

from reconciler.engines.doris import export_statements, statements, tables
from reconciler.engines.doris.session import Session
from reconciler.errors import EngineFailed

READABLE = 38  # letters of the database's own name, so that the whole is at most 64


class Place(NamedTuple):
    """`into` is where rows are loaded; `replaced` is the name that the old database gets, None where none is."""

    target: str
    into: str
    replaced: str | None

    @property
    def is_beside(self) -> bool:
        return self.into != self.target


def place(restore_id: str, target: str, *, replace: bool) -> Place:
    if not replace:
        return Place(target, target, None)
    digest = hashlib.sha256(json.dumps([restore_id, target]).encode()).hexdigest()[:12]
    stem = target[:READABLE]
    return Place(target, f"{stem}__restore_{digest}", f"{stem}__replaced_{digest}")


def standing(session: Session, database: str) -> list[list[str]]:
    """The tables that a database has, each by name and the time when it was made."""
    rows = session.ask(statements.tables(database))
    return sorted([str(row["TABLE_NAME"]), str(row["CREATE_TIME"])] for row in rows)


def is_done(session: Session, where: Place, stood: list[list[str]], restored: Collection[str]) -> bool:
    """Whether an earlier run has put the new database in place. `stood` is from the journal: while any table of it
    is still there nothing was replaced, whatever has come beside it. `restored` are the tables that the set has.
    """
    existing = tables.databases(session)
    if not where.is_beside or where.into in existing or where.target not in existing:
        return False
    if where.replaced in existing:
        return True
    present = standing(session, where.target)
    remains = any(table in stood for table in present)
    return not remains and {name for name, _ in present} >= set(restored)


def put_in_place(session: Session, where: Place) -> None:
    """Two statements, with a short gap between them in which the database has no name."""
    existing = tables.databases(session)
    if not where.is_beside or where.into not in existing:
        return
    if where.target in existing:
        if where.replaced in existing:
            raise EngineFailed(
                f"database {where.target} was made anew while it was replaced: the old one is {where.replaced}, "
                f"the restored one {where.into}; rename them as you want them"
            )
        session.tell(export_statements.rename_database(where.target, str(where.replaced)))
    session.tell(export_statements.rename_database(where.into, where.target))


def drop_replaced(session: Session, where: Place) -> None:
    if where.replaced is not None and where.replaced in tables.databases(session):
        session.tell(export_statements.drop_database(where.replaced))


def left(where: Place, existing: tuple[str, ...]) -> tuple[str, ...]:
    """What a restore that ended early has left beside the target, in words."""
    told = []
    if where.is_beside and where.into in existing:
        told.append(f"database {where.into} holds what was restored so far: drop it, nothing else uses it")
    if where.replaced in existing:
        told.append(f"database {where.replaced} is what {where.target} was: rename it back, or drop it")
    return tuple(told)
