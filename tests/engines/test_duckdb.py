"""The duckdb engine with real files: what goes into a set comes back as it was, or is named."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from reconciler.core.manifest import Manifest
from reconciler.core.model import Folder, FromWarehouse, Objects, OneTime, Plan, Restore, Warehouse
from reconciler.core.naming import TaskPlace
from reconciler.core.ports import BackupOrder, RestoreOrder
from reconciler.engines.duckdb import DuckDB
from reconciler.errors import Cancelled, EngineFailed, OutcomeUnknown, StorageFailed
from reconciler.storage.local import LocalStore
from reconciler.storage.sets import SetStorage

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
PLACE = TaskPlace("acme", "shop", "shop-20261123T020000Z")


class Watch:
    """The Watch port: never stops the work, unless told after how many looks."""

    def __init__(self, looks: int = 10**9) -> None:
        self.looks = looks
        self.percents: list[float] = []

    def progress(self, percent: float) -> None:
        self.percents.append(percent)
        self.check()

    def check(self) -> None:
        self.looks -= 1
        if self.looks < 0:
            raise Cancelled("cancelled on request")


class Lab:
    """One source folder, one target folder, one storage."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source, self.target = folder / "source", folder / "target"
        self.source.mkdir()
        self.target.mkdir()
        self.storage = SetStorage(LocalStore("disk", str(folder / "backups")))
        self.claims: list[str] = []

    def engine(self, folder: Path) -> DuckDB:
        return DuckDB(self.entry(folder))

    def entry(self, folder: Path) -> Warehouse:
        return Warehouse(folder.name, "duckdb", Folder(str(folder)), "disk")

    def sql(self, path: Path, *statements: str) -> list:
        with duckdb.connect(str(path)) as connection:
            for statement in statements:
                result = connection.execute(statement)
            return result.fetchall()

    def backup(self, *patterns: str, watch: Watch | None = None) -> Manifest:
        plan = Plan(OneTime(NOW), Objects(patterns or ("*",)), 7)
        order = BackupOrder(PLACE, self.entry(self.source), plan)
        attempt = self.storage.open_attempt(PLACE, 1, "one")
        made = self.engine(self.source).backup(order, 1, attempt, watch or Watch())
        return self.storage.commit(Manifest(
            PLACE, "duckdb", made.engine_version, "0", NOW, NOW, NOW, 1, None, 7, 1, made.snapshots,
            made.skipped_objects,
        ))  # fmt: skip

    def order(self, manifest: Manifest, replace=None, journal=None, claim=None, **databases: str) -> RestoreOrder:
        pairs = tuple(databases.items()) or tuple((name, name) for name in manifest.databases)
        request = Restore("r-1", FromWarehouse("shop", "latest"), "other", replace=replace)
        return RestoreOrder(request, self.entry(self.target), manifest, pairs, journal,
                            claim or self.claims.append)  # fmt: skip

    def restore(self, order: RestoreOrder, watch: Watch | None = None) -> None:
        engine = self.engine(self.target)
        if order.journal is None:
            engine.precheck(order, self.storage.reader(order.manifest))
        engine.restore(order, self.storage.reader(order.manifest), watch or Watch())

    def there_and_back(self, *statements: str, name: str = "db") -> Path:
        """The restored file of a database that these statements make."""
        self.sql(self.source / f"{name}.duckdb", *statements)
        self.restore(self.order(self.backup()))
        return self.target / f"{name}.duckdb"

    @property
    def target_files(self) -> list[str]:
        return sorted(path.name for path in self.target.iterdir())


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


