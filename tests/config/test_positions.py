"""Line and column of every key and value: of documents written by hand, and of any that a writer notes down."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.config import marks, read
from reconciler.config.load import load
from reconciler.errors import Problem

BY_HAND = """\
# a comment
version: 1
größe:   {"a": [ x,
  [y] ], b : }
list:
- one
-   - two
    - k: v
      l: &anchor
        m: |
          text
  # another
- ? long
  : short
alias: *anchor
empty:
"""


def place(path: tuple, *, key: bool = False) -> tuple[int, int]:
    tree, problems = read.read(BY_HAND.encode(), "f")
    assert problems == []
    return marks.place(marks.mark_at(tree, path, key=key))


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("version",), (2, 1), (2, 10)),
        (("größe",), (3, 1), (3, 10)),
        (("größe", "a"), (3, 11), (3, 16)),
        (("größe", "a", 0), None, (3, 18)),
        (("größe", "a", 1), None, (4, 3)),
        (("größe", "a", 1, 0), None, (4, 4)),
        (("größe", "b"), (4, 10), (4, 14)),
        (("list",), (5, 1), (6, 1)),
        (("list", 0), None, (6, 3)),
        (("list", 1, 1), None, (8, 7)),
        (("list", 1, 1, "k"), (8, 7), (8, 10)),
        (("list", 1, 1, "l"), (9, 7), (9, 10)),
        (("list", 1, 1, "l", "m"), (10, 9), (10, 12)),
        (("list", 2, "long"), (13, 5), (14, 5)),
        (("alias",), (15, 1), (15, 8)),
        (("empty",), (16, 1), (16, 7)),
    ],
)
def test_a_key_and_its_value_have_their_own_places(path, key, value):
    assert place(path) == value
    assert key is None or place(path, key=True) == key


def test_what_an_alias_stands_for_is_at_its_anchor():
    assert place(("alias", "m")) == (10, 12)


def test_what_is_not_there_is_at_its_nearest_parent():
    assert place(()) == (1, 1)
    assert place(("no", "such", "path")) == (1, 1)
    assert place(("list", 3)) == (6, 1)
    assert place(("list", 1, 1, "no", 5), key=True) == (8, 7)
    assert place(("version", "no")) == (2, 10)


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""], ids=["with a BOM", "without"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["unix", "windows", "mac"])
def test_line_ends_and_a_byte_order_mark_move_nothing(mark, end):
    tree, problems = read.read(mark + b"a: 1" + end + b"b:  2" + end, "f")

    assert (tree, problems) == ({"a": 1, "b": 2}, [])
    assert [marks.place(marks.mark_at(tree, (key,))) for key in "ab"] == [(1, 4), (2, 5)]


class Writer:
    """Writes a value in flow style, and notes where each key and value begins."""

    def __init__(self, gaps: list[str]) -> None:
        self.text, self.places, self._gaps, self._at = "", {}, gaps, 0

    def write(self, value: object, path: tuple = ()) -> None:
        if path:
            self._gap()
            self.places[path, False] = self._place()
        match value:
            case dict():
                self._items("{", [(key, item, (*path, key)) for key, item in value.items()], "}")
            case list():
                self._items("[", [(None, item, (*path, at)) for at, item in enumerate(value)], "]")
            case _:
                self.text += str(value)

    def _items(self, opening: str, items: list, closing: str) -> None:
        self.text += opening
        for key, item, path in items:
            if key is not None:
                self._gap()
                self.places[path, True] = self._place()
                self.text += f'"{key}": '
            self.write(item, path)
            self._gap()
            self.text += ","
        self._gap()
        self.text += closing

    def _gap(self) -> None:
        self.text += self._gaps[self._at % len(self._gaps)]
        self._at += 1

    def _place(self) -> tuple[int, int]:
        return self.text.count("\n") + 1, len(self.text.rpartition("\n")[2]) + 1


keys = st.text("aöß€😀 *", min_size=1, max_size=5)
trees = st.recursive(
    st.integers(0, 999),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=25,
)


@given(
    st.dictionaries(keys, trees, max_size=5),
    st.lists(st.sampled_from(["", " ", "\n", "\n  ", " # é\n"]), min_size=1, max_size=7),
)
@settings(max_examples=150)
def test_every_place_is_the_one_that_was_written(tree, gaps):
    writer = Writer(gaps)
    writer.write(tree)

    found, problems = read.read(writer.text.encode(), "f")

    assert (found, problems) == (tree, [])
    assert {
        (path, key): marks.place(marks.mark_at(found, path, key=key)) for path, key in writer.places
    } == writer.places


def test_a_problem_of_a_value_is_at_the_value_and_one_of_a_key_at_the_key(tmp_path):
    path = tmp_path / "plans.yaml"
    path.write_text(
        "version: 1\n"
        "installation: acme\n"
        "limits: {running_tasks:   many, tasks: 5}\n"
        "warehouses:\n"
        "  shop:\n"
        "    engine: duckdb\n"
        "    path: shop\n"
        "    storage:\n"
        "      disk\n"
        "    plan:\n"
        "      retention_days: 14\n"
    )

    assert load(path).problems == (
        Problem(str(path), 3, 27, "limits.running_tasks must be a whole number, and is 'many'", "type"),
        Problem(str(path), 3, 33, "unknown key 'tasks' in limits; known here: local_exports, running_tasks",
                "unknown-key"),
        Problem(str(path), 10, 5, "warehouses.shop.plan needs 'objects'", "required"),
        Problem(str(path), 10, 5, "warehouses.shop.plan needs 'periodic' or 'one_time'", "one-of"),
    )  # fmt: skip
