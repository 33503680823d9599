"""The daemon on a virtual clock, many lives: `make simulate` lives any number, `make planted` looks for every bug."""

import multiprocessing
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import planted
from chance import KINDS
from life import Life, live, live_losing, writes_of

LIVES, WEEKS = 100, 2.0


@pytest.mark.timeout(900)
def test_no_life_violates_a_rule_and_every_kind_of_fault_strikes():
    """P2 to P7, D1 to D6, S1 to S5, R1 to R6, T1 to T5: a run that injects nothing proves nothing."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        results = pool.starmap(live, [(seed, WEEKS) for seed in range(1, LIVES + 1)], chunksize=10)
    struck: Counter[str] = sum((result.faults for result in results), Counter())

    assert {result.seed: result.violation for result in results if result.violation} == {}
    assert [kind for kind in KINDS if not struck[kind]] == []


@pytest.mark.parametrize("seed", [7, 45])
def test_a_seed_lives_the_same_life_again(seed):
    """What a seed has shown can be looked at again, event for event; in life 45 messages name ledgers."""
    assert Life(seed, WEEKS).run() == Life(seed, WEEKS).run()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(1, 5))
def test_a_ledger_lost_after_any_of_its_writes_comes_back_and_repeats_nothing(first):
    """T2, R1, R8: some of them here, each with `make simulate-losses`."""
    steps = range(first, writes_of(5, 1.0) + 1, 40)

    assert {step: result.violation for step in steps if (result := live_losing(step, 5, 1.0)).violation} == {}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("bug", [bug for bug in planted.BUGS if bug.seed], ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug):
    """A simulation that finds nothing where something is wrong is worth nothing; `make planted` looks for all."""
    assert planted.found_by(bug, 20) is not None


@pytest.mark.timeout(600)
def test_the_lives_in_which_planted_bugs_show_are_in_order_without_them():
    """It is the bug that shows, and nothing else; those with all kinds of faults are among the lives above."""
    lives = {bug.name: planted.life_for(bug, bug.seed).run().violation for bug in planted.BUGS if bug.kinds}

    assert {name: violation for name, violation in lives.items() if violation} == {}
    assert max(bug.seed for bug in planted.BUGS if not bug.kinds) <= LIVES


def test_every_planted_bug_has_its_piece_of_the_source():
    """One whose piece was rewritten would be looked for in vain."""
    pieces = {(bug.name, path): (planted.ROOT / path).read_text().count(old)
              for bug in planted.BUGS for path, old, _ in bug.pieces}  # fmt: skip

    assert pieces == dict.fromkeys(pieces, 1)