VALUES = {
    "hugeint": "-170141183460469231731687303715884105727::HUGEINT", "uhugeint": "340282366920938463463374607431768211455::UHUGEINT",
    "bigint": "(-9223372036854775808)::BIGINT", "ubigint": "18446744073709551615::UBIGINT", "tiny": "(-128)::TINYINT",
    "utiny": "255::UTINYINT", "small": "32767::SMALLINT", "usmall": "65535::USMALLINT", "uint": "4294967295::UINTEGER",
    "flt": "1.1::FLOAT", "dbl": "1e308::DOUBLE", "nan": "'nan'::DOUBLE", "neg_zero": "-0.0::DOUBLE", "inf": "'-inf'::FLOAT",
    "dec": "1.23::DECIMAL(38,10)", "dec4": "1.2::DECIMAL(4,1)", "bool": "true", "bignum": "'12345678901234567890123456789012345678901234'::BIGNUM",
    "interval_1": "INTERVAL '3 months 2 days 1.234567 seconds'", "interval_2": "INTERVAL '-14 months -40 days' - INTERVAL '30 hours'",
    "interval_list": "[INTERVAL '1.000001 seconds', NULL]", "interval_map": "MAP {'a': INTERVAL '2.000002 seconds'}",
    "interval_struct": "{'INTERVAL': 1, 'b': INTERVAL '3.000003 seconds', 'c': [TIMETZ '01:02:03.5+05:30']}",
    "timetz": "'01:02:03.5+05:30'::TIMETZ", "timetz_neg": "'23:59:59.999999-12:00'::TIMETZ", "time": "'01:02:03.123456'::TIME",
    "time_ns": "'01:02:03.123456789'::TIME_NS", "ts": "'2020-01-01 01:02:03.123456'::TIMESTAMP", "ts_s": "'2020-01-01 01:02:03'::TIMESTAMP_S",
    "ts_ms": "'2020-01-01 01:02:03.123'::TIMESTAMP_MS", "ts_ns": "'2020-01-01 01:02:03.123456789'::TIMESTAMP_NS",
    "tstz": "'2020-01-01 01:02:03+05'::TIMESTAMPTZ", "ts_inf": "'-infinity'::TIMESTAMP", "date": "'2020-02-29'::DATE",
    "date_inf": "'infinity'::DATE", "date_bc": "'0044-03-15 (BC)'::DATE", "bit": "'010110'::BIT", "blob": "'\\xAA\\x00\\xFF'::BLOB",
    "uuid": "'f47ac10b-58cc-4372-a567-0e02b2c3d479'::UUID", "enum": "'x'::kind", "map": "MAP {'a': 1, 'b': NULL}",
    "struct": "{'a': 1, 'b': 170141183460469231731687303715884105727::HUGEINT}", "union": "union_value(num := 2)::UNION(num INTEGER, str VARCHAR)",
    "array": "[1, 2, 3]::INTEGER[3]", "list": "[[1], NULL, []]", "json": "'{\"a\": [1, null]}'::JSON", "text": "'a\u00e4\U0001f600''\"'",
    "empty": "''", "variant": "42::VARIANT", "geometry": "'POINT(1 2)'::GEOMETRY", "money": "2.5::money",
}  # fmt: skip


def test_every_type_comes_back_as_it_was(lab):
    """D7: no value is lost without a word. A row of values and a row of NULLs for each type."""
    tables = [f'CREATE TABLE "{name}" AS SELECT {value} AS v UNION ALL SELECT NULL' for name, value in VALUES.items()]
    path = lab.there_and_back("CREATE TYPE kind AS ENUM ('x', 'y')", "CREATE TYPE money AS DECIMAL(10, 2)", *tables)

    with duckdb.connect(str(path)) as connection:
        connection.execute(f"ATTACH '{lab.source / 'db.duckdb'}' AS source (READ_ONLY)")
        different = {}
        for name in VALUES:
            query = "SELECT v::VARCHAR, typeof(v) FROM {} ORDER BY ALL"
            before = connection.execute(query.format(f'source."{name}"')).fetchall()
            after = connection.execute(query.format(f'"{name}"')).fetchall()
            if before != after:
                different[name] = (before, after)
    assert different == {}


