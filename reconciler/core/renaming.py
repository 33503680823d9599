"""`previous_name:` moves a warehouse's history, sets and restores to its new name (P8)."""

from typing import Any, NamedTuple

from reconciler.core import restore
from reconciler.core.model import Desired, FromWarehouse, Restore
from reconciler.core.record import Recorded, RestoreTask
from reconciler.core.restore import FAMILIES


class Renaming(NamedTuple):
    old: str
    new: str


def renamings(desired: Desired, recorded: Recorded) -> tuple[Renaming, ...]:
    """Those that have not happened yet: the old name has a history of the same engine family and no entry,
    the new one no history.
    """
    return tuple(
        Renaming(entry.previous_name, name)
        for name, entry in desired.warehouses.items()
        if entry.previous_name in recorded.plans
        and entry.previous_name not in desired.warehouses
        and name not in recorded.plans
        and FAMILIES[recorded.plans[entry.previous_name].entry.engine] == FAMILIES[entry.engine]
    )


def renamed(recorded: Recorded, moves: tuple[Renaming, ...], desired: Desired) -> Recorded:
    """The recorded state as if the new names had always been there; ids and keys of tasks stay."""
    names = dict(moves)
    if not names:
        return recorded

    def move(value: Any) -> Any:
        return value._replace(warehouse=names[value.warehouse]) if value.warehouse in names else value

    return recorded._replace(
        plans={names.get(name, name): move(item) for name, item in recorded.plans.items()},
        history=tuple(map(move, recorded.history)),
        open_tasks=tuple(map(move, recorded.open_tasks)),
        last_tasks={names.get(name, name): move(item) for name, item in recorded.last_tasks.items()},
        taken={(names.get(name, name), slot): task for (name, slot), task in recorded.taken.items()},
        sets=tuple(map(move, recorded.sets)),
        ahead=frozenset((names.get(name, name), slot) for name, slot in recorded.ahead),
        restores={
            name: readdressed(task, names, desired.restores.get(name)) for name, task in recorded.restores.items()
        },
    )


def readdressed(task: RestoreTask, names: dict[str, str], wanted: Restore | None) -> RestoreTask:
    """The request with the new names of warehouses: always as its target, and as its source where the file says so,
    which may go on with the old name. It is the same request, and goes on if it runs (R1, R2).
    """
    entry = task.entry._replace(warehouse=names.get(task.entry.warehouse, task.entry.warehouse))
    if isinstance(entry.source, FromWarehouse) and wanted is not None:
        source = entry.source._replace(warehouse=names.get(entry.source.warehouse, entry.source.warehouse))
        entry = entry._replace(source=source) if wanted.source == source else entry
    return task if entry == task.entry else task._replace(entry=entry, digest=restore.digest(entry))
