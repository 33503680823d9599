"""`--dry-run --connect`: what warehouses answer before anything is merged or begun."""

import json
import ssl
import subprocess

import pytest

MONDAY_2, MONDAY_3 = "2026-11-23T02:00:00Z", "2026-11-23T03:00:00Z"


def test_a_warehouse_tells_what_a_plan_matches_and_misses(warehouses):
    """Coverage, and a note of what it is."""
    at = warehouses()
    at.source.sql('CREATE CATALOG lake PROPERTIES ("type" = "jdbc")')
    at.site.document["warehouses"]["shop"]["plan"]["objects"] = {"databases": ["sales", "gone_*"]}
    at.site.write()

    shown = at.site.run("--dry-run", "--connect", now=MONDAY_3)

    assert shown.code == 0, shown
    assert shown.out.splitlines()[:6] == [
        "other: reachable: doris 3.0.3",
        "shop: reachable: doris 3.0.3",
        "shop: databases that the plan takes: sales",
        "warning: shop: no database matches gone_*",
        "warning: shop: databases in no plan: crm",
        "warning: shop: external catalogs in no plan: lake",
    ]


def test_what_is_not_reachable_or_not_allowed_is_a_finding_with_what_to_do(warehouses):
    at = warehouses()
    at.source.add_user("weak", "", load={"*"}, select={"*"})
    at.site.document["warehouses"]["shop"]["user"] = "weak"
    at.site.document["warehouses"]["other"]["port"] = 1
    at.site.document["warehouses"]["local"] = {"engine": "duckdb", "path": "nowhere"}
    at.site.write()

    shown = at.site.run("--dry-run", "--connect", "--format", "json", now=MONDAY_3)

    assert shown.code == 1
    found = {(item["subject"], item["level"]): item["message"] for item in json.loads(shown.out)["findings"]}
    assert found["other", "error"].startswith("warehouse other: no frontend answers: 127.0.0.1: Can't connect")
    assert found["local", "error"].startswith("warehouse local: cannot read the folder ")
    assert "grant it with: GRANT ADMIN_PRIV ON *.*.* TO 'weak'" in found["shop", "error"]


def test_a_conflict_of_a_restore_is_found_before_it_is_begun(warehouses):
    """R4."""
    at = warehouses()
    at.site.apply(MONDAY_2)
    at.target.sql("CREATE DATABASE copy")
    at.target.sql("CREATE TABLE copy.mine (id INT NOT NULL) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
    at.site.restore("r-1", databases={"sales": "copy"})
    at.site.restore("r-2", databases={"sales": "fresh"})

    shown = at.site.run("--dry-run", "--connect", now=MONDAY_3)

    assert shown.code == 1
    assert "error: r-1: database copy exists and has 1 tables" in shown.out
    assert "r-2: 1 databases of shop-20261123T020000Z can be restored into other" in shown.out


def test_a_folder_of_duckdb_files_answers_as_well(shop):
    shop.database("extra")
    shop.plan["objects"] = {"databases": ["sales"]}
    shop.write()
    shown = shop.run("--dry-run", "--connect", now=MONDAY_3)
    assert shown.out.splitlines()[:3] == [
        "other: reachable; 0 databases",
        "shop: databases that the plan takes: sales",
        "warning: shop: databases in no plan: extra",
    ]


@pytest.mark.parametrize(("groups", "named", "words"), [
    (("etl",), None, "compute group that does the work: etl"),
    (("etl", "adhoc"), "etl", "compute group that does the work: etl"),
    (("etl", "adhoc"), "nightly", "has no compute group nightly; it has adhoc, etl"),
    (("etl", "adhoc"), None, "has several compute groups, and none is named; it has adhoc, etl"),
])  # fmt: skip
def test_the_cluster_of_a_decoupled_warehouse_is_checked_by_its_name(site, doris, groups, named, words):
    server = doris("doris", "4.0.2", cloud=True, groups=groups)
    server.sql("CREATE DATABASE sales")
    plan = site.plan | ({"backup_cluster": named} if named else {})
    site.document["storages"] = {"bucket": {"s3": {"bucket": "backups"}}}
    site.document["warehouses"] = {"shop": {
        "engine": "velodb", "hosts": ["127.0.0.1"], "port": server.port, "user": "root", "storage": "bucket",
        "plan": plan,
    }}  # fmt: skip
    site.write()
    shown = site.run("--dry-run", "--connect", now=MONDAY_2)
    assert shown.code == (0 if words.startswith("compute group") else 1)
    assert words in shown.out


def test_a_certificate_is_verified_and_a_server_without_tls_is_refused(site, doris, tmp_path):
    """`tls:` is verified or refused, never clear text in silence."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    secured, plain = doris(tls=context), doris()
    site.document["warehouses"] = {
        name: {"engine": "doris", "hosts": ["127.0.0.1"], "port": server.port, "user": "root", "tls": tls}
        for name, server, tls in (
            ("good", secured, {"ca_file": str(certificate)}), ("untrusted", secured, {}),
            ("without", plain, {"ca_file": str(certificate)}), ("clear", plain, "off"),
        )
    }  # fmt: skip
    site.write()
    shown = site.run("--dry-run", "--connect", "--format", "json", now=MONDAY_2)
    found = {item["subject"]: (item["level"], item["message"]) for item in json.loads(shown.out)["findings"]}
    assert {name: level for name, (level, _) in found.items()} == {
        "good": "note", "clear": "note", "untrusted": "error", "without": "error",
    }  # fmt: skip
    assert "certificate" in found["untrusted"][1]
    assert "SSL" in found["without"][1]
