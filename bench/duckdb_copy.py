"""A DuckDB backup and restore of ours beside DuckDB's own EXPORT and IMPORT, same codec and level, same disk.

`make bench-duckdb MIB=1024`: the size as CSV. Ours counts its SHA-256 in; both end with what the system has synced.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import yaml

ROW_BYTES = 55  # of a row of the table below, as CSV
OWN = """
import sys, duckdb
what, database, folder = sys.argv[1:]
with duckdb.connect(database, read_only=what == "export", config={"threads": 2}) as c:
    if what == "export":
        c.execute(f"EXPORT DATABASE '{folder}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")
    else:
        c.execute(f"IMPORT DATABASE '{folder}'")
        c.execute("CHECKPOINT")
"""


def main(mebibytes: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch)
        rows = mebibytes * 1024 * 1024 // ROW_BYTES
        make(folder / "shop", rows)
        sides: dict[str, Callable[[Path, int], tuple[float, float]]] = {"reconcile": ours, "duckdb": own}
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
        for at in range(rounds):
            for name in random.Random(at).sample(sorted(sides), len(sides)):
                taken[name].append(sides[name](folder, at))
        best = {name: [min(run[part] for run in runs) for part in (0, 1)] for name, runs in taken.items()}
        print(f"\n{mebibytes:,} MiB as CSV, {rows:,} rows, the least of {rounds} rounds\n")
        print("| | reconcile s | DuckDB s | ratio |\n|---|---|---|---|")
        for part, word in enumerate(("backup", "restore")):
            mine, other = best["reconcile"][part], best["duckdb"][part]
            print(f"| {word} | {mine:.2f} | {other:.2f} | {mine / other:.2f} |")


def make(folder: Path, rows: int) -> None:
    folder.mkdir()
    with duckdb.connect(str(folder / "sales.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT i AS id, 'customer ' || (i * 7919 % 100003) AS who, "
            "(i * 31 % 9973) / 100 AS amount, "
            f"TIMESTAMP '2026-01-01' + INTERVAL (i % 31536000) SECOND AS at FROM range({rows}) r(i)"
        )


def ours(folder: Path, at: int) -> tuple[float, float]:
    work = folder / f"ours-{at}"
    work.mkdir()
    (work / "shop").symlink_to(folder / "shop")
    (work / "other").mkdir()
    document = {
        "version": 1, "installation": "bench", "storages": {"disk": {"local": {"path": "backups"}}},
        "warehouses": {
            "shop": {"engine": "duckdb", "path": "shop", "storage": "disk", "plan": {
                "one_time": {"start_time": "2026-11-23T02:00:00Z"}, "objects": {"databases": ["*"]},
                "retention_days": 7}},
            "other": {"engine": "duckdb", "path": "other"},
        },
    }  # fmt: skip
    (work / "plans.yaml").write_text(yaml.safe_dump(document))
    reconcile(work, "2026-11-23T01:00:00Z")
    backup = reconcile(work, "2026-11-23T02:00:00Z")
    document["restores"] = [{"id": "r-1", "from": {"warehouse": "shop", "backup_set": "latest"},
                             "to": {"warehouse": "other"}}]  # fmt: skip
    (work / "plans.yaml").write_text(yaml.safe_dump(document))
    restore = reconcile(work, "2026-11-23T03:00:00Z")
    assert (work / "other/sales.duckdb").exists()
    shutil.rmtree(work)
    return backup, restore


def reconcile(folder: Path, now: str) -> float:
    began = time.monotonic()
    subprocess.run([Path(sys.executable).with_name("reconcile"), "--now", now, "apply"], cwd=folder, check=True,
                   stderr=subprocess.DEVNULL, env=os.environ | {"RECONCILE_FILE": "plans.yaml"})  # fmt: skip
    os.sync()
    return time.monotonic() - began


def own(folder: Path, at: int) -> tuple[float, float]:
    work = folder / f"own-{at}"
    work.mkdir()
    backup = duck("export", folder / "shop/sales.duckdb", work / "export")
    restore = duck("import", work / "sales.duckdb", work / "export")
    shutil.rmtree(work)
    return backup, restore


def duck(*words: object) -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", OWN, *map(str, words)], check=True)
    os.sync()
    return time.monotonic() - began


if __name__ == "__main__":
    main(int(os.environ.get("MIB", "1024")), int(os.environ.get("ROUNDS", "2")))
