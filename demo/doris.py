"""The main job on servers that speak Doris: native snapshots into a real S3 server, and back under another name.

With `--velodb` from a warehouse that keeps compute and storage apart, by export, run by a backup cluster, into one
of the same kind and into one whose nodes hold their own data.

The servers are stand-ins of the tests (tests/doris_server): MySQL's protocol, the statements and answers of Apache
Doris or StarRocks, real rows in DuckDB, real objects in SeaweedFS. Every command is printed before it runs.
"""

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import yaml

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "tests"), str(HERE.parent / "tests" / "servers")]
import seaweed  # noqa: E402
from doris_server import DorisServer  # noqa: E402

WORK = HERE / "work"
RECONCILE = Path(sys.executable).with_name("reconcile")
PLANS = WORK / "plans.yaml"
ROWS = 50_000
SNAPSHOTS = (("doris", "doris", "3.0.5"), ("starrocks", "starrocks", "3.4.0"))
VELODB = (("velodb", "doris", "4.0.2"),)
TABLES = ("sales.orders", "sales.days", "crm.people")


def main() -> None:
    began = time.monotonic()
    for engine, product, version in VELODB if "--velodb" in sys.argv else SNAPSHOTS:
        shutil.rmtree(WORK, ignore_errors=True)
        WORK.mkdir()
        with contextlib.ExitStack() as stack:
            store = stack.enter_context(seaweed.seaweed())
            apart = {"cloud": True, "groups": ("backup_cg", "adhoc")} if engine == "velodb" else {}
            source, target = (
                stack.enter_context(DorisServer(product, version, speed=20, **apart)) for _ in range(2)
            )
            targets = {"staging": target}
            if engine == "velodb":
                targets["own_disks"] = stack.enter_context(DorisServer(product, version, speed=20))
            say(f"{len(targets) + 1} warehouses of engine {engine} ({product} {version}), and a bucket on "
                f"{store.endpoint}.")  # fmt: skip
            fill(source)
            write(plans(engine, source, targets, store))
            run_story(source, targets)
    print(f"\nDone in {time.monotonic() - began:.0f} s. Everything is in {WORK.relative_to(Path.cwd())}.")


def run_story(source: DorisServer, targets: dict[str, DorisServer]) -> None:
    say("What would a pass do, and what do the warehouses say to it?")
    reconcile("2026-11-22T12:00:00Z", "--dry-run", "--connect")
    reconcile("2026-11-22T12:00:00Z", "apply")
    say("The backup is due.")
    reconcile("2026-11-23T02:00:00Z", "apply")
    say(f"The restore request has its set now: `sales` goes into {' and '.join(targets)}, under another name.")
    reconcile("2026-11-23T02:10:00Z", "--dry-run", "--connect")
    reconcile("2026-11-23T02:10:00Z", "apply")
    for name, target in targets.items():
        compare(source, name, target)
    say("A second pass has nothing to do.")
    reconcile("2026-11-23T02:20:00Z", "apply")
    say("A commit overwrites the plan: kept 2 days instead of 14, and crm alone.")
    write(PLANS.read_text().replace("retention_days: 14", "retention_days: 2").replace("- sales\n", ""))
    reconcile("2026-11-23T12:00:00Z", "--dry-run")
    reconcile("2026-11-23T12:00:00Z", "apply")
    reconcile("2026-11-26T02:00:00Z", "apply")
    say("The set that is past its days goes; the newest one always stays.")
    reconcile("2026-11-26T02:30:00Z", "apply")
    reconcile(None, "backups")