def test_structure_comes_back(lab):
    """Schemas, keys, checks, defaults, sequences, generated columns, macros, indexes and comments on each."""
    path = lab.there_and_back(
        'CREATE SCHEMA "my schema"', "CREATE SCHEMA empty", "CREATE SEQUENCE numbers START 4",
        "SELECT nextval('numbers')",
        'CREATE TABLE "my schema"."we""ird Tab/le; DROP" (a INTEGER PRIMARY KEY, g INTEGER GENERATED ALWAYS AS (a + 1), '
        '"se""lect" VARCHAR NOT NULL DEFAULT \'it\'\'s\', CHECK (a > 0))',
        'INSERT INTO "my schema"."we""ird Tab/le; DROP" (a) VALUES (1), (2)',
        "CREATE TABLE parent (id INTEGER PRIMARY KEY, up INTEGER REFERENCES parent (id))",
        "CREATE TABLE aa_child (id INTEGER REFERENCES parent (id), n BIGINT DEFAULT nextval('numbers'))",
        "INSERT INTO parent VALUES (7, NULL)", "INSERT INTO parent VALUES (5, 7)", "INSERT INTO parent VALUES (1, 5)", "INSERT INTO aa_child VALUES (1, 100)",
        "CREATE UNIQUE INDEX by_n ON aa_child (n)",
        "CREATE MACRO plus(x) AS x + 1", "CREATE MACRO pair(x) AS TABLE SELECT x, x + 1 AS y",
        "COMMENT ON TABLE parent IS 'it''s'", "COMMENT ON COLUMN parent.id IS 'key'",
        "COMMENT ON INDEX by_n IS 'i'", "COMMENT ON SEQUENCE numbers IS 's'",
        "COMMENT ON MACRO plus IS 'm'", "COMMENT ON MACRO TABLE pair IS 'tm'",
    )  # fmt: skip

    queries = {
        "SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database() AND NOT internal ORDER BY ALL",
        "SELECT schema_name, table_name, comment, sql FROM duckdb_tables() ORDER BY ALL",
        "SELECT table_name, column_name, comment, data_type, is_nullable, column_default FROM duckdb_columns() "
        "WHERE NOT internal ORDER BY ALL",
        "SELECT table_name, constraint_text FROM duckdb_constraints() ORDER BY ALL",
        "SELECT index_name, comment, sql FROM duckdb_indexes() ORDER BY ALL",
        "SELECT function_name, macro_definition, comment FROM duckdb_functions() WHERE NOT internal ORDER BY ALL",
        "SELECT sequence_name, comment, nextval('numbers') FROM duckdb_sequences()",
        'FROM "my schema"."we""ird Tab/le; DROP" ORDER BY ALL', "FROM aa_child", "FROM parent",
    }  # fmt: skip
    for query in queries:
        assert lab.sql(path, query) == lab.sql(lab.source / "db.duckdb", query), query


def test_views_on_views_come_back_whatever_their_names(lab):
    """DuckDB 2.0's own IMPORT fails here: it makes views in the order of their names."""
    path = lab.there_and_back(
        "CREATE TABLE t AS SELECT 1 AS i", "CREATE VIEW b AS FROM t", "CREATE VIEW a AS FROM b",
        "COMMENT ON VIEW a IS 'on b'", "COMMENT ON COLUMN a.i IS 'column of a view'",
    )  # fmt: skip

    assert lab.sql(path, "FROM a") == [(1,)]
    assert lab.sql(path, "SELECT comment FROM duckdb_views() WHERE view_name = 'a'") == [("on b",)]


def test_a_view_that_cannot_be_made_anew_is_named_and_the_rest_restored(lab):
    """D7."""
    path = lab.source / "db.duckdb"
    lab.sql(path, "CREATE TABLE gone (x INTEGER)", "CREATE VIEW broken AS SELECT x FROM gone", "DROP TABLE gone",
            "CREATE TABLE t AS SELECT 1 AS i")  # fmt: skip

    manifest = lab.backup()
    lab.restore(lab.order(manifest))

    assert manifest.skipped_objects == ("db: CREATE VIEW broken AS SELECT x FROM gone;",)
    assert lab.sql(lab.target / "db.duckdb", "FROM t") == [(1,)]


def test_an_empty_database_is_a_set_too(lab):
    path = lab.there_and_back("CREATE TABLE t (a INTEGER)")

    assert lab.sql(path, "FROM t") == []


