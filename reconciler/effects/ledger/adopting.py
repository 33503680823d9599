"""Adds to a ledger what storages prove and it did not know; what it knows stays as it is (T2, R8)."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update

from reconciler.core import rebuild
from reconciler.core.rebuild import Adoption
from reconciler.core.record import Task
from reconciler.effects.ledger import steps, tables

APPROVAL = "it was found unclaimed after the ledger was rebuilt; `reconcile allow restore {}` lets it run"


def adopt(connection: Connection, found: Adoption, now: datetime) -> Adoption:
    """The part of it that was new."""
    _skip_what_has_its_set(connection, found, now)
    return found._replace(
        sets=_add(connection, tables.sets, found.sets),
        tasks=_add(connection, tables.tasks, _with_a_slot_of_their_own(connection, found.tasks)),
        attempts=_add(connection, tables.attempts, found.attempts),
        restores=_add_claims(connection, found.restores),
    )


def ask_approval(connection: Connection) -> None:
    """Every request that is not claimed waits for a person (R8)."""
    table = tables.restores
    waiting = select(table.c.id).where(table.c.state == "pending", table.c.claimed_at.is_(None))
    for (restore,) in connection.execute(waiting).all():
        changed = {"state": "needs_approval", "reason": APPROVAL.format(restore)}
        connection.execute(update(table).where(table.c.id == restore).values(changed))


def _skip_what_has_its_set(connection: Connection, found: Adoption, now: datetime) -> None:
    table = tables.tasks
    unbegun = connection.execute(select(table).where(table.c.state == "waiting", table.c.attempt == 0)).mappings()
    skipped = rebuild.skipped(found, [tables.value_of(Task, row) for row in unbegun], now)
    tables.save(connection, table, [task._asdict() for task in skipped])
    for task in skipped:
        steps.log_end(connection, task, now)


def _with_a_slot_of_their_own(connection: Connection, tasks: tuple[Task, ...]) -> tuple[Task, ...]:
    """A warehouse has one task for a slot; of two that a renaming brings together the first one stays."""
    table = tables.tasks
    names = {task.warehouse for task in tasks}
    taken = {
        (row.warehouse, row.slot)
        for row in connection.execute(select(table.c.warehouse, table.c.slot)) if row.warehouse in names
    }  # fmt: skip
    by_slot = {(task.warehouse, task.slot): task for task in reversed(tasks)}
    return tuple(task for slot, task in by_slot.items() if slot not in taken)


def _add(connection: Connection, table: Table, values: tuple[Any, ...]) -> tuple[Any, ...]:
    keys = [column.name for column in table.primary_key.columns]
    rows = {tuple(getattr(value, key) for key in keys): value for value in values}
    known = tables.known_keys(connection, table, [key[0] for key in rows])
    fresh = {key: value for key, value in rows.items() if key not in known}
    if fresh:
        connection.execute(insert(table), [value._asdict() for value in fresh.values()])
    return tuple(fresh.values())


def _add_claims(connection: Connection, claimed: tuple[Any, ...]) -> tuple[Any, ...]:
    """A request that the ledger knew as unclaimed gives way to the claim."""
    table = tables.restores
    used = {
        key for (key,) in connection.execute(select(table.c.id).where(table.c.claimed_at.is_not(None)))
    }  # fmt: skip
    fresh = tuple(item for item in claimed if item.id not in used)
    tables.save(connection, table, [item._asdict() for item in fresh])
    return fresh
