"""Hostile files of plans, read one after the other in a process that has little time and little memory (P6).

`python tests/hostile/configurations.py MUTANTS [FIRST SEED]` reads the corpus by hand, every truncation of every
example and that many mutants, and prints counts (`make verify-configurations`). One that takes more than a second
of processor time or 128 MiB beyond what the reader itself takes ends the process.
"""

import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from mutants import mutant

from reconciler.config import explain, load

ROOT = Path(__file__).parents[2]
SECONDS, MEMORY = 1.0, 128 * 1024 * 1024
HEAD = b"version: 1\ninstallation: acme\n"
SCALARS = (
    "12:30", "1:2:3", "on", "off", "yes", "no", "y", "n", "Y", "N", "0777", "0o17", "0x1F", "0b1", "1_000", "1e3", "1.", ".5", "-0", "+1",
    "1e999", "-1e999", ".inf", "-.inf", ".Inf", ".nan", ".NaN", "~", "null", "Null", "NULL", "true", "True", "TRUE", "tRue", "2026-01-01",
    "2026-01-01T00:00:00Z", "=", "<<", "-", "--", "---x", ":", "::", "a:b", "a#b", "'#'", '"\\x41"', '"\\ud83d\\ude00"', "'it''s'",
    "9223372036854775807", "9223372036854775808", "1" * 400, "\u00e9", "e\u0301", "\u200b", "\u202eabc", "\U0001f600", "%x", "@x", "`x",
)  # fmt: skip
BOMBS = (
    b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n" * 20,
    b"".join(b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9) if n else b"x") for n in range(12)),
    HEAD + b"a: &a\n  b: *a\n", HEAD + b"[" * 100_000, HEAD + b"{a: " * 50_000, HEAD + b"- " * 50_000, HEAD + b"? " * 50_000,
    HEAD + b": " * 50_000, HEAD + b"&a " * 20_000, HEAD + b"!a " * 20_000, HEAD + b"a: '" + b"''" * 500_000, HEAD + b"a: |\n" + b" x\n" * 50_000,
    HEAD + b"a" * 1_000_000, HEAD + b"a: " + b"b" * 1_000_000, HEAD + b"\n" * 1_000_000, HEAD + b"#" * 1_000_000, b"\0" * 100_000,
    b"\xff" * 100_000, HEAD.decode().encode("utf-16"), HEAD.decode().encode("utf-16-le"), HEAD.decode().encode("utf-32"),
    b"\xef\xbb\xbf" * 3 + HEAD, HEAD + b"\xed\xa0\x80", HEAD * 2, HEAD + b"---\n" + HEAD, b"%YAML 9.9\n---\n" + HEAD, b"x" * (16 * 1024 * 1024 + 1),
    HEAD + b"warehouses:\n" + b"".join(b"  w%d: {engine: duckdb, path: w, prot: 1}\n" % n for n in range(2_000)),
    HEAD + b"warehouses:\n" + b"".join(b"  w%d: {engine: duckdb, path: w, storage: s%d}\n" % (n, n) for n in range(2_000)),
    HEAD + b"storages: !!python/object/apply:os.system ['touch /tmp/hostile']\n", HEAD + b"warehouses: {<<: {a: 1}}\n",
)  # fmt: skip


def examples() -> list[bytes]:
    found = [*(ROOT / "examples").glob("*.yaml"), ROOT / "tests/config/every_field.yaml", *(ROOT / "tests/config/good").glob("*.yaml")]
    return [path.read_bytes() for path in sorted(found)]


def corpus() -> Iterator[tuple[str, bytes]]:
    """By hand: bombs, and each odd scalar in places of every kind."""
    for bomb in BOMBS:
        yield "by hand", bomb
    example = (ROOT / "examples/plans.yaml").read_bytes()
    for scalar in SCALARS:
        for old in (b"velodb", b"duckdb", b"acme-eu", b"14", b"9030", b"Europe/Berlin", b"monday", b"2026-12-01T02:00:00+01:00", b'"02:30"'):
            if old in example:
                yield "scalars", example.replace(old, scalar.encode(), 1)


def truncations() -> Iterator[tuple[str, bytes]]:
    for example in examples():
        for end in range(len(example)):
            yield "truncations", example[:end]


def mutations(count: int, first: int) -> Iterator[tuple[str, bytes]]:
    good = examples()
    for seed in range(first, first + count):
        chance = random.Random(seed)
        yield "mutants", mutant(chance.choice(good), chance)


class Reader:
    """Reads each from a file of its own. Raises AssertionError where what comes of it is not as it must be."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: Counter[str] = Counter()
        self.slowest = 0.0

    def read(self, kind: str, content: bytes) -> None:
        self.path.write_bytes(content)
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        began = time.process_time()
        loaded = load.load(self.path)
        self.slowest = max(self.slowest, time.process_time() - began)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        assert (loaded.desired is None) == bool(loaded.errors)
        assert len(loaded.problems) <= explain.MOST + 1
        assert all(str(problem).isprintable() for problem in loaded.problems)
        self.counts[f"{kind} {'refused' if loaded.errors else 'accepted'}"] += 1


def limit() -> None:
    """What is taken already, and 128 MiB."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))


def main(count: int, first: int = 0, *, quick: bool = False) -> None:
    with tempfile.TemporaryDirectory() as folder:
        reader = Reader(Path(folder) / "plans.yaml")
        reader.read("by hand", HEAD + b"a: 1\n")  # what is imported once is not the file's to pay
        reader.read("by hand", examples()[0])
        limit()
        for cases in (corpus(), () if quick else truncations(), mutations(count, first)):
            for kind, content in cases:
                reader.read(kind, content)
    for kind, number in sorted(reader.counts.items()):
        print(f"{number:10,} {kind}")
    print(f"slowest {reader.slowest:.2f} s of processor time; limits {SECONDS:.0f} s and {MEMORY >> 20} MiB each; crashes 0")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:] if word.isdigit()), quick="--quick" in sys.argv)
