"""For engines that speak Doris: sites whose warehouses are stand-in servers and whose storage is a real S3 server."""

import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest
import seaweed

sys.path.insert(0, str(Path(__file__).parent))

# The servers' time begins then: which partitions they drop must not depend on the day on which a test runs.
NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Warehouses:
    """A site with warehouse `shop` backed up to S3, and `other` to restore to; each a server of its own."""

    def __init__(self, site, s3, source, target, engine: str) -> None:
        self.site, self.s3, self.source, self.target = site, s3, source, target
        self.prefix = f"doris/{uuid.uuid4().hex}"
        site.document["storages"] = {"bucket": {"s3": {
            "bucket": seaweed.BUCKET, "prefix": self.prefix, "endpoint": s3.endpoint,
            "credentials": {"access_key": {"env": "DORIS_TEST_ACCESS"}, "secret_key": {"env": "DORIS_TEST_SECRET"}},
        }}}  # fmt: skip
        plan = site.plan | {"objects": {"databases": ["*"]}, "timeout": "1h"}
        site.document["warehouses"] = {
            "shop": self.entry(engine, source) | {"storage": "bucket", "plan": plan},
            "other": self.entry(engine, target),
        }
        site.write()

    def entry(self, engine: str, server) -> dict:
        return {"engine": engine, "hosts": ["127.0.0.1"], "port": server.port, "user": "root"}

    @property
    def objects(self) -> list[str]:
        """Every object of ours, without the ledger's mark."""
        client = seaweed.client(self.s3)
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=seaweed.BUCKET, Prefix=f"{self.prefix}/")
        keys = [item["Key"].removeprefix(f"{self.prefix}/test/") for page in pages for item in page.get("Contents", ())]
        return [key for key in keys if key != ".ledger.json"]

    def fill(self) -> None:
        for statement in (
            "CREATE DATABASE sales", "CREATE DATABASE crm",
            "CREATE TABLE sales.orders (id INT NOT NULL, what VARCHAR(20)) DUPLICATE KEY(id) "
            "DISTRIBUTED BY HASH(id) BUCKETS 1",
            "INSERT INTO sales.orders VALUES (1, 'one'), (2, NULL), (3, 'drei ü')",
            "CREATE TABLE sales.days (day DATE, n BIGINT) DUPLICATE KEY(day) PARTITION BY RANGE(day) "
            '(PARTITION p1 VALUES LESS THAN ("2026-02-01"), PARTITION p2 VALUES [("2026-02-01"), ("2026-03-01"))) '
            "DISTRIBUTED BY HASH(day)",
            "INSERT INTO sales.days VALUES ('2026-01-15', 1), ('2026-02-15', 2)",
            "CREATE VIEW sales.names AS SELECT what FROM sales.orders",
            "CREATE TABLE crm.people (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
            "INSERT INTO crm.people VALUES (7)",
        ):  # fmt: skip
            self.source.sql(statement)


@pytest.fixture
def warehouses(site, s3_server, doris, monkeypatch):
    """Makes them: the product and the version of both servers, or of each."""
    monkeypatch.setenv("DORIS_TEST_ACCESS", seaweed.ACCESS_KEY)
    monkeypatch.setenv("DORIS_TEST_SECRET", seaweed.SECRET_KEY)

    def make(
        product: str = "doris", version: str = "3.0.3", engine: str = "", target: dict | None = None, **more
    ) -> Warehouses:
        servers = doris(product, version, now=NOW, **more), doris(product, version, now=NOW, **(target or {}))
        made = Warehouses(site, s3_server, *servers, engine or product)
        made.fill()
        site.apply("2026-11-23T00:00:00Z")
        return made

    return make


@pytest.fixture
def stars(warehouses):
    """Makes them of StarRocks, exported by the plan's word, or because its server refuses snapshots."""

    from exported import Exported

    def make(**apart) -> Exported:
        at = warehouses("starrocks", "3.4.0", engine="starrocks", target={}, **apart)
        if not apart:
            at.site.plan["method"] = "export"
        at.site.write()
        at.site.apply("2026-11-23T01:00:00Z")
        return Exported(at)

    return make


def apart(target: str, **coupled) -> dict:
    """What a target is made with: a coupled one, or one with a group `etl`."""
    return coupled if target == "coupled" else {"cloud": True, "groups": ("etl",)}


@pytest.fixture
def coupled(warehouses):
    """Makes them: a Doris with disks of its own whose plan says `method: export`, the target coupled or decoupled."""

    from exported import Exported

    def make(target: str = "coupled", version: str = "4.0.2", backends: int = 3) -> Exported:
        at = warehouses("doris", version, target=apart(target, backends=backends))
        at.site.plan["method"] = "export"
        at.site.write()
        at.site.apply("2026-11-23T01:00:00Z")
        return Exported(at)

    return make


@pytest.fixture
def decoupled(warehouses):
    """Makes them: the target coupled or decoupled, with a group `etl`."""

    from exported import Exported

    def make(target: str = "decoupled", version: str = "4.0.2", backends: int = 3) -> Exported:
        at = warehouses("doris", version, engine="velodb", cloud=True, groups=("backup_cg", "adhoc"),
                        target=apart(target, backends=backends))  # fmt: skip
        at.site.plan["backup_cluster"] = "backup_cg"
        at.site.write()
        at.site.apply("2026-11-23T01:00:00Z")
        return Exported(at)

    return make
