"""Lives of an installation under kill -9, SIGTERM and lost ledgers, and what must hold at their end.

One life is three days of an installation with real processes; every pass is ended at a random moment, and now and then
the ledger is gone. `python tests/processes/lives.py SEEDS [--s3] [--mariadb]` lives many, with sets in an object store
and the ledger in a database server if asked, and prints what happened (`make soak`).
"""

import contextlib
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pymysql

sys.path.insert(0, str(Path(__file__).parents[1] / "servers"))
import seaweed
from database import Database, database

DAYS = ("2026-11-23", "2026-11-24", "2026-11-25")
ENDED = {"succeeded", "failed", "cancelled", "lost", "missed", "skipped", "disabled"}


class Life:
    """`counts` says what befell it."""

    def __init__(
        self, site: Any, seed: int, server: seaweed.Seaweed | None = None, ledgers: Database | None = None
    ) -> None:
        self.site, self.chance, self.server = site, random.Random(seed), server
        self.ledgers, self.ledger = ledgers, ledgers.create() if ledgers else ""
        self.words = ("--ledger", ledgers.url(self.ledger)) if ledgers else ()
        self.counts: Counter[str] = Counter()
        self.lost = False
        self.prefix = f"lives/{site.folder.name}-{seed}"
        site.plan["retention_days"] = 1
        if server is not None:
            site.document["storages"]["disk"] = {"s3": {
                "bucket": seaweed.BUCKET, "endpoint": server.endpoint, "prefix": self.prefix,
                "credentials": {"access_key": {"env": "LIVES_ACCESS"}, "secret_key": {"env": "LIVES_SECRET"}},
            }}  # fmt: skip
        site.restore("r-1", databases={"sales": "copy"})
        site.database(rows=200_000)

    def run(self) -> Counter[str]:
        self._pass_whole("2026-11-23T00:00:00Z")
        for day in DAYS:
            for minute in range(3):
                self._pass_ended_early(f"{day}T02:0{minute}:00Z")
                self._check_copy()
            if self.chance.random() < 0.4:
                self._lose_ledger()
            self._settle(f"{day}T02:1")
        self._settle("2026-11-28T03:0")
        self._check()
        self.counts["lives"] += 1
        return self.counts

    def _pass_ended_early(self, now: str) -> None:
        number = self.chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM))
        process = self._start(now)
        timer = threading.Timer(self.chance.uniform(0.1, 1.1), process.send_signal, [number])
        timer.start()
        process.communicate()
        timer.cancel()
        ended = process.returncode == -number or process.returncode in (130, 143)
        self.counts[f"ended by {number.name}" if ended else "ended by themselves"] += 1

    def _start(self, now: str) -> subprocess.Popen[str]:
        self._let_the_lease_end()
        environment = os.environ | {
            "RECONCILE_FILE": "plans.yaml", "LIVES_ACCESS": seaweed.ACCESS_KEY, "LIVES_SECRET": seaweed.SECRET_KEY,
        }  # fmt: skip
        return subprocess.Popen(
            [Path(sys.executable).with_name("reconcile"), "--now", now, "apply", *self.words], cwd=self.site.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
        )  # fmt: skip

    def _pass_whole(self, now: str) -> None:
        process = self._start(now)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, f"{now}: {process.returncode}\n{err}"

    def _settle(self, minutes: str) -> None:
        for step in range(3):
            self._pass_whole(f"{minutes}{3 * step}:00Z")
            if self.lost:
                self.site.run("allow", "ledger", *self.words, now=f"{minutes}{3 * step + 1}:00Z")
                self.site.run("allow", "restore", "r-1", *self.words, now=f"{minutes}{3 * step + 1}:00Z")

    def _let_the_lease_end(self) -> None:
        """On a server the lease of a process that was killed ends some seconds later: as if they had passed."""
        if self.ledgers:
            with contextlib.suppress(pymysql.err.ProgrammingError):  # there is no such table yet
                self.ledgers.ask("UPDATE lease SET ends_at = 0", self.ledger)

    def _lose_ledger(self) -> None:
        if self.ledgers:
            self.ledgers.ask(f"DROP DATABASE {self.ledger}")
            self.ledgers.ask(f"CREATE DATABASE {self.ledger}")
        for path in self.site.folder.glob("ledger.sqlite*"):
            path.unlink()
        self.lost = True
        self.counts["ledgers lost"] += 1

    def _check_copy(self) -> None:
        """Never half a restore in place."""
        copy = self.site.folder / "other/copy.duckdb"
        assert not copy.exists() or rows(copy) == rows(self.site.folder / "shop/sales.duckdb")

    def _check(self) -> None:
        document = json.loads(self.site.paths.status.read_text())
        tasks = {task["id"]: task for item in document["warehouses"] for task in item["backup_tasks"]}
        (restore,) = document["restore_tasks"]
        manifests = self._manifests()
        assert {task["state"] for task in tasks.values()} <= ENDED, "every slot has an outcome"
        assert {name for name, task in tasks.items() if (task["backup_set"] or {}).get("state") == "present"} == set(
            manifests
        ), "status and storage agree on the sets"
        assert restore["state"] == "succeeded" or (restore["state"] == "unknown" and self.lost), restore
        assert restore["state"] == "unknown" or (self.site.folder / "other/copy.duckdb").exists()
        self._check_copy()
        assert set(os.listdir(self.site.folder / "other")) <= {"copy.duckdb"} or self.lost, "nothing half made"
        wanted = {f"{name}/{number}" for name, numbers in manifests.items() for number in numbers}
        assert self._attempts() == wanted, f"leftovers are cleaned: {sorted(self._files())}"
        self.counts[f"restores {restore['state']}"] += 1
        self.counts.update(f"tasks {task['state']}" for task in tasks.values())

    def _files(self) -> dict[str, bytes]:
        """Every object's key and, of manifests, the content."""
        if self.server is None:
            root = self.site.folder / "backups"
            return {str(path.relative_to(root)): path.read_bytes() if path.suffix == ".json" else b""
                    for path in root.rglob("*") if path.is_file()}  # fmt: skip
        s3 = seaweed.client(self.server)
        found = {}
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=seaweed.BUCKET, Prefix=f"{self.prefix}/"):
            for item in page.get("Contents", ()):
                key = item["Key"]
                body = s3.get_object(Bucket=seaweed.BUCKET, Key=key)["Body"].read() if key.endswith(".json") else b""
                found[key.removeprefix(f"{self.prefix}/")] = body
        return found

    def _manifests(self) -> dict[str, set[str]]:
        """The attempts that each set is made of."""
        return {
            key.split("/")[2]: {str(item["attempt"]) for item in json.loads(body)["snapshots"]}
            for key, body in self._files().items() if key.endswith("/manifest.json")
        }  # fmt: skip

    def _attempts(self) -> set[str]:
        keys = (key.split("/") for key in self._files())
        return {f"{parts[2]}/{parts[3]}" for parts in keys if parts[1] == "shop" and len(parts) > 4}


def rows(path: Path) -> list:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute("SELECT count(*), sum(i), sum(hash(v)) FROM t").fetchall()


def main(seeds: int, first: int, *, s3: bool, mariadb: bool) -> None:
    spec = importlib.util.spec_from_file_location("sites", Path(__file__).parents[1] / "conftest.py")
    sites = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sites)
    counts: Counter[str] = Counter()
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(seaweed.seaweed()) if s3 else None
        ledgers = stack.enter_context(database("mariadb")) if mariadb else None
        for seed in range(first, first + seeds):
            with tempfile.TemporaryDirectory(prefix=f"life-{seed}-") as folder:
                counts += Life(sites.Site(Path(folder)), seed, store, ledgers).run()
            print(f"seed {seed}: {dict(counts)}", flush=True)
    print("\n".join(f"{count:6} {name}" for name, count in sorted(counts.items())))
    places = f"sets {'in an object store' if s3 else 'on a disk'}, ledger in {'MariaDB' if mariadb else 'a file'}"
    print(f"{counts['ended by SIGKILL']:,} kills in {seeds:,} lives, {places}")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    main(numbers[0], numbers[1] if len(numbers) > 1 else 0, s3="--s3" in sys.argv, mariadb="--mariadb" in sys.argv)
