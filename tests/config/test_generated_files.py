"""Files too large to keep: what a file may cost is bounded before anything is built of it."""

import pytest

from reconciler.config import read
from reconciler.config.load import load
from reconciler.errors import Problem

HEAD = "version: 1\ninstallation: acme\n"


def told(path, text: str | bytes) -> list[str]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [str(problem).replace(str(path), "plans.yaml") for problem in load(path).problems]


def test_a_file_over_16_mib_is_refused_and_one_of_16_mib_is_read(tmp_path):
    """P6."""
    path = tmp_path / "plans.yaml"
    full = HEAD + "#" * (read.MAX_BYTES - len(HEAD))

    assert told(path, full) == []
    assert told(path, full + "#") == [
        "plans.yaml: error: larger than 16,777,216 bytes; split it into several files [too-large]"
    ]
    assert load(path).problems == (
        Problem(str(path), 0, 0, "larger than 16,777,216 bytes; split it into several files", "too-large"),
    )


@pytest.mark.parametrize(
    ("opening", "column"),
    [("[", 65), ("{a: ", 257), ("{? [", 4), ("[{a: ", 161), ("- ", 129), ("? ", 3), ("&a [", 257)],
)
def test_a_hundred_thousand_openings_are_refused_at_the_first_that_is_too_deep(tmp_path, opening, column):
    """libyaml ends the process on 100,000 `[` (0.2.5) where its own builder walks them; 0.2.6 reads 1,000 of them."""
    (problem,) = told(tmp_path / "plans.yaml", opening * 100_000)

    words = "a key must be text, and here is a list or a mapping [key]" if "?" in opening else (
        "deeper than 64 levels [too-deep]")  # fmt: skip
    assert problem.replace(":1:1001:", f":1:{column}:") == f"plans.yaml:1:{column}: error: {words}"


def test_64_levels_are_read_and_a_65th_is_not():
    assert read.read(b"a: " + b"[" * 63 + b"]" * 63, "f") == ({"a": _nested(63)}, [])
    assert read.read(b"a: " + b"[" * 64 + b"]" * 64, "f") == (
        None, [Problem("f", 1, 67, "deeper than 64 levels", "too-deep")]
    )  # fmt: skip


def test_what_an_alias_stands_for_counts_by_its_depth_as_well():
    for depth in (1, 20, 63):
        inner, outer = f"a: &a {'[' * depth}{']' * depth}\n", 63 - depth
        assert read.read(f"{inner}b: {'[' * outer}*a{']' * outer}".encode(), "f")[1] == []
        assert read.read(f"{inner}b: {'[' * (outer + 1)}*a{']' * (outer + 1)}".encode(), "f")[1] == [
            Problem("f", 2, 5 + outer, "deeper than 64 levels", "too-deep")
        ]
    assert read.read(f"a: &a x\nb: {'[' * 63}*a{']' * 63}".encode(), "f")[1] == []


def _nested(levels: int) -> list:
    value: list = []
    for _ in range(levels - 1):
        value = [value]
    return value


def test_ten_thousand_aliased_values_are_read_and_one_more_is_not():
    items = ", ".join(["x"] * 99)  # with the list itself: 100 values
    hundred = f"a: &a [{items}]\nb: [{', '.join(['*a'] * 100)}]\n"

    assert read.read(hundred.encode(), "f") == ({"a": ["x"] * 99, "b": [["x"] * 99] * 100}, [])
    assert read.read(f"{hundred}c: &c y\nd: *c\n".encode(), "f") == (
        None, [Problem("f", 4, 4, "aliases stand for more than 10,000 values", "alias-bomb")]
    )  # fmt: skip


def test_a_problem_far_to_the_right_has_its_line_and_column(tmp_path):
    """A column over 65,535 once ran over into the line."""
    text = f"{HEAD}limits: {{{' ' * 70_000}tasks: 1}}\n"

    assert told(tmp_path / "plans.yaml", text) == [
        "plans.yaml:3:70010: error: unknown key 'tasks' in limits; known here: local_exports, running_tasks "
        "[unknown-key]"
    ]


@pytest.mark.parametrize("more", [0, 1, 19_000])
def test_a_thousand_problems_are_all_told_and_that_there_are_more(tmp_path, more):
    """Each was once looked for among all keys: a file of 1 MB took minutes, in which a daemon began no backup."""
    lines = "".join(f"  w{n}: {{engine: duckdb, path: w, prot: {n}}}\n" for n in range(1_000 + more))

    problems = told(tmp_path / "plans.yaml", f"{HEAD}warehouses:\n{lines}")

    assert problems == [
        f"plans.yaml:{n + 4}:{32 + len(str(n))}: error: unknown key 'prot' in warehouses.w{n}; did you mean "
        f"'port'? [unknown-key]"
        for n in range(1_000)
    ] + ["plans.yaml: error: more than 1,000 problems; mend these, and the others are told [too-many]"] * bool(more)
