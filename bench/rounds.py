"""Runs the sides of a case in rounds and keeps what each run took."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from case import Case, Run, Sample, Samples, Side

LAUNCH = (sys.executable, "-I", "-S", str(Path(__file__).parent / "launch.py"))
MOST, FEWER, FEWEST, QUICK = 9, 5, 3, 3  # rounds
SLOW_S, VERY_SLOW_S, TIMEOUT_S = 3, 12, 120


def measure(case: Case, size: int, inputs: Path, shuffler: random.Random, *, quick: bool, until: float) -> Samples:
    """Every round runs each side once, in an order of its own; no round begins after `until` (monotonic s)."""
    first = {side: once(side, inputs, size) for side in shuffler.sample(case.sides, len(case.sides))}
    rounds = _rounds(first, quick=quick)
    samples: dict[Side, list[Sample]] = {side: [] for side in case.sides}
    for number in range(max(rounds.values())):
        if number and time.monotonic() > until:
            break
        for side in shuffler.sample(case.sides, len(case.sides)):
            if number < rounds[side]:
                samples[side].append(once(side, inputs, size))
    return {Run(case.name, side.name, size): taken for side, taken in samples.items()}


def _rounds(first: dict[Side, Sample], *, quick: bool) -> dict[Side, int]:
    """How many rounds each side is in, by the warm-up: a very slow one is only in the first few."""
    if quick:
        return dict.fromkeys(first, QUICK)
    usual = FEWER if max(sample.wall_s for sample in first.values()) > SLOW_S else MOST
    return {side: FEWEST if sample.wall_s > VERY_SLOW_S else usual for side, sample in first.items()}


def once(side: Side, inputs: Path, size: int) -> Sample:
    """One run in an empty folder. Raises RuntimeError with what the side said where it fails."""
    empty = inputs / "empty"
    empty.mkdir(exist_ok=True)
    done = subprocess.run(
        [*LAUNCH, *side.argv(inputs, size)], cwd=empty, env=_environment(), capture_output=True, text=True,
        check=True, timeout=TIMEOUT_S,
    )  # fmt: skip
    wall, cpu, kib, code = done.stdout.split()
    if code != "0":
        raise RuntimeError(f"{side.name} ended with {code}: {done.stderr[-2000:]}")
    return Sample(float(wall), float(cpu), int(kib) / 1024)


def _environment() -> dict[str, str]:
    """Without Python's own variables: bytecode is cached, as it is for everybody, once the warm-up wrote it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
