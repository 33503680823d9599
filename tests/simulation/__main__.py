"""`python tests/simulation SEEDS [--from N] [--weeks W] [--trace]`: many lives on all cores, or one with its trace."""

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from chance import KINDS
from life import Life, Result, live, live_losing, writes_of


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", type=int)
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--weeks", type=float, default=2.0)
    parser.add_argument("--losing", action="store_true", help="each seed once for each ledger write, lost after it")
    parser.add_argument("--trace", action="store_true", help="one life, with all that happened in it")
    given = parser.parse_args()
    if given.trace:
        return one(given.first, given.weeks)
    began, results = time.monotonic(), []
    seeds = range(given.first, given.first + given.seeds)
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        if given.losing:
            lives = losing(pool, seeds, given.weeks)
        else:
            lives = pool.imap_unordered(partial(live, weeks=given.weeks), seeds)
        for result in lives:
            results.append(result)
            if result.violation:
                print(f"seed {result.seed}: {result.violation}\n    {replay(result.seed, given.weeks)}", flush=True)
            if len(results) % 500 == 0:
                print(f"{len(results):,} lives, {time.monotonic() - began:,.0f} s", flush=True)
    return told(results, time.monotonic() - began, complete=not given.losing)


def losing(pool: Any, seeds: range, weeks: float) -> Iterator[Result]:
    """Every life again for each of its ledger writes."""
    for seed in seeds:
        steps = range(1, writes_of(seed, weeks) + 1)
        print(f"seed {seed}: the ledger is lost after each of its {len(steps)} writes", flush=True)
        yield from pool.imap_unordered(partial(live_losing, seed=seed, weeks=weeks), steps)


def one(seed: int, weeks: float) -> int:
    life = Life(seed, weeks)
    result = life.run()
    print("\n".join(life.lines))
    print(f"{result.violation or 'no violation'}; trace {result.trace}")
    return int(result.violation is not None)


def replay(seed: int, weeks: float) -> str:
    return f"replay: .venv/bin/python tests/simulation 1 --from {seed} --weeks {weeks:g} --trace"


def told(results: list[Result], seconds: float, *, complete: bool = True) -> int:
    """The counts, and whether nothing was violated and no kind of fault was missing."""
    faults = sum((result.faults for result in results), Counter())
    checks = sum((result.checks for result in results), Counter())
    violations = [result for result in results if result.violation]
    print(f"{sum(result.weeks for result in results):,.0f} simulated weeks in {len(results):,} lives, {seconds:,.0f} s")
    print("\n".join(f"{faults[kind]:10,}  {kind}" for kind in KINDS))
    print("checks: " + ", ".join(f"{rule} {amount:,}" for rule, amount in sorted(checks.items())))
    silent = [kind for kind in KINDS if complete and not faults[kind]]
    print(f"{sum(faults.values()):,} faults of {len([k for k in KINDS if faults[k]])} kinds, {len(violations):,} violations")
    if silent:
        print(f"kinds that never struck: {', '.join(silent)}")
    return int(bool(violations or silent))


if __name__ == "__main__":
    sys.exit(main())
