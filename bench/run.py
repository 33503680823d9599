"""`make bench`: our command beside named peers, in one interleaved run. README.md says how to read it."""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import machine
import parquet_level
import peers
import rounds
import spread
import table
from case import Case, Samples
from cases import CASES, GOALS

RESULTS = Path(__file__).parent / "results"
BUDGET_S = 240  # no round begins after it but the warm-ups and first rounds; Parquet has a budget of its own
NAMES = (parquet_level.NAME, *(case.name for case in CASES))


def main() -> None:
    given = arguments()
    shuffler = random.Random(given.seed)
    found = machine.facts(given.seed)
    others = machine.Others()
    wanted = [case for case in CASES if given.only in (None, case.name)]
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch)
        copies = None
        if given.only in (None, parquet_level.NAME):
            tell("Parquet level")
            copies = parquet_level.measure(folder, shuffler, quick=given.quick)
        samples = measured(wanted, folder, shuffler, quick=given.quick) if wanted else {}
    found["other processes"] = others.told()
    write(found, list(report(found, wanted, samples, copies)), samples, copies)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, no 10,000 plans: under 30 s")
    parser.add_argument("--only", choices=NAMES, help="this case alone")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="of the order")
    return parser.parse_args()


def measured(wanted: list[Case], folder: Path, shuffler: random.Random, *, quick: bool) -> Samples:
    peers.install()
    until = time.monotonic() + BUDGET_S
    samples: Samples = {}
    for size, case in by_size(wanted, quick=quick):
        tell(f"{case.group}: {size:,}")
        case.prepare(folder, size)
        samples |= rounds.measure(case, size, folder, shuffler, quick=quick, until=until)
    return samples


def by_size(wanted: list[Case], *, quick: bool) -> list[tuple[int, Case]]:
    """The small sizes of all cases first, so that the large ones cannot use up the time of the others."""
    pairs = [(size, case) for case in wanted for size in (case.quick_sizes if quick else case.sizes)]
    return sorted(pairs, key=lambda pair: pair[0])


def report(
    found: dict[str, str], wanted: list[Case], samples: Samples, copies: parquet_level.Copies | None
) -> Iterator[str]:
    """Lines of Markdown."""
    yield from ("# Bench", "", *table.facts(found))
    judged = spread.judge(GOALS, samples)
    if judged:
        yield from ("", "## Goals", "", *table.goals(judged))
    for case in wanted:
        yield from ("", f"## {case.group}", "", *table.case(case, samples))
    if copies:
        yield from ("", "## Parquet level", "", *table.levels(copies))


def write(found: dict[str, str], lines: list[str], samples: Samples, copies: parquet_level.Copies | None) -> None:
    """Prints the report, and leaves it with every single sample under results/."""
    text = "\n".join(lines) + "\n"
    print(text)
    document: dict[str, Any] = {
        "facts": found,
        "goals": [
            {**item.goal._asdict(), "ours": item.goal.ours._asdict(), "other": item.goal.other._asdict(),
             "ratio": item.ratio._asdict(), "met": item.is_met} for item in spread.judge(GOALS, samples)
        ],
        "runs": [
            {**run._asdict(), "samples": [item._asdict() for item in taken]} for run, taken in samples.items()
        ],
        "parquet_level": {name: [item._asdict() for item in taken] for name, taken in (copies or {}).items()},
    }  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / f"bench-{found['date'].replace(':', '')}"
    target.with_suffix(".md").write_text(text, encoding="utf-8")
    target.with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    tell(f"written to {target}.md and .json")


def tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
