"""Ledgers that were damaged on their disk: each is refused or works, and none makes a removal or a second restore.

`python tests/long/corruptions.py N` damages N and prints what came of them (`make corruptions`).
"""

import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

sys.path.extend(str(Path(__file__).parents[1] / room) for room in ("", "long", "servers", "processes"))
from sites import Site, asked, printed

from reconciler import doors
from reconciler.config.load import load
from reconciler.core import instants
from reconciler.effects.world import Doors
from reconciler.errors import EngineFailed, ReconcilerError, StorageFailed
from reconciler.once import Pass

NOON = "2026-11-25T12:00:00Z"
PAGE = 4096  # bytes; SQLite's own default ("PRAGMA page_size")
KINDS = ("bits flipped", "bytes changed", "block of zeros", "cut short", "pages swapped", "random page", "log damaged", "log gone")


class Original:
    """An installation that has three sets, none of them due to go, and a restore that has run."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder)
        self.site.plan["retention_days"] = 30
        self.site.restore("r-1", databases={"sales": "copy"})
        self.site.database(rows=10)
        for day in (22, 23, 24):
            assert self.site.apply(f"2026-11-{day}T02:00:00Z").failures == ()
        self.main = self.site.paths.ledger.read_bytes()
        with doors.ledger_to_write(self.site.paths.ledger, self.site.clock, simulated=True) as ledger:
            self.at_rest = self.main
            passing = Pass(self.site.paths, self.site.clock, ledger, self.site.said.append)
            self.site.clock.time = instants.parse("2026-11-25T02:00:00Z")
            passing.step(load(self.site.paths.plans))
            while passing.runner.wait(1):
                pass
            self.log = self.site.paths.ledger.with_name("ledger.sqlite-wal").read_bytes()
            self.main = self.site.paths.ledger.read_bytes()
        self.at_rest = self.site.paths.ledger.read_bytes()
        self.sets = tuple(self.site.set_folders)
        self.files = self.site.files

    def place(self, main: bytes, log: bytes | None) -> None:
        """Instead of the ledger that is there."""
        path = self.site.paths.ledger
        for old in path.parent.glob("ledger.sqlite*"):
            old.unlink()
        path.write_bytes(main)
        if log is not None:
            path.with_name("ledger.sqlite-wal").write_bytes(log)


class Witness:
    """A storage that only tells; what would destroy or claim is noted and not done."""

    def __init__(self, real: Any, seen: list[str]) -> None:
        self._real, self._seen = real, seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def remove_set(self, place: Any) -> Any:
        self._seen.append(f"removal of {place.task_id}")
        raise StorageFailed("only looked at")

    def remove_attempt(self, place: Any, number: int) -> Any:
        manifest = self._real.read_manifest(place)
        if manifest is not None and number in manifest.attempts:
            self._seen.append(f"removal of attempt {number} of {place.task_id}")
        raise StorageFailed("only looked at")

    def open_attempt(self, place: Any, number: int, ledger: str) -> Any:
        raise StorageFailed("only looked at")

    def claim(self, installation: str, restore_id: str, content: Any) -> bool:
        if self._real.find_claim(installation, restore_id) is None:
            self._seen.append(f"claim of {restore_id}")
        return False

    def write_note(self, key: str, content: Any) -> None: ...

    def record_outcome(self, *_: Any) -> None: ...

    def set_mark(self, *_: Any, replace: bool) -> None: ...


class Idle:
    """A warehouse that nothing is done with."""

    def __init__(self, seen: list[str]) -> None:
        self._seen = seen

    def backup(self, *_: Any) -> Any:
        raise EngineFailed("only looked at")

    def precheck(self, *_: Any) -> None: ...

    def restore(self, order: Any, *_: Any) -> tuple[str, ...]:
        self._seen.append(f"restore {order.restore_id}")
        return ()

    def abandon(self, _: Any) -> str:
        return "only looked at"


def passes(original: Original) -> list[str]:
    """What three passes in four days would have destroyed. Raises ReconcilerError where the ledger is refused."""
    seen: list[str] = []
    site = original.site
    opened = Doors(lambda _: Idle(seen), lambda desired, name: Witness(doors.open_storage(desired, name), seen))
    for hours in (0, 25, 96):
        site.clock.time = instants.parse(NOON) + timedelta(hours=hours)
        with doors.ledger_to_write(site.paths.ledger, site.clock, simulated=True) as ledger:
            begun: list[Any] = []
            passing = Pass(site.paths, site.clock, ledger, lambda _: None, opened=opened, spawn=partial(_keep, begun))
            step = passing.step(load(site.paths.plans))
            while begun:
                begun.pop()()
            passing.write_status(step, {})
    return seen


def _keep(begun: list[Any], run: Any, name: str) -> None:
    begun.append(run)


def damaged(content: bytes, kind: str, chance: random.Random) -> bytes:
    changed = bytearray(content)
    used = [at for at in (chance.randrange(len(changed)) for _ in range(400)) if changed[at]] or [0]
    if kind == "bits flipped":
        for at in used[: chance.choice((1, 1, 2, 8))]:
            changed[at] ^= 1 << chance.randrange(8)
    elif kind in ("bytes changed", "log damaged"):
        for at in used[: chance.choice((1, 2, 4, 64))]:
            changed[at] = chance.randrange(256)
    elif kind == "block of zeros":
        at = chance.choice(used) // 512 * 512
        changed[at : at + 512] = bytes(512)
    elif kind == "cut short":
        del changed[chance.randrange(len(changed)):]
    elif kind == "pages swapped":
        pages = [bytes(changed[at : at + PAGE]) for at in range(0, len(changed), PAGE)]
        one, other = chance.sample(range(len(pages)), 2)
        pages[one], pages[other] = pages[other], pages[one]
        changed = bytearray(b"".join(pages))
    else:
        at = chance.randrange(len(changed) // PAGE) * PAGE
        changed[at : at + PAGE] = chance.randbytes(PAGE)
    return bytes(changed)


def try_one(original: Original, number: int) -> tuple[str, str, list[str]]:
    """The kind of damage, what came of it, and what it would have destroyed."""
    chance = random.Random(number)
    kind = KINDS[number % len(KINDS)]
    if kind == "log gone":
        original.place(original.main, original.log[: chance.randrange(len(original.log))])
    elif kind == "log damaged":
        original.place(original.main, damaged(original.log, kind, chance))
    else:
        original.place(damaged(original.at_rest, kind, chance), None)
    try:
        seen = passes(original)
    except ReconcilerError:
        return kind, "refused", []
    except Exception as error:  # noqa: BLE001  to be said of it, with what it is

        return kind, f"ended by {type(error).__name__}", []
    return kind, "worked", seen


def sweep(folder: Path, count: int, first: int = 0) -> Counter[str]:
    """Fails at the first ledger that would have destroyed something, or that nobody put into words."""
    counts: Counter[str] = Counter()
    original = Original(folder)
    for number in range(first, first + count):
        kind, end, seen = try_one(original, number)
        assert not seen, f"damage {number} ({kind}): {seen}"
        assert end in ("refused", "worked"), f"damage {number} ({kind}): {end}"
        assert tuple(original.site.set_folders) == original.sets
        counts[f"ledgers damaged: {kind}"] += 1
        counts[f"{end}"] += 1
    counts["removals"] = counts["restores"] = 0
    return counts


def main() -> None:
    (count,) = asked(sys.argv[1:], 10_000)
    began = time.monotonic()
    memory = Path("/dev/shm")  # thousands of small files that need not outlive this
    folder = Path(tempfile.mkdtemp(prefix="corruptions-", dir=memory if memory.is_dir() else None))
    try:
        print(printed(sweep(folder, count)))
    finally:
        shutil.rmtree(folder)
    print(f"{count:,} damaged ledgers in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
