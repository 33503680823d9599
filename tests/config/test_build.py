"""The desired state that a document means: every field in its place, every default filled in."""

from datetime import UTC, datetime
from pathlib import Path

from reconciler.config.load import Loaded, load
from reconciler.core.model import (
    Desired,
    Folder,
    FromStorage,
    FromWarehouse,
    Hold,
    Limits,
    LocalStorage,
    Objects,
    OneTime,
    Periodic,
    Plan,
    Restore,
    Role,
    S3Storage,
    SecretReference,
    Server,
    Tls,
    Warehouse,
)

HERE = Path(__file__).parent


def loaded(folder: Path, text: str, name: str = "plans.yaml") -> Loaded:
    (folder / name).write_text(text)
    found = load(folder / name)
    assert found.errors == ()
    return found


def test_every_field_has_its_place_in_the_desired_state(monkeypatch):
    """P1: a plan is optional, and of one kind; durations are seconds, instants are in UTC, days are in order."""
    monkeypatch.setenv("RECONCILE_REVISION", "abc")
    found = load(HERE / "every_field.yaml")

    assert [str(problem).replace(f"{HERE}/", "") for problem in found.problems] == [
        "every_field.yaml:49:23: warning: restores[0]: warehouse 'gone' is not declared; only sets that the ledger "
        "knows are found [unknown-warehouse]"
    ]
    assert found.desired == Desired(
        installation="acme-eu",
        storages={
            "main": S3Storage(
                "main", "acme-backups", "warehouses/eu", "eu-central-1", "https://s3.eu-central-1.amazonaws.com",
                SecretReference("env", "S3_KEY"), SecretReference("file", f"{HERE}/secrets/s3"),
            ),
            "bare": S3Storage(
                "bare", "acme", server_role=Role("arn:aws:iam::123456789012:role/backups", "acme")),
            "laptop": LocalStorage("laptop", f"{HERE}/backups"),
        },
        warehouses={
            "analytics": Warehouse(
                "analytics", "velodb",
                Server(("fe1.analytics.internal", "fe2.analytics.internal"), 9031, "backup",
                       SecretReference("env", "ANALYTICS_PASSWORD"), Tls(f"{HERE}/acme.pem")),
                "main",
                Plan(
                    Periodic(False, (0, 4), "02:30:15", "Europe/Berlin"),
                    Objects(("sales", "crm_*"), ("crm_tmp",), ("hive_lake",)),
                    14, "backup_cg", keep_last=3, catch_up=5_400, timeout=86_400,
                    method="export", skip_unsupported=True, check_row_counts=True,
                ),
                "reports",
            ),
            "staging": Warehouse("staging", "doris", Server(("localhost",), 9030, "root", None, None)),
            "stars": Warehouse("stars", "starrocks", Server(
                ("fe",), 9030, "root", SecretReference("file", f"{HERE}/secrets/stars"), None)),
            "safe": Warehouse("safe", "velodb", Server(("fe",), 9030, "root", None, Tls(None))),
            "scratch": Warehouse(
                "scratch", "duckdb", Folder(f"{HERE}/warehouses/scratch"), "laptop",
                Plan(OneTime(datetime(2026, 12, 1, 1, tzinfo=UTC)), Objects(("*",)), 30),
            ),
        },
        restores={
            "all-of-it": Restore(
                "all-of-it", FromWarehouse("gone", None, datetime(2026, 11, 20, tzinfo=UTC)), "staging"
            ),
            "part-of-it": Restore(
                "part-of-it", FromWarehouse("analytics", "latest"), "staging", "etl",
                (("crm_eu", "crm"), ("sales", "sales_restored")), ("hive_lake",), ("sales_restored",),
                datetime(2026, 11, 29, 10, tzinfo=UTC), True,
            ),
            "by-id": Restore(
                "by-id", FromStorage("main", "analytics-20261101T013000Z"), "staging",
                restore_properties=(("dynamic_partition.enable", "false"), ("replication_num", "2")),
                timeout=3 * 86_400, accept_other_etags=True,
            ),
        },
        holds={
            "analytics-20261101T013000Z": Hold(
                "analytics-20261101T013000Z", "audit 2026-Q4", datetime(2027, 2, 1, tzinfo=UTC)),
            "analytics-20261102T013000Z": Hold(
                "analytics-20261102T013000Z", "audit 2026-Q4", datetime(2027, 1, 31, 11, tzinfo=UTC)),
            "analytics-20261103T013000Z": Hold("analytics-20261103T013000Z", "for good"),
        },
        limits=Limits(10, 2),
        digest=found.digest,
        revision="abc",
    )  # fmt: skip
    assert set(found.desired.planned) == {"analytics", "scratch"}