def test_a_backup_does_not_change_the_source_and_sees_what_the_log_holds(lab):
    """A write-ahead log that was not yet folded in belongs to the database."""
    path = lab.source / "db.duckdb"
    script = (
        "import duckdb, os; c = duckdb.connect(r'%s'); c.execute(\"SET checkpoint_threshold = '1TB'\");"
        "c.execute('CREATE TABLE t AS SELECT 1 AS i'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script % path], check=True)
    before = {item.name: item.read_bytes() for item in lab.source.iterdir()}
    assert set(before) == {"db.duckdb", "db.duckdb.wal"}

    lab.restore(lab.order(lab.backup()))

    assert {item.name: item.read_bytes() for item in lab.source.iterdir()} == before
    assert lab.sql(lab.target / "db.duckdb", "FROM t") == [(1,)]


def test_only_the_chosen_databases_are_backed_up(lab):
    for name in ("sales", "crm_a", "crm_b"):
        lab.sql(lab.source / f"{name}.duckdb", "CREATE TABLE t AS SELECT 1 AS i")

    assert lab.backup("crm_*").databases == ("crm_a", "crm_b")


def test_no_matching_database_is_a_failure_that_names_those_that_exist(lab):
    """D7."""
    lab.sql(lab.source / "sales.duckdb", "CREATE TABLE t (i INTEGER)")

    with pytest.raises(EngineFailed, match=r"matches crm_\*; it has sales") as raised:
        lab.backup("crm_*")
    assert raised.value.passing is False


def test_a_missing_folder_may_come_back(lab):
    """D6."""
    lab.source.rmdir()

    with pytest.raises(EngineFailed, match="cannot read the folder") as raised:
        lab.backup()
    assert raised.value.passing is True


def test_a_file_that_is_no_database_fails_at_once(lab):
    """D6."""
    (lab.source / "db.duckdb").write_bytes(b"not a database" * 1000)

    with pytest.raises(EngineFailed, match="database db: .*not a valid DuckDB") as raised:
        lab.backup()
    assert raised.value.passing is False


@pytest.fixture
def holder(lab):
    """Another process that has a database open."""
    started = []

    def hold(path: Path) -> int:
        script = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print('open', flush=True); sys.stdin.read()"
        process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"open\n"
        return process.pid

    yield hold
    for process in started:
        process.communicate()


def test_a_file_that_another_process_holds_may_pass_and_names_the_holder(lab, holder):
    """D6."""
    lab.sql(lab.source / "db.duckdb", "CREATE TABLE t (i INTEGER)")
    pid = holder(lab.source / "db.duckdb")

    with pytest.raises(EngineFailed, match=f"PID {pid}") as raised:
        lab.backup()
    assert raised.value.passing is True


def test_a_cancelled_backup_leaves_no_child_behind(lab):
    lab.sql(lab.source / "db.duckdb", "CREATE TABLE t AS SELECT range AS i FROM range(5000000)")

    with pytest.raises(Cancelled):
        lab.backup(watch=Watch(looks=2))

    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    names = [Path(f"/proc/{child}/cmdline").read_text() for child in children]
    assert not [name for name in names if "duckdb_child" in name]


def test_a_part_is_restored_under_another_name(lab):
    """R7."""
    for name in ("sales", "crm"):
        lab.sql(lab.source / f"{name}.duckdb", f"CREATE TABLE t AS SELECT '{name}' AS i")

    lab.restore(lab.order(lab.backup(), sales="sales_restored"))

    assert lab.target_files == ["sales_restored.duckdb"]
    assert lab.sql(lab.target / "sales_restored.duckdb", "FROM t") == [("sales",)]


def test_an_existing_database_is_not_touched_unless_named(lab):
    """R4: looked for before anything is changed."""
    lab.sql(lab.source / "db.duckdb", "CREATE TABLE t AS SELECT 'new' AS i")
    lab.sql(lab.target / "db.duckdb", "CREATE TABLE t AS SELECT 'old' AS i")
    manifest = lab.backup()

    with pytest.raises(EngineFailed, match=r"db\.duckdb exists") as raised:
        lab.restore(lab.order(manifest))

    assert raised.value.passing is False
    assert lab.claims == []
    assert lab.target_files == ["db.duckdb"]
    assert lab.sql(lab.target / "db.duckdb", "FROM t") == [("old",)]


def test_a_named_database_is_replaced_and_its_old_log_never_meets_the_new_file(lab):
    """R4. The log of the old file holds a change that must not appear in the new one."""
    lab.sql(lab.source / "db.duckdb", "CREATE TABLE t AS SELECT 'new' AS i")
    script = (
        "import duckdb, os; c = duckdb.connect(r'%s'); c.execute(\"SET checkpoint_threshold = '1TB'\");"
        "c.execute('CREATE TABLE old AS SELECT 1 AS i'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script % (lab.target / "db.duckdb")], check=True)
    assert lab.target_files == ["db.duckdb", "db.duckdb.wal"]

    lab.restore(lab.order(lab.backup(), replace=("db",)))

    assert lab.target_files == ["db.duckdb"]
    assert lab.sql(lab.target / "db.duckdb", "SELECT table_name FROM duckdb_tables()") == [("t",)]


def test_a_log_without_its_file_is_a_conflict(lab):
    """R4: it would be folded into the new file."""
    lab.sql(lab.source / "db.duckdb", "CREATE TABLE t AS SELECT 'new' AS i")
    (lab.target / "db.duckdb.wal").write_bytes(b"stale")

    with pytest.raises(EngineFailed, match=r"db\.duckdb\.wal exists"):
        lab.restore(lab.order(lab.backup()))


def test_a_target_that_is_open_elsewhere_is_not_replaced(lab, holder):
    """D6, R4."""
    lab.sql(lab.source / "db.duckdb", "CREATE TABLE t AS SELECT 'new' AS i")
    lab.sql(lab.target / "db.duckdb", "CREATE TABLE t AS SELECT 'old' AS i")
    pid = holder(lab.target / "db.duckdb")

    with pytest.raises(EngineFailed, match=f"is open in process {pid}") as raised:
        lab.restore(lab.order(lab.backup(), replace=("db",)))

    assert raised.value.passing is True
    assert lab.claims == []


def test_an_altered_file_is_refused_before_the_claim(lab):
    """S1, R1."""
    lab.sql(lab.source / "db.duckdb", "CREATE TABLE t AS SELECT range AS i FROM range(1000)")
    manifest = lab.backup()
    (data,) = (lab.folder / "backups").rglob("00001.parquet")
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)

    with pytest.raises(StorageFailed, match=r"00001/00001\.parquet is altered"):
        lab.restore(lab.order(manifest))

    assert lab.claims == []
    assert lab.engine(lab.target).abandon(lab.order(manifest)) == "nothing in the target was changed"
    assert lab.target_files == []


def test_rows_that_are_not_the_manifests_are_refused(lab):
    """The count in the inventory is what the restore must give."""
    lab.sql(lab.source / "db.duckdb", "CREATE TABLE t AS SELECT range AS i FROM range(1000)")
    manifest = lab.backup()
    (path,) = (lab.folder / "backups").rglob("inventory.json")
    document = json.loads(path.read_text())
    document["tables"][0]["rows"] = 999
    path.write_text(json.dumps(document))
    store = LocalStore("disk", str(lab.folder / "backups"))
    from reconciler.storage.sets import measure

    (snapshot,) = manifest.snapshots
    forged = manifest._replace(
        snapshots=(snapshot._replace(inventory=measure(path, snapshot.inventory.name)),)
    )
    assert store.read(PLACE.manifest)

    with pytest.raises(EngineFailed, match="1000 rows restored, 999 in the manifest"):
        lab.restore(lab.order(forged))


class Crash(Exception):
    pass


def crashing_claim(notes: list[str]):
    def claim(journal: str) -> None:
        notes.append(journal)
        raise Crash

    return claim


def test_a_run_that_broke_off_before_its_claim_begins_anew(lab):
    """R1: a claim with nothing begun is a proof."""
    lab.sql(lab.source / "db.duckdb", "CREATE TABLE t AS SELECT 1 AS i")
    manifest = lab.backup()
    with pytest.raises(Crash):
        lab.restore(lab.order(manifest, claim=crashing_claim([])))
    assert lab.target_files == [".restore-r-1"]

    lab.restore(lab.order(manifest))

    assert lab.target_files == ["db.duckdb"]


def test_a_run_that_broke_off_after_its_claim_goes_on_where_it_was(lab):
    """R1: each database is moved into place once, however often the run breaks off."""
    for name in ("a", "b", "c"):
        lab.sql(lab.source / f"{name}.duckdb", f"CREATE TABLE t AS SELECT '{name}' AS i")
    manifest = lab.backup()
    notes: list[str] = []
    with pytest.raises(Crash):
        lab.restore(lab.order(manifest, claim=crashing_claim(notes)))
    staged = lab.target / ".restore-r-1"
    os.link(staged / "a.duckdb", lab.target / "a.duckdb")  # as if killed between link and unlink …
    os.rename(staged / "b.duckdb", lab.target / "b.duckdb")  # … and b was placed whole
    placed = {name: (lab.target / f"{name}.duckdb").stat().st_ino for name in ("a", "b")}

    lab.restore(lab.order(manifest, journal=notes[0]))

    assert lab.target_files == ["a.duckdb", "b.duckdb", "c.duckdb"]
    assert {name: (lab.target / f"{name}.duckdb").stat().st_ino for name in ("a", "b")} == placed
    assert [lab.sql(lab.target / f"{name}.duckdb", "FROM t") for name in "abc"] == [[("a",)], [("b",)], [("c",)]]


def test_a_run_whose_trace_is_lost_ends_unknown_and_says_what_to_look_at(lab):
    """R1."""
    lab.sql(lab.source / "db.duckdb", "CREATE TABLE t AS SELECT 1 AS i")
    manifest = lab.backup()
    notes: list[str] = []
    with pytest.raises(Crash):
        lab.restore(lab.order(manifest, claim=crashing_claim(notes)))
    (lab.target / ".restore-r-1/db.duckdb").unlink()
    lab.sql(lab.target / "db.duckdb", "CREATE TABLE mine (i INTEGER)")

    with pytest.raises(OutcomeUnknown, match=r"db\.duckdb is not the file that this restore built"):
        lab.restore(lab.order(manifest, journal=notes[0]))
    assert lab.sql(lab.target / "db.duckdb", "SELECT table_name FROM duckdb_tables()") == [("mine",)]


def test_a_database_that_appears_meanwhile_is_not_overwritten(lab):
    """R4."""
    lab.sql(lab.source / "db.duckdb", "CREATE TABLE t AS SELECT 1 AS i")
    manifest = lab.backup()

    def claim(journal: str) -> None:
        lab.sql(lab.target / "db.duckdb", "CREATE TABLE mine (i INTEGER)")

    with pytest.raises(EngineFailed, match="appeared meanwhile"):
        lab.restore(lab.order(manifest, claim=claim))
    assert lab.sql(lab.target / "db.duckdb", "SELECT table_name FROM duckdb_tables()") == [("mine",)]


def test_an_abandoned_restore_says_what_is_in_place_and_clears_the_rest(lab):
    """R4, R6."""
    for name in ("a", "b"):
        lab.sql(lab.source / f"{name}.duckdb", "CREATE TABLE t AS SELECT 1 AS i")
    manifest = lab.backup()
    notes: list[str] = []
    with pytest.raises(Crash):
        lab.restore(lab.order(manifest, claim=crashing_claim(notes)))
    os.rename(lab.target / ".restore-r-1/a.duckdb", lab.target / "a.duckdb")

    order = lab.order(manifest, journal=notes[0])

    assert lab.engine(lab.target).abandon(order) == "restored and in place: a; not changed: b"
    assert lab.target_files == ["a.duckdb"]


def test_progress_grows_to_the_end(lab):
    for name in ("a", "b"):
        lab.sql(lab.source / f"{name}.duckdb", "CREATE TABLE t AS SELECT 1 AS i", "CREATE TABLE u AS SELECT 1 AS i")
    watch = Watch()

    lab.backup(watch=watch)

    assert watch.percents == sorted(watch.percents)
    assert watch.percents[0] == 0
    assert watch.percents[-1] == 75
