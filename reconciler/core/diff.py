"""What a commit changes: declared warehouses beside the recorded revisions, field by field (P1, P2, P5, P8)."""

from typing import Any, NamedTuple

from reconciler.core import instants
from reconciler.core.model import WEEKDAYS, Desired, Periodic, Plan, SecretReference, Server, Warehouse
from reconciler.core.record import PlanRevision, Recorded
from reconciler.core.restore import FAMILIES


class FieldChange(NamedTuple):
    path: tuple[str, ...]
    before: Any
    after: Any


class Create(NamedTuple):
    """A warehouse that is new, or declared again. `sets` are its sets that the ledger still knows."""

    entry: Warehouse
    sets: int


class Update(NamedTuple):
    """`previous` is overwritten as a whole; `fields` says where the two differ."""

    entry: Warehouse
    previous: PlanRevision
    fields: tuple[FieldChange, ...]


class End(NamedTuple):
    """A warehouse gone from the YAML: its plan ends, its sets stay and still expire."""

    previous: PlanRevision
    sets: int


Change = Create | Update | End


class Mismatch(NamedTuple):
    """A warehouse that cannot be taken over as written; the recorded revision stays in force."""

    warehouse: str
    message: str


def changes(desired: Desired, recorded: Recorded) -> tuple[Change, ...]:
    """Ends, creations, updates, each by name: the order in which they are shown."""
    sets: dict[str, int] = {}
    for item in recorded.sets:
        sets[item.warehouse] = sets.get(item.warehouse, 0) + 1
    ends = [
        End(known, sets.get(name, 0))
        for name, known in sorted(recorded.plans.items())
        if known.in_force and name not in desired.warehouses
    ]
    creates: list[Change] = []
    updates: list[Change] = []
    for name, entry in sorted(desired.warehouses.items()):
        known = recorded.plans.get(name)
        if known is None or not known.in_force:
            creates.append(Create(entry, sets.get(name, 0)))
        elif known.entry != entry:
            updates.append(Update(entry, known, fields(known.entry, entry)))
    return (*ends, *creates, *updates)


def mismatches(desired: Desired, recorded: Recorded) -> tuple[Mismatch, ...]:
    """Names declared again, still, or as the new name of a warehouse, for another engine family (P8)."""
    return tuple(
        Mismatch(
            name,
            f"warehouse {known.warehouse} is recorded with engine {known.entry.engine}, whose backup sets "
            f"engine {entry.engine} cannot restore; choose a new name for the new warehouse",
        )
        for name, entry in sorted(desired.warehouses.items())
        if (known := recorded.plans.get(name) or recorded.plans.get(entry.previous_name or name))
        and FAMILIES[known.entry.engine] != FAMILIES[entry.engine]
    )


def fields(before: Warehouse, after: Warehouse) -> tuple[FieldChange, ...]:
    """Where two entries differ, lists taken as a whole, by path."""
    from deepdiff import DeepDiff  # noqa: PLC0415  heavy, and only an edit needs it

    old, new = _tree(before), _tree(after)
    found = DeepDiff(old, new, view="tree", ignore_order=False)
    paths = {_to_list(item.path(output_format="list")) for group in found.values() for item in group}
    told = (FieldChange(path, _at(old, path), _at(new, path)) for path in sorted(paths))
    return tuple(change for change in told if change.before != change.after)


def _to_list(path: list[Any]) -> tuple[str, ...]:
    """The path up to the first list index: a list is one value to a reader."""
    end = next((at for at, step in enumerate(path) if isinstance(step, int)), len(path))
    return tuple(path[:end])


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree


def _tree(value: Any) -> Any:
    """Nested dicts in the words of the YAML."""
    document = _tree_of(value)
    match value:
        case Warehouse():
            connection = document.pop("connection")
            return document | connection
        case Plan():
            schedule = document.pop("schedule")
            kind, other = ("periodic", "one_time") if "backup_every" in schedule else ("one_time", "periodic")
            durations = {name: instants.duration(document[name]) for name in ("catch_up", "timeout")}
            return document | durations | {kind: schedule, other: None}
        case Periodic():
            return document | {"backup_every": [WEEKDAYS[day] for day in value.backup_every]}
        case Server(tls=None):
            return document | {"tls": "off"}
        case SecretReference(kind, name):
            return {kind: name}
    return document


def _tree_of(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {name: _tree(item) for name, item in value._asdict().items()}
    if isinstance(value, tuple):
        return [_tree(item) for item in value]
    return value