def test_what_is_left_out_has_its_default(tmp_path):
    text = """\
version: 1
installation: acme
storages:
  disk: {local: {path: backups}}
warehouses:
  shop:
    engine: duckdb
    path: shop
    storage: disk
    plan:
      periodic: {backup_every: [sunday, monday], start_time: 12:30}
      objects: {databases: ["*"]}
      retention_days: 14
restores:
  - {id: r, from: {warehouse: shop, backup_set: latest}, to: {warehouse: shop}}
"""
    desired = loaded(tmp_path, text).desired

    assert desired.limits == Limits(running_tasks=50, local_exports=4)
    assert desired.holds == {}
    assert desired.warehouses["shop"].plan == Plan(
        Periodic(True, (0, 6), "12:30:00", "UTC"), Objects(("*",), (), ()), 14, None,
        keep_last=1, catch_up=12 * 3600, timeout=6 * 3600,
    )  # fmt: skip
    assert desired.restores["r"] == Restore(
        "r", FromWarehouse("shop", "latest", None), "shop", cluster=None, databases=None, external_catalogs=(),
        replace=None, valid_until=None, cancel=False, timeout=86_400, accept_other_etags=False,
    )  # fmt: skip


def test_an_instant_may_be_written_in_each_way_of_rfc_3339(tmp_path):
    entry = """\
  - {{id: r{}, from: {{warehouse: shop, backup_set: latest}}, to: {{warehouse: shop}}, valid_until: {}}}
"""
    ways = [
        "2026-12-01T02:00:00Z", "2026-12-01t02:00:00z", "2026-12-01 02:00:00Z", "2026-12-01T02:00Z",
        "2026-12-01T02:00:00.999999Z", "2026-12-01T03:00:00+01:00", "2026-11-30T21:00:00-05:00",
    ]  # fmt: skip
    head = "version: 1\ninstallation: acme\nwarehouses: {shop: {engine: duckdb, path: shop}}\nrestores:\n"

    desired = loaded(tmp_path, head + "".join(entry.format(at, way) for at, way in enumerate(ways))).desired

    assert [restore.valid_until for restore in desired.restores.values()] == [
        datetime(2026, 12, 1, 2, tzinfo=UTC)
    ] * len(ways)


def test_a_default_that_is_written_out_means_the_same(tmp_path):
    """P2: such a change is none."""
    head = "version: 1\ninstallation: acme\nstorages: {disk: {local: {path: backups}}}\nwarehouses:\n  shop:\n"
    short = loaded(
        tmp_path,
        head
        + """\
    engine: duckdb
    path: shop
    storage: disk
    plan:
      periodic: {backup_every: [monday, friday], start_time: "02:30"}
      objects: {databases: [sales]}
      retention_days: 14
""",
    ).desired
    long = loaded(
        tmp_path,
        head
        + """\
    plan:
      timeout: 360m
      catch_up: 720m
      keep_last: 1
      retention_days: 1.4e1
      objects: {exclude_databases: [], databases: [sales]}
      periodic: {enabled: true, time_zone: UTC, backup_every: [friday, monday], start_time: 02:30:00}
    storage: disk
    path: ./shop
    engine: duckdb
limits: {local_exports: 4.0, running_tasks: 50}
restores: []
holds: []
""",
    ).desired

    assert long.digest != short.digest
    assert long == short._replace(digest=long.digest)
    plan = long.warehouses["shop"].plan
    assert [type(number) for number in (plan.retention_days, plan.keep_last, long.limits.local_exports)] == [
        int
    ] * 3


def test_relative_paths_are_relative_to_the_file_that_says_them(tmp_path, monkeypatch):
    (tmp_path / "prod/a").mkdir(parents=True)
    text = """\
version: 1
installation: acme
storages:
  near: {local: {path: backups}}
  up: {local: {path: ../backups}}
  fixed: {local: {path: /var/backups}}
warehouses:
  shop: {engine: duckdb, path: ./shop}
  server: {engine: doris, hosts: [fe], user: u, password: {file: keys/password}, tls: {ca_file: /etc/ca.pem}}
"""
    expected = {
        "near": f"{tmp_path}/prod/backups",
        "up": f"{tmp_path}/prod/../backups",
        "fixed": "/var/backups",
        "shop": f"{tmp_path}/prod/shop",
        "password": f"{tmp_path}/prod/keys/password",
        "ca": "/etc/ca.pem",
    }

    def paths(found: Loaded) -> dict[str, str]:
        server = found.desired.warehouses["server"].connection
        return {
            **{name: storage.path for name, storage in found.desired.storages.items()},
            "shop": found.desired.warehouses["shop"].connection.path,
            "password": server.password.name,
            "ca": server.tls.ca_file,
        }

    assert paths(loaded(tmp_path / "prod", text)) == expected
    assert paths(load(tmp_path / "prod")) == expected
    monkeypatch.chdir(tmp_path / "prod/a")
    assert paths(load(Path("../plans.yaml"))) == {
        name: path.replace(f"{tmp_path}/prod/", f"{tmp_path}/prod/a/../") for name, path in expected.items()
    }
    monkeypatch.chdir(tmp_path / "prod")
    assert paths(load(Path())) == expected


def test_a_link_that_swaps_commits_leaves_paths_the_same(tmp_path):
    """git-sync: the folder behind the link changes with each commit, and the backups must not move with it."""
    text = "version: 1\ninstallation: acme\nstorages: {disk: {local: {path: backups}}}\n"
    link = tmp_path / "current"
    found = []
    for commit in ("one", "two"):
        (tmp_path / commit).mkdir()
        (tmp_path / commit / "plans.yaml").write_text(text)
        link.unlink(missing_ok=True)
        link.symlink_to(commit)
        found.append(load(link / "plans.yaml").desired.storages)

    assert found == [{"disk": LocalStorage("disk", f"{tmp_path}/current/backups")}] * 2