def fill(server: DorisServer) -> None:
    """Rows made by the server itself."""
    word = "EXTERNAL " if server.warehouse.dialect.starrocks else ""
    for statement in (
        "CREATE DATABASE sales", "CREATE DATABASE crm",
        "CREATE TABLE sales.orders (id INT NOT NULL, what VARCHAR(40)) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id)",
        ("CREATE TABLE sales.days (day DATE, n BIGINT) DUPLICATE KEY(day) PARTITION BY RANGE(day) "
         '(PARTITION p1 VALUES LESS THAN ("2026-02-01"), PARTITION p2 VALUES [("2026-02-01"), ("2026-03-01"))) '
         "DISTRIBUTED BY HASH(day)"),
        "CREATE TABLE crm.people (id INT NOT NULL, name VARCHAR(40)) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id)",
        "CREATE VIEW sales.names AS SELECT what FROM sales.orders",
        "INSERT INTO sales.days VALUES ('2026-01-15', 1), ('2026-02-15', 2)",
        f'CREATE {word}CATALOG lake PROPERTIES ("type" = "hive", "hive.metastore.uris" = "thrift://meta:9083")',
    ):  # fmt: skip
        server.sql(statement)
    for table in ("sales.orders", "crm.people"):
        for first in range(0, ROWS, 10_000):
            values = ", ".join(f"({number}, 'value {number}')" for number in range(first, first + 10_000))
            server.sql(f"INSERT INTO {table} VALUES {values}")
    print(f"  {sum(len(server.rows(table)) for table in TABLES):,} rows in {len(TABLES)} tables")


def plans(engine: str, source: DorisServer, targets: dict[str, DorisServer], store: seaweed.Seaweed) -> str:
    os.environ |= {"S3_KEY": seaweed.ACCESS_KEY, "S3_SECRET": seaweed.SECRET_KEY, "RECONCILE_FILE": "plans.yaml"}
    return yaml.safe_dump({
        "version": 1,
        "installation": "demo",
        "storages": {"bucket": {"s3": {
            "bucket": seaweed.BUCKET, "prefix": engine, "endpoint": store.endpoint,
            "credentials": {"access_key": {"env": "S3_KEY"}, "secret_key": {"env": "S3_SECRET"}},
        }}},
        "warehouses": {
            "analytics": {
                "engine": engine, "hosts": ["127.0.0.1"], "port": source.port, "user": "root", "storage": "bucket",
                "plan": {
                    "periodic": {"backup_every": ["monday", "thursday"], "start_time": "02:00"},
                    "objects": {"databases": ["sales", "crm"], "external_catalogs": ["lake"]},
                    "retention_days": 14,
                    **({"backup_cluster": "backup_cg"} if engine == "velodb" else {}),
                },
            },
            **{name: {"engine": engine, "hosts": ["127.0.0.1"], "port": target.port, "user": "root"}
               for name, target in targets.items()},
        },
        "restores": [{
            "id": f"sales-to-{name}", "from": {"warehouse": "analytics", "backup_set": "latest"},
            "to": {"warehouse": name} | ({"cluster": "adhoc"} if target.warehouse.dialect.cloud else {}),
            "databases": {"sales": "sales_restored", "crm": "crm_restored"},
            "external_catalogs": ["lake"], "restore_properties": {"replication_num": 1},
        } for name, target in targets.items()],
    }, sort_keys=False)  # fmt: skip


def compare(source: DorisServer, name: str, target: DorisServer) -> None:
    say(f"Are the rows in {name} the same?")
    for table in TABLES:
        restored = table.replace(".", "_restored.")
        differing = set(source.rows(table)) ^ set(target.rows(restored))
        print(f"  {table} and {restored}: {len(differing)} rows differ")
        if differing:
            sys.exit("the restored rows are not the same")


def reconcile(now: str | None, *words: str) -> None:
    """Prints the command as one would type it, runs it, and ends the demo where it fails."""
    arguments = [*(("--now", now) if now else ()), *words]
    print(f"\n$ reconcile {shlex.join(arguments)}", flush=True)
    subprocess.run([RECONCILE, *arguments], cwd=WORK, check=True)


def write(text: str) -> None:
    PLANS.write_text(text)


def say(text: str) -> None:
    print(f"\n=== {text}", flush=True)


if __name__ == "__main__":
    main()
