"""Each file in bad/ with every problem that is told of it, letter by letter; each file in good/ with none.

After a change of words on purpose, REWRITE_EXPECTED=1 pytest tests/config/test_bad_files.py writes the .txt files
anew; what the change did is then in the diff, for a person to read.
"""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from reconciler.cli.main import cli
from reconciler.config.load import load

BAD = Path(__file__).with_name("bad")
GOOD = Path(__file__).with_name("good")
CASES = sorted(path for path in BAD.iterdir() if path.suffix != ".txt")


def told(path: Path) -> str:
    """The problems as `reconcile validate` prints them, seen from the folder of the file."""
    return "".join(f"{problem}\n" for problem in load(path).problems).replace(f"{BAD}/", "")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_every_problem_is_told_at_its_place(path):
    """P6 for the file as a whole; each rule that the YAML can break is in one of the files."""
    expected = BAD / f"{path.stem}.txt"
    if os.environ.get("REWRITE_EXPECTED"):
        expected.write_text(told(path), encoding="utf-8")

    assert told(path) == expected.read_text(encoding="utf-8")
    assert load(path).desired is None


def test_each_expectation_belongs_to_a_file():
    assert sorted(path.stem for path in BAD.glob("*.txt")) == sorted(path.stem for path in CASES)


def test_no_secret_is_shown():
    for path in CASES:
        assert "hunter2" not in told(path)
        assert "48151623" not in told(path)


def test_each_problem_is_one_line_that_a_terminal_shows_as_it_is():
    for path in CASES:
        problems = load(path).problems
        assert [problem for problem in problems if not str(problem).isprintable()] == []
        assert len(set(problems)) == len(problems)


@pytest.mark.parametrize("path", sorted(GOOD.iterdir()), ids=lambda path: path.stem)
def test_what_only_looks_wrong_is_accepted(path):
    loaded = load(path)

    assert loaded.problems == ()
    assert loaded.desired is not None


def test_the_command_prints_every_problem_of_every_file():
    ran = CliRunner().invoke(cli, ["validate", *map(str, CASES)])

    expected = "".join((BAD / f"{path.stem}.txt").read_text(encoding="utf-8") for path in CASES)
    assert ran.output.replace(f"{BAD}/", "") == expected
    assert ran.exit_code == 3
