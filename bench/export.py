"""A backup by export beside the statement that it sends, and beside DuckDB's own COPY and upload of the same rows.

`make bench-export MIB=256`: the size as CSV. The server is the tests' stand-in (tests/doris_server), which writes
its Parquet with DuckDB too; so the third side is the floor of the second, and the second that of ours. What a real
cluster takes for its own statement is not measured here.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "tests"), str(HERE.parent / "tests" / "servers")]
import seaweed  # noqa: E402
from doris_server import DorisServer  # noqa: E402

ROW_BYTES = 52  # of a row of the table below, as CSV
COLUMNS = "id AS c1, who AS c2, amount AS c3, CAST(since AS STRING) AS c4"
TASK = "2026-11-23T02:00:00Z"


def main(mebibytes: int, rounds: int) -> None:
    apart = {"cloud": True, "groups": ("backup_cg",)}
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, seaweed.seaweed() as store, \
            DorisServer("doris", "4.0.2", **apart) as server:  # fmt: skip
        rows = fill(server, mebibytes * 1024 * 1024 // ROW_BYTES)
        bench = Bench(Path(scratch), store, server)
        sides: dict[str, Callable[[int], float]] = {
            "reconcile": bench.ours, "OUTFILE": bench.outfile, "DuckDB": bench.copy,
        }  # fmt: skip
        taken: dict[str, list[float]] = {name: [] for name in sides}
        for at in range(rounds):
            for name in random.Random(at).sample(sorted(sides), len(sides)):
                taken[name].append(sides[name](at))
        best = {name: min(seconds) for name, seconds in taken.items()}
        print(f"\n{mebibytes:,} MiB as CSV, {rows:,} rows, the least of {rounds} rounds\n")
        print("| side | s | beside DuckDB's COPY and upload |\n|---|---|---|")
        for name, words in (("reconcile", "a whole backup by export"), ("OUTFILE", "its one statement, sent alone"),
                            ("DuckDB", "COPY to Parquet, upload")):  # fmt: skip
            print(f"| {words} | {best[name]:.2f} | {best[name] / best['DuckDB']:.2f} |")
        print(f"\nreconcile beside the statement alone: {best['reconcile'] / best['OUTFILE']:.2f}")


def fill(server: DorisServer, wanted: int) -> int:
    """By doubling."""
    server.sql("CREATE DATABASE bench")
    server.sql("CREATE TABLE bench.t (id BIGINT NOT NULL, who VARCHAR(40), amount DECIMAL(12,2), since DATETIME) "
               "DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")  # fmt: skip
    server.sql("INSERT INTO bench.t VALUES (0, 'customer 0', 0.5, '2026-01-01 00:00:00')")
    rows = 1
    while rows < wanted:
        server.sql(f"INSERT INTO bench.t SELECT id + {rows}, concat('customer ', (id + {rows}) * 7919 % 100003), "
                   f"(id + {rows}) * 31 % 9973 / 100, since FROM bench.t")  # fmt: skip
        rows *= 2
    return rows


class Bench:
    def __init__(self, folder: Path, store: seaweed.Seaweed, server: DorisServer) -> None:
        self._folder, self._store, self._server = folder, store, server

    def ours(self, at: int) -> float:
        """The command, from its start to its end."""
        work = self._folder / f"ours-{at}"
        work.mkdir()
        (work / "plans.yaml").write_text(yaml.safe_dump({
            "version": 1, "installation": f"bench-{at}",
            "storages": {"bucket": {"s3": {
                "bucket": seaweed.BUCKET, "endpoint": self._store.endpoint,
                "credentials": {"access_key": {"env": "S3_KEY"}, "secret_key": {"env": "S3_SECRET"}}}}},
            "warehouses": {"shop": {
                "engine": "velodb", "hosts": ["127.0.0.1"], "port": self._server.port, "user": "root",
                "storage": "bucket",
                "plan": {"one_time": {"start_time": TASK}, "objects": {"databases": ["bench"]},
                         "retention_days": 7, "backup_cluster": "backup_cg"}}},
        }))  # fmt: skip
        reconcile(work, "2026-11-23T01:00:00Z")
        return reconcile(work, TASK)

    def outfile(self, at: int) -> float:
        with self._server.connect(read_timeout=600) as connection, connection.cursor() as cursor:
            for told in ("USE @`backup_cg`", "SET time_zone = '+00:00'", "SET enable_parallel_outfile = true"):
                cursor.execute(told)
            began = time.monotonic()
            cursor.execute(
                f"SELECT {COLUMNS} FROM bench.t INTO OUTFILE 's3://{seaweed.BUCKET}/outfile-{at}/part-' "
                f"FORMAT AS PARQUET PROPERTIES ('s3.endpoint' = '{self._store.endpoint}', "
                f"'s3.region' = 'us-east-1', 's3.access_key' = '{seaweed.ACCESS_KEY}', "
                f"'s3.secret_key' = '{seaweed.SECRET_KEY}', 'use_path_style' = 'true', 'compress_type' = 'zstd', "
                f"'max_file_size' = '1024MB')"
            )
            return time.monotonic() - began

    def copy(self, at: int) -> float:
        """Of the very table that the server keeps in memory, with as many threads as it takes."""
        path = self._folder / f"copy-{at}.parquet"
        table = self._server.warehouse.databases["bench"].table("t").physical
        began = time.monotonic()
        self._server.warehouse.store.run(
            f"COPY (SELECT {COLUMNS} FROM {table}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
        )
        seaweed.client(self._store).upload_file(str(path), seaweed.BUCKET, f"copy-{at}/part.parquet")
        taken = time.monotonic() - began
        path.unlink()
        return taken


def reconcile(folder: Path, now: str) -> float:
    began = time.monotonic()
    subprocess.run(
        [Path(sys.executable).with_name("reconcile"), "--now", now, "apply"], cwd=folder, check=True,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"RECONCILE_FILE": "plans.yaml", "S3_KEY": seaweed.ACCESS_KEY,
                          "S3_SECRET": seaweed.SECRET_KEY},
    )  # fmt: skip
    return time.monotonic() - began


if __name__ == "__main__":
    main(int(os.environ.get("MIB", "256")), int(os.environ.get("ROUNDS", "3")))
