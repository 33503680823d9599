"""One fault at every request of a life: to the object store, and to a warehouse that speaks Doris.

A life is a backup, a restore and a removal by retention. The k-th request of it goes wrong, for every k, before its
effect or after it; then no success may be false, no slot may have two sets, no restore may run twice.
`python tests/long/fault_sweep.py [EVERY]` tries every k, or each EVERY-th (`make fault-sweep`).
"""

import contextlib
import io
import os
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.extend(str(Path(__file__).parents[1] / room) for room in ("", "long", "servers", "processes"))
import boto3
import seaweed
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from botocore.httpsession import URLLib3Session
from doris_server import DorisServer
from lives import ENDED, rows
from sites import Site, asked, printed, states, warehouses_of_doris

from reconciler.storage import s3

BACKUP, RESTORE, LATER = "2026-11-23T02:00:00Z", "2026-11-23T03:00:00Z", "2026-11-26T03:00:00Z"
TASK = "shop-20261123T020000Z"
STORE_FAULTS = ("cut before", "cut after", "refused", "cut after, then asked again")
SERVER_FAULTS = ("drop_before", "drop_after")
WORK = r"^\s*(?!SET|USE)"  # what a session sets up is asked for again with each connection


class Wire:
    """Clients as the product's own, each made once, whose requests go through the trap of the moment."""

    def __init__(self) -> None:
        self.trap: Trap | None = None
        self._clients: dict[tuple[str, int], Any] = {}

    def client(self, declared: Any, keys: Any) -> Any:
        """Only the last kind of fault is left to botocore's own tries."""
        tries = 2 if self.trap.kind.endswith("asked again") else 1
        if (declared.endpoint, tries) not in self._clients:
            made = boto3.session.Session(keys[0], keys[1]).client(
                "s3", endpoint_url=declared.endpoint, region_name="us-east-1",
                config=s3.CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": tries})),
            )  # fmt: skip
            made.meta.events.register("before-send.s3", self._send)
            self._clients[declared.endpoint, tries] = made
        return self._clients[declared.endpoint, tries]

    def _send(self, **told: Any) -> Any:
        return self.trap.send(**told)


WIRE = Wire()


class Trap:
    """What becomes of the k-th request to the object store, counted over all clients."""

    def __init__(self, kind: str, k: int) -> None:
        self.kind, self.k, self.count, self.sprung = kind, k, 0, 0
        self._lock = threading.Lock()
        self._direct = URLLib3Session()

    def send(self, request: Any, **_: Any) -> Any:
        with self._lock:
            self.count += 1
            if self.count != self.k:
                return None
            self.sprung += 1
        if self.kind == "refused":
            return _unavailable(request.url)
        if self.kind.startswith("cut after"):
            self._direct.send(request)
        raise ReadTimeoutError(endpoint_url=request.url)


