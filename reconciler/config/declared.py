"""The files of a configuration merged into one set of entries, each of which knows where it stands."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from reconciler.config import read
from reconciler.config.accept import Check
from reconciler.config.read import Map
from reconciler.errors import Problem


class Entry(NamedTuple):
    """One named entry: its value, and where to find it in its file."""

    file: str
    root: Map
    path: tuple[str | int, ...]
    value: Map

    def problem(self, path: tuple[str | int, ...], message: str, code: str, *, key: bool = False,
                level: str = "error") -> Problem:  # fmt: skip
        mark = read.mark_at(self.root, (*self.path, *path), key=key)
        return Problem(self.file, *read.place(mark), message, code, level)

    @property
    def place(self) -> str:
        line, column = read.place(read.mark_at(self.root, self.path, key=isinstance(self.path[-1], str)))
        return f"{self.file}:{line}:{column}"


class Declared(NamedTuple):
    """Only entries that the schema accepts; the others have had their problems told."""

    installation: str | None
    storages: dict[str, Entry]
    warehouses: dict[str, Entry]
    restores: dict[str, Entry]
    holds: dict[str, Entry]
    limits: Entry | None


def merge(trees: dict[str, Map], checks: dict[str, Check], problems: list[Problem]) -> Declared:
    """Merges the files; a name declared twice is a problem that names both places."""
    storages = _named(trees, "storages", checks["storage"], problems)
    warehouses = _named(trees, "warehouses", checks["warehouse"], problems)
    restores = _listed(trees, "restores", "id", checks["restore"], problems)
    holds = _listed(trees, "holds", "backup_set", checks["hold"], problems)
    return Declared(_installation(trees, problems), storages, warehouses, restores, holds,
                    _limits(trees, checks["limits"], problems))  # fmt: skip


def _named(trees: dict[str, Map], section: str, check: Check, problems: list[Problem]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for file, root in trees.items():
        for name, value in _mapping(root.get(section)).items():
            _add(found, name, Entry(file, root, (section, name), value), check, problems)
    return found


def _listed(
    trees: dict[str, Map], section: str, field: str, check: Check, problems: list[Problem]
) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for file, root, at, value in _items(trees, section):
        if check(value):
            _add(found, value[field], Entry(file, root, (section, at), value), check, problems)
    return found


def _items(trees: dict[str, Map], section: str) -> Iterator[tuple[str, Map, int, Any]]:
    for file, root in trees.items():
        items = root.get(section)
        for at, value in enumerate(items if isinstance(items, list) else ()):
            yield file, root, at, value


def _add(found: dict[str, Entry], name: str, entry: Entry, check: Check, problems: list[Problem]) -> None:
    if name in found:
        first = found[name].place
        words = f"{entry.path[0]}: {name!r} is declared here again; first at {first}"
        problems.append(entry.problem((), words, "declared-twice", key=True))
    elif check(entry.value):
        found[name] = entry


def _installation(trees: dict[str, Map], problems: list[Problem]) -> str | None:
    first: tuple[str, str] | None = None
    for file, root in trees.items():
        name = root.get("installation")
        if not isinstance(name, str):
            continue
        if first is not None and first[1] != name:
            line, column = read.place(read.mark_at(root, ("installation",)))
            words = f"installation is {name!r} here and {first[1]!r} in {first[0]}; it is one for all files"
            problems.append(Problem(file, line, column, words, "installation"))
        first = first or (file, name)
    if first is None and trees:
        words = "no `installation`: it marks every backup set as yours, and nothing without it is ever removed"
        problems.append(Problem(next(iter(trees)), 1, 1, words, "required"))
    return first[1] if first else None


def _limits(trees: dict[str, Map], check: Check, problems: list[Problem]) -> Entry | None:
    found: dict[str, Entry] = {}
    for file, root in trees.items():
        if "limits" in root:
            _add(found, "limits", Entry(file, root, ("limits",), root["limits"]), check, problems)
    return found.get("limits")


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
