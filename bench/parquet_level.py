"""What the Parquet options of the DuckDB engine cost and save beside other levels, on one table of mixed types."""

import random
import resource
import time
from pathlib import Path
from typing import NamedTuple

import duckdb

from reconciler.engines import duckdb_child

NAME = "parquet-level"
ROWS, QUICK_ROWS = 3_000_000, 300_000
ROUNDS, QUICK_ROUNDS = 4, 2
BUDGET_S = 60  # no round begins after it, but the warm-up and the first that counts

# `pick` is one of n numbers, `word` one of some words, by a hash of the row's number: the same on every machine.
MACROS = """
CREATE MACRO pick(i, salt, n) AS (hash(i * 16 + salt) % n)::BIGINT;
CREATE MACRO word(i, salt, words) AS words[1 + pick(i, salt, len(words))];
"""
TABLE = """
CREATE TABLE orders AS SELECT
  i AS id,
  pick(i, 0, 200_000)::INTEGER AS customer,
  word(i, 1, ['new', 'paid', 'shipped', 'returned', 'cancelled']) AS status,
  word(i, 2, ['DE', 'FR', 'US', 'JP', 'BR', 'IN', 'AU', 'PL']) AS country,
  (pick(i, 3, 1_000_000) / 100)::DECIMAL(12, 2) AS amount,
  (pick(i, 4, 10_000) / 9973)::DOUBLE AS weight_kg,
  TIMESTAMP '2026-01-01' + to_seconds(i * 10 + pick(i, 5, 600)) AS ordered_at,
  CASE WHEN pick(i, 6, 4) > 0 THEN DATE '2026-01-01' + (i // 8640 + pick(i, 7, 9))::INTEGER END AS shipped_on,
  pick(i, 8, 20) = 0 AS is_gift,
  md5(i::VARCHAR)[:12] AS reference,
  '{"page": "/shop/item/' || pick(i, 9, 3_000) || '", "ms": ' || pick(i, 10, 900) || '}' AS payload,
FROM range(?) AS numbers(i)
"""


class Level(NamedTuple):
    name: str
    options: str


LEVELS = (
    Level("as shipped", duckdb_child.PARQUET),
    Level("zstd 1", "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"),
    Level("zstd 3 (default)", "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 3"),
    Level("zstd 9", "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 9"),
    Level("snappy", "FORMAT parquet, COMPRESSION snappy"),
)
BASE = "zstd 1"


class Copy(NamedTuple):
    """One COPY of the table: wall seconds, user + system CPU seconds over all threads, the file's bytes."""

    wall_s: float
    cpu_s: float
    size: int


Copies = dict[str, list[Copy]]


def measure(folder: Path, shuffler: random.Random, *, quick: bool) -> Copies:
    """Every round copies the table once at each level, in an order of its own; the first round is dropped."""
    target, until = folder / "orders.parquet", time.monotonic() + BUDGET_S
    copies: Copies = {level.name: [] for level in LEVELS}
    with duckdb.connect(config={"memory_limit": duckdb_child.MEMORY_LIMIT, "temp_directory": str(folder)}) as made:
        made.execute(MACROS)
        made.execute(TABLE, [QUICK_ROWS if quick else ROWS])
        for number in range(1 + (QUICK_ROUNDS if quick else ROUNDS)):
            if number > 1 and time.monotonic() > until:
                break
            for level in shuffler.sample(LEVELS, len(LEVELS)):
                taken = _copy(made, target, level)
                if number:
                    copies[level.name].append(taken)
    return copies


def _copy(connection: duckdb.DuckDBPyConnection, target: Path, level: Level) -> Copy:
    wall, cpu = time.perf_counter(), _cpu()
    connection.execute(f"COPY orders TO {duckdb_child.literal(str(target))} ({level.options})")
    return Copy(time.perf_counter() - wall, _cpu() - cpu, target.stat().st_size)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