class _Body(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _unavailable(url: str) -> AWSResponse:
    """The answer of a store that is overloaded (Amazon S3 API Reference, "Error responses")."""
    text = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>"
    return AWSResponse(url, 503, {"content-type": "application/xml"}, _Body(text))


class StoreLife:
    """DuckDB on this machine, its sets in a real object store."""

    def __init__(self, folder: Path, server: seaweed.Seaweed, trap: Trap) -> None:
        self.site, self.trap = Site(folder), trap
        self.looking = seaweed.client(server)
        self.prefix = f"faults/{uuid.uuid4().hex}"
        self.site.plan.update(retention_days=1, keep_last=0)
        self.site.document["storages"]["disk"] = {"s3": {
            "bucket": seaweed.BUCKET, "endpoint": server.endpoint, "prefix": self.prefix,
            "credentials": {"access_key": {"env": "SWEEP_ACCESS"}, "secret_key": {"env": "SWEEP_SECRET"}},
        }}  # fmt: skip
        self.site.write()
        self.site.database(rows=20)

    def live(self) -> None:
        """Faults are over with the first pass of the last day: what they left is settled then."""
        WIRE.trap = self.trap
        with mock.patch.object(s3, "_client", WIRE.client):
            self._pass("2026-11-23T00:00:00Z")
            self._pass(BACKUP)
            self.site.plan["periodic"]["enabled"] = False
            self.site.restore("r-1", databases={"sales": "copy"})
            self._pass(RESTORE)
            restored = self._copy()
            for minutes in ("00", "10", "20"):
                self._pass(LATER.replace("03:00", f"03:{minutes}"))
        assert restored is None or self._copy() == restored, "restored twice"
        self._check()

    def _pass(self, now: str) -> None:
        self.site.apply(now)
        found = states(self.site) if self.site.paths.status.exists() else {}
        if found.get(TASK) == "succeeded" and now < LATER:
            assert any(key.endswith(f"{TASK}/manifest.json") for key in self._keys()), "a false success"
        if found.get("r-1") == "succeeded":
            copied, source = (self.site.folder / name for name in ("other/copy.duckdb", "shop/sales.duckdb"))
            assert rows(copied) == rows(source), "a false success"

    def _copy(self) -> tuple[int, int] | None:
        with contextlib.suppress(FileNotFoundError):
            found = (self.site.folder / "other/copy.duckdb").stat()
            return found.st_ino, found.st_mtime_ns
        return None

    def _keys(self) -> list[str]:
        pages = self.looking.get_paginator("list_objects_v2").paginate(
            Bucket=seaweed.BUCKET, Prefix=f"{self.prefix}/")  # fmt: skip
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def _check(self) -> None:
        found = states(self.site)
        assert found.pop("r-1") == "succeeded"
        assert set(found.values()) <= ENDED, found
        assert found[TASK] == "succeeded", found
        left = [key for key in self._keys() if "/shop/" in key]
        assert left == [], "past its retention, and all of it gone"


class ServerLife:
    """Two stand-ins for Doris, of which one has a fault at its k-th statement."""

    def __init__(self, folder: Path, store: seaweed.Seaweed, kind: str, k: int, *, restoring: bool) -> None:
        self._folder, self._store, self._kind, self._k, self._restoring = folder, store, kind, k, restoring
        self.sprung = 0

    def live(self) -> None:
        with DorisServer() as source, DorisServer() as target:
            at = warehouses_of_doris()(Site(self._folder), self._store, source, target, "doris")
            at.fill()
            at.site.apply("2026-11-23T00:00:00Z")
            if not self._restoring:
                self._arm(source)
            at.site.apply(BACKUP)
            at.site.restore("r-1", databases={"sales": "copy"}, restore_properties={"replication_num": 1})
            if self._restoring:
                self._arm(target)
            for minutes in ("00", "10", "20"):
                at.site.apply(RESTORE.replace("03:00", f"03:{minutes}"))
            armed = target if self._restoring else source
            self.sprung = int(not armed.faults.traps or not armed.faults.traps[0].times) if self._k else 0
            self._check(at)

    def _arm(self, server: DorisServer) -> None:
        getattr(server.faults, self._kind)(WORK, nth=self._k)

    def _check(self, at: Any) -> None:
        assert states(at.site) == {TASK: "succeeded", "r-1": "succeeded"}, states(at.site)
        for database in ("sales", "crm"):
            jobs = [row[3] for row in at.source.sql(f"SHOW BACKUP FROM {database}")]
            assert jobs == ["FINISHED"], "one job for each database"
        assert [row[4] for row in at.target.sql("SHOW RESTORE FROM copy")] == ["FINISHED"], "restored once"
        for table in ("orders", "days"):
            assert at.target.rows(f"copy.{table}") == at.source.rows(f"sales.{table}"), "a false success"
        manifests = [key for key in at.objects if key.endswith("/manifest.json")]
        assert len(manifests) == 1, "one set"


def sweep_store(store: seaweed.Seaweed, kind: str, every: int, first: int = 1) -> Iterator[int]:
    """The requests at which a fault struck; ends with the first life that has fewer of them."""
    k = first
    while True:
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            trap = Trap(kind, k)
            _named(f"object store, {kind}, request {k}", StoreLife(Path(folder), store, trap).live)
        if not trap.sprung:
            return
        yield k
        k += every


def sweep_server(store: seaweed.Seaweed, kind: str, every: int, first: int = 1, *, restoring: bool) -> Iterator[int]:
    """The statements at which a fault struck, of a backup or of a restore."""
    k = first
    while True:
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            life = ServerLife(Path(folder), store, kind, k, restoring=restoring)
            _named(f"warehouse, {kind}, statement {k}, restoring {restoring}", life.live)
        if not life.sprung:
            return
        yield k
        k += every


def _named(what: str, live: Callable[[], None]) -> None:
    try:
        live()
    except AssertionError as error:
        raise AssertionError(f"{what}: {error}") from error


def secrets_in_the_environment() -> dict[str, str]:
    names = ("SWEEP_ACCESS", "SWEEP_SECRET", "DORIS_TEST_ACCESS", "DORIS_TEST_SECRET")
    return dict(zip(names, (seaweed.ACCESS_KEY, seaweed.SECRET_KEY) * 2, strict=True))


def main() -> None:
    (every,) = asked(sys.argv[1:], 1)
    os.environ |= secrets_in_the_environment()
    began = time.monotonic()
    counts: Counter[str] = Counter()
    with seaweed.seaweed() as store:
        for kind in STORE_FAULTS:
            for request in sweep_store(store, kind, every):
                counts[f"object store: {kind}"] += 1
                print(f"object store, {kind}, request {request}", flush=True)
        for kind in SERVER_FAULTS:
            for restoring in (False, True):
                name = f"warehouse, {'restore' if restoring else 'backup'}: {kind}"
                for statement in sweep_server(store, kind, every, restoring=restoring):
                    counts[name] += 1
                    print(f"{name}, statement {statement}", flush=True)
    print(printed(counts))
    print(f"{counts.total():,} faults, one in each life, in {time.monotonic() - began:.0f} s: "
          f"0 false successes, 0 slots with two sets, 0 restores that ran twice")  # fmt: skip


if __name__ == "__main__":
    main()
