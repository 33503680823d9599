"""Plain values that remember where they stood: what the reader builds, and every later check points with."""

from typing import Any

LINE_BITS = 25  # a mark is line << 25 | column; no line is longer than a file may be (16 MiB)


class Map(dict[str, Any]):
    """A mapping; `marks` holds the marks of key and value in turn, in the order of the keys."""

    __slots__ = ("_positions", "marks")

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[int] = []
        self._positions: dict[str, int] = {}

    def position(self, key: str) -> int:
        """The place of a key among all; found once for all keys, or a file full of problems would take hours."""
        if len(self._positions) != len(self):
            self._positions = {name: at for at, name in enumerate(self)}
        return self._positions[key]


class Seq(list[Any]):
    """A sequence; `marks` holds the mark of each item."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[int] = []


class Told(str):
    """A key whose problem has been told already: later checks skip it, but not what it holds."""

    __slots__ = ()

    @property
    def written(self) -> str:
        return self.partition("\0")[0]


def place(mark: int) -> tuple[int, int]:
    """Line and column, both from 1."""
    return (mark >> LINE_BITS) + 1, (mark & ((1 << LINE_BITS) - 1)) + 1


def mark_at(tree: Any, path: tuple[str | int, ...], *, key: bool = False) -> int:
    """Where the value at a path stands, or with `key` its key; the nearest parent where it does not exist."""
    mark = 0
    for at, step in enumerate(path):
        if isinstance(tree, Map) and step in tree:
            position = 2 * tree.position(str(step))
            wants_key = key and at == len(path) - 1
            mark = tree.marks[position if wants_key else position + 1]
        elif isinstance(tree, Seq) and isinstance(step, int) and step < len(tree):
            mark = tree.marks[step]
        else:
            break
        tree = tree[step]
    return mark
