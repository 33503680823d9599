"""SIGTERM at any moment of a daemon's life: it ends in time, and the next start goes on with what it had begun.

`python tests/long/term_sweep.py N` ends N daemons and prints how long each took (`make term-sweep`).
"""

import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

sys.path.extend(str(Path(__file__).parents[1] / room) for room in ("", "long", "servers", "processes"))
from daemons import FAST
from lives import rows
from sites import Site, asked, printed, states

DUE = "2026-11-23T02:00:00Z"
TASK = "shop-20261123T020000Z"
IN_A_LIFE = 3  # daemons that are ended before the work of one life must be whole
BOUND = 35.0  # seconds: what runs is given 25 (Rhythm.grace), and the rest is left to a busy machine


class End(NamedTuple):
    """How a daemon ended; `seconds` from the signal on."""

    code: int
    seconds: float


def sweep(folder: Path, count: int, seed: int = 0, size: int = 100_000) -> tuple[list[End], Counter[str]]:
    """Lives until so many daemons were ended; each life's work must be whole when nobody ends it any more."""
    chance, ends = random.Random(seed), []
    counts: Counter[str] = Counter()
    span = _seconds_of_a_life(_life(folder / "measured", size))
    while len(ends) < count:
        site = _life(folder / f"life-{len(ends)}", size)
        for _ in range(min(IN_A_LIFE, count - len(ends))):
            ends.append(_ended(site, chance.uniform(0, span)))
            counts[f"left: {_left(site)}"] += 1
        _check_adopted(site)
        counts["lives whole at their end"] += 1
    counts.update(f"ended with {end.code}" for end in ends)
    return ends, counts


def _life(folder: Path, size: int) -> Site:
    """A slot that is due and a restore that waits for its set."""
    folder.mkdir(parents=True)
    site = Site(folder)
    site.database(rows=size)
    site.restore("r-1", databases={"sales": "copy"})
    site.apply("2026-11-23T00:00:00Z")
    return site


def _seconds_of_a_life(site: Site) -> float:
    """Until a daemon that nobody ends has done all of it, here and now."""
    began = time.monotonic()
    process = _daemon(site)
    while states(site).get("r-1") != "succeeded":
        assert time.monotonic() < began + 120, states(site)
        threading.Event().wait(0.02)
    span = time.monotonic() - began
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=BOUND)
    return span


def _daemon(site: Site) -> subprocess.Popen[str]:
    return site.start(*FAST, now=DUE)


def _ended(site: Site, after: float) -> End:
    process = _daemon(site)
    threading.Event().wait(after)
    sent = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    end = End(process.returncode, time.monotonic() - sent)
    assert end.seconds < BOUND, end
    assert end.code in (0, 143, -signal.SIGTERM), end
    return end


def _left(site: Site) -> str:
    found = states(site)
    return f"backup {found.get(TASK, 'not begun')}, restore {found.get('r-1', 'not begun')}"


def _check_adopted(site: Site) -> None:
    """One set and one restore, whatever of them each daemon had done."""
    for minute in (1, 2):
        ran = site.run("apply", now=f"2026-11-23T02:3{minute}:00Z", timeout=120)
        assert ran.code == 0, ran
    assert states(site) == {TASK: "succeeded", "r-1": "succeeded"}, states(site)
    assert site.set_folders == [TASK]
    assert len({name.split("/")[3] for name in site.files if name.count("/") > 3}) == 1, "leftovers are cleaned"
    assert [path.name for path in (site.folder / "other").iterdir()] == ["copy.duckdb"]
    assert rows(site.folder / "other/copy.duckdb") == rows(site.folder / "shop/sales.duckdb")


def main() -> None:
    (count,) = asked(sys.argv[1:], 100)
    with tempfile.TemporaryDirectory(prefix="terms-") as folder:
        ends, counts = sweep(Path(folder), count)
    print(printed(counts))
    spent = sorted(end.seconds for end in ends)
    within = {share: spent[-(-len(spent) * share // 100) - 1] for share in (50, 95, 100)}
    print(f"{len(ends):,} daemons ended by SIGTERM, after seconds: "
          + ", ".join(f"{share} % within {seconds:.2f}" for share, seconds in within.items()))  # fmt: skip


if __name__ == "__main__":
    main()
