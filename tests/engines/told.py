"""What the status file tells, for the tests of engines."""

import json
import threading

TASK = "shop-20261123T020000Z"
MONDAY_2, MONDAY_3 = "2026-11-23T02:00:00Z", "2026-11-23T03:00:00Z"
DYNAMIC = (
    "CREATE TABLE crm.dyn (day DATE NOT NULL, n INT) DUPLICATE KEY(day) PARTITION BY RANGE(day) "
    '(PARTITION p20261122 VALUES [("2026-11-22"), ("2026-11-23")), PARTITION p20261123 VALUES [("2026-11-23"), ("2026-11-24"))) '
    'DISTRIBUTED BY HASH(day) BUCKETS 1 PROPERTIES ("dynamic_partition.enable" = "true", "dynamic_partition.time_unit" = "DAY", '
    '"dynamic_partition.start" = "-30", "dynamic_partition.end" = "1", "dynamic_partition.prefix" = "p", "dynamic_partition.buckets" = "1")'
)


def in_parts(statements: tuple[str, ...], size: int = 6) -> list[tuple[str, ...]]:
    """A few at once: each life costs seconds."""
    return [statements[at : at + size] for at in range(0, len(statements), size)]


def status(site) -> dict:
    return json.loads(site.paths.status.read_text())


def states(site) -> dict[str, tuple[str, str | None]]:
    tasks = {task["id"]: task for item in status(site)["warehouses"] for task in item["backup_tasks"]}
    return {name: (task["state"], task["error"]) for name, task in tasks.items()}


def restored(at) -> tuple[str, str]:
    (task,) = status(at.site)["restore_tasks"]
    return task["state"], task["message"]


def wait_until(holds, seconds: float = 30) -> None:
    """Looks until it holds, and no longer than that."""
    ticking = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if holds():
            return
        ticking.wait(0.02)
    raise AssertionError("it did not come to be")
