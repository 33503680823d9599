"""Engines doris and starrocks, whole: plans, snapshots, restores and retention against the stand-in and real S3."""

import json

import pytest

TASK = "shop-20261123T020000Z"
MONDAY_2, MONDAY_3 = "2026-11-23T02:00:00Z", "2026-11-23T03:00:00Z"
PRODUCTS = [("doris", "2.1.7"), ("doris", "3.0.3"), ("doris", "4.0.2"), ("starrocks", "3.3.5"), ("starrocks", "3.4.0")]


def status(site) -> dict:
    return json.loads(site.paths.status.read_text())


def states(site) -> dict[str, tuple[str, str | None]]:
    tasks = {task["id"]: task for item in status(site)["warehouses"] for task in item["backup_tasks"]}
    return {name: (task["state"], task["error"]) for name, task in tasks.items()}


@pytest.mark.parametrize(("product", "version"), PRODUCTS)
def test_a_backup_and_a_renamed_restore_keep_every_row(warehouses, product, version):
    """E1, R7, S4: for each product; then retention takes all of it away again."""
    at = warehouses(product, version)
    site = at.site
    at.site.restore(
        "r-1", databases={"sales": "sales_restored", "crm": "crm"}, restore_properties={"replication_num": 1}
    )
    assert site.apply(MONDAY_2).failures == ()
    assert states(site) == {TASK: ("succeeded", None)}
    assert site.apply(MONDAY_3).failures == ()

    (restore,) = status(site)["restore_tasks"]
    assert restore["state"] == "succeeded", restore
    for table in ("orders", "days"):
        assert at.target.rows(f"sales_restored.{table}") == at.source.rows(f"sales.{table}")
    assert at.target.rows("crm.people") == at.source.rows("crm.people")
    assert at.target.sql("SHOW REPOSITORIES") == at.source.sql("SHOW REPOSITORIES")
    site.plan["periodic"]["enabled"] = False
    site.plan["keep_last"] = 0
    site.document["restores"] = []
    site.write()
    site.apply("2026-11-23T04:00:00Z")
    site.apply("2026-12-04T04:00:00Z")
    assert [key for key in at.objects if not key.startswith(".restores/")] == []
