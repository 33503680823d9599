"""`previous_name:` moves a warehouse's history and sets to its new name (P8)."""

from typing import Any, NamedTuple

from reconciler.core.model import Desired
from reconciler.core.record import Recorded
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


def renamed(recorded: Recorded, moves: tuple[Renaming, ...]) -> Recorded:
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
    )
