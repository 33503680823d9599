"""P6 and GR9: hostile files of plans. All truncations and any number of mutants: `make verify-configurations`."""

import subprocess
import sys
from pathlib import Path

import configurations

from reconciler.core import objects
from reconciler.core.model import Objects


def test_a_file_in_other_hands_costs_a_second_and_128_mib_at_the_most(tmp_path):
    """In a process of its own, which the limits would end: the corpus by hand, and mutants of every example."""
    ran = subprocess.run(
        [sys.executable, Path(configurations.__file__), "700", "--quick"], capture_output=True, text=True, check=False, cwd=tmp_path
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert " by hand refused" in ran.stdout
    assert " mutants refused" in ran.stdout
    assert not Path("/tmp/hostile").exists()


def test_a_file_that_ends_at_any_byte_is_read_or_refused(tmp_path):
    """P6. What a file that ends between two entries no longer says is P7's to guard, and S2's day to give back."""
    whole = (configurations.ROOT / "examples/plans.yaml").read_bytes()
    reader = configurations.Reader(tmp_path / "plans.yaml")
    for end in range(0, len(whole), 7):
        reader.read("truncations", whole[:end])

    assert reader.counts["truncations refused"] > 100


def test_a_pattern_of_many_stars_is_matched_at_once():
    """D7: as a regular expression this one takes longer than the universe is old."""
    name = "a" * 63

    assert objects.chosen(Objects(("*a" * 30 + "*b",)), (name,)) == ()
    assert objects.chosen(Objects(("*a" * 30 + "*",)), (name,)) == (name,)
