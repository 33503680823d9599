"""The files of a configuration merged into one set of entries, each of which knows where it stands."""

from typing import Any, NamedTuple

from reconciler.config import explain, marks
from reconciler.config.accept import Check
from reconciler.config.marks import Map, Told
from reconciler.errors import Problem


class Entry(NamedTuple):
    """One named entry: its value, and where to find it in its file."""

    file: str
    root: Map
    path: tuple[str | int, ...]
    value: Map

    @property
    def name(self) -> str:
        """`warehouses.analytics`, `restores[0]`."""
        return explain.name(self.path)

    def problem(self, path: tuple[str | int, ...], message: str, code: str, *, key: bool = False,
                level: str = "error") -> Problem:  # fmt: skip
        mark = marks.mark_at(self.root, (*self.path, *path), key=key)
        return Problem(self.file, *marks.place(mark), f"{self.name}: {message}", code, level)

    def place(self, path: tuple[str, ...]) -> str:
        """`plans.yaml:12:3` of the entry's key, or of the value at a path in it."""
        mark = marks.mark_at(self.root, (*self.path, *path), key=not path)
        return "{}:{}:{}".format(self.file, *marks.place(mark))


class Declared(NamedTuple):
    """Only entries that the schema accepts; the others have had their problems told.

    The names are those of all entries, so that nobody is sent after an entry that is there, but broken; None
    where a file could not be read, so that what it declares is not known.
    """

    installation: str | None
    storages: dict[str, Entry]
    warehouses: dict[str, Entry]
    restores: dict[str, Entry]
    holds: dict[str, Entry]
    limits: Entry | None
    storage_names: frozenset[str] | None
    warehouse_names: frozenset[str] | None


def merge(trees: dict[str, Map], checks: dict[str, Check], problems: list[Problem], *, complete: bool) -> Declared:
    """Merges the files; a name declared twice is a problem that names both places."""
    storages = _named(trees, "storages", problems)
    warehouses = _named(trees, "warehouses", problems)
    restores = _listed(trees, "restores", "id", problems)
    holds = _listed(trees, "holds", "backup_set", problems)
    limits = _limits(trees, problems)
    return Declared(
        _installation(trees, problems, complete=complete),
        _accepted(storages, checks["storage"]), _accepted(warehouses, checks["warehouse"]),
        _accepted(restores, checks["restore"]), _accepted(holds, checks["hold"]),
        _accepted(limits, checks["limits"]).get("limits"),
        _names(trees, "storages") if complete else None, _names(trees, "warehouses") if complete else None,
    )  # fmt: skip


def _accepted(entries: dict[str, Entry], check: Check) -> dict[str, Entry]:
    return {name: entry for name, entry in entries.items() if check(entry.value)}


def _names(trees: dict[str, Map], section: str) -> frozenset[str] | None:
    sections = [root.get(section, {}) for root in trees.values()]
    if not all(isinstance(names, Map) for names in sections if names):
        return None
    return frozenset(name.written if isinstance(name, Told) else name for names in sections for name in names or ())


def _named(trees: dict[str, Map], section: str, problems: list[Problem]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for file, root in trees.items():
        for name, value in _mapping(root.get(section)).items():
            if not isinstance(name, Told):
                _add(found, name, Entry(file, root, (section, name), value), (), problems)
    return found


def _listed(trees: dict[str, Map], section: str, field: str, problems: list[Problem]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for file, root in trees.items():
        items = root.get(section)
        for at, value in enumerate(items if isinstance(items, list) else ()):
            name = _mapping(value).get(field)
            if isinstance(name, str):
                _add(found, name, Entry(file, root, (section, at), value), (field,), problems)
    return found


def _limits(trees: dict[str, Map], problems: list[Problem]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for file, root in trees.items():
        if "limits" in root:
            _add(found, "limits", Entry(file, root, ("limits",), root["limits"]), (), problems)
    return found


def _add(found: dict[str, Entry], name: str, entry: Entry, path: tuple[str, ...], problems: list[Problem]) -> None:
    """Keeps the first of a name; where an entry of a list has its name is said by `path`."""
    first = found.setdefault(name, entry)
    if first is not entry:
        what = f"{path[-1]} {name!r} is " if path else ""
        words = f"{what}declared here again; first at {first.place(path)}"
        problems.append(entry.problem(path, words, "declared-twice", key=not path))


def _installation(trees: dict[str, Map], problems: list[Problem], *, complete: bool) -> str | None:
    first: tuple[str, str] | None = None
    for file, root in trees.items():
        name = root.get("installation")
        if not isinstance(name, str):
            complete = complete and "installation" not in root
            continue
        if first is not None and first[1] != name:
            place = marks.place(marks.mark_at(root, ("installation",)))
            words = f"installation is {name!r} here and {first[1]!r} in {first[0]}; it is one for all files"
            problems.append(Problem(file, *place, words, "installation"))
        first = first or (file, name)
    if first is None and trees and complete:
        words = "no `installation`: it marks every backup set as yours, and nothing without it is ever removed"
        problems.append(Problem(next(iter(trees)), 1, 1, words, "required"))
    return first[1] if first else None


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
