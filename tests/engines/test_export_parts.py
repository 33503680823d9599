"""The pure parts of the method `export`: definitions, portions, types, footers."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.engines.doris import (
    columns,
    ddl,
    ddl_text,
    export_portions,
    export_swap,
    parquet_footer,
    replay,
    replicas,
)
from reconciler.engines.doris.export_portions import Part, Partition

PRINTED = (
    'CREATE TABLE `t` (\n  `id` bigint NOT NULL AUTO_INCREMENT(1) COMMENT "a (b)",\n  `day` date NOT NULL\n) ENGINE=OLAP\n'
    'UNIQUE KEY(`id`)\nPARTITION BY RANGE(`day`)\n(PARTITION p1 VALUES [("0000-01-01"), ("2026-02-01")),\n'
    'PARTITION p2 VALUES [("2026-02-01"), ("2026-03-01")))\nDISTRIBUTED BY HASH(`id`) BUCKETS 8\nPROPERTIES (\n'
    '"replication_allocation" = "tag.location.default: 3",\n"storage_vault_name" = "v", "storage_vault_id" = "1",\n'
    '"colocate_with" = "g",\n"binlog.enable" = "true",\n"dynamic_partition.enable" = "true",\n'
    '"partition.retention_count" = "3",\n"enable_unique_key_merge_on_write" = "true"\n);'
)


def test_a_definition_loses_what_is_tied_to_its_cluster_and_nothing_else():
    """E4. Numbers go on after the largest one; what would move partitions waits until all is loaded."""
    assert ddl.replayable(PRINTED, "d`b", "t", {"replication_num": "1"}, 78) == (
        'CREATE TABLE IF NOT EXISTS `d``b`.`t` (\n  `id` bigint NOT NULL AUTO_INCREMENT(78) COMMENT "a (b)",\n'
        "  `day` date NOT NULL\n) ENGINE=OLAP\nUNIQUE KEY(`id`)\nPARTITION BY RANGE(`day`)\n"
        '(PARTITION p1 VALUES [("0000-01-01"), ("2026-02-01")),\nPARTITION p2 VALUES [("2026-02-01"), ("2026-03-01")))\n'
        'DISTRIBUTED BY HASH(`id`) BUCKETS 8\nPROPERTIES ("enable_unique_key_merge_on_write" = "true", '
        '"dynamic_partition.enable" = "false", "replication_num" = "1")'
    )
    assert ddl.held_back(PRINTED, {}) == {"dynamic_partition.enable": "true", "partition.retention_count": "3"}
    assert ddl.held_back(PRINTED, {"dynamic_partition.enable": "false"}) == {}
    assert ddl.counting_column(PRINTED) == "id"
    assert ddl.counting_column(PRINTED.replace("AUTO_INCREMENT(1) ", "")) is None


@pytest.mark.parametrize(("restored", "lacks"), [
    ('"in_memory" = "false",\n"compression" = "ZSTD"', {"colocate_with"}), ('"compression" = "LZ4",\n"colocate_with" = "g"', {"compression"}), ("", {"colocate_with", "compression"}),
])  # fmt: skip
def test_what_a_restored_table_lacks_is_what_somebody_would_miss(restored, lacks):
    """Nothing is lost without a word, and no word is said of what says nothing, or of a quote that is not escaped."""
    had = ('CREATE TABLE `t` (\n  `a` varchar(9) DEFAULT "x\\"y"\n) ENGINE=OLAP\nPROPERTIES (\n"in_memory" = "false",\n"compression" = "ZSTD",\n'
           '"colocate_with" = "g",\n"storage_vault_id" = "7"\n);')  # fmt: skip
    has = f'CREATE TABLE `t` (\n  `a` varchar(9) DEFAULT "x"y"\n) ENGINE=OLAP\nPROPERTIES (\n{restored}\n);'
    assert ddl.left_out(had, has, {}, decoupled=False) == lacks


def test_columns_that_the_server_computes_are_known_from_the_definition():
    """No silent loss: a value cannot be given to them, so a set that has one could not be loaded."""
    printed = ('CREATE TABLE `t` (\n  `a` int NOT NULL,\n  `b``c` int NULL AS (`a` + 1) COMMENT "AS (x)",\n  `d` double AS abs(`a`),\n'
               '  `e` varchar(9) DEFAULT "AS" COMMENT \'AS\',\n  INDEX i (`a`) USING INVERTED\n) ENGINE=OLAP')  # fmt: skip
    assert ddl.generated_columns(printed) == {"b`c", "d"}
    assert ddl.generated_columns(PRINTED) == set()


def test_a_list_of_partitions_is_no_change_of_a_definition():
    """New partitions void nothing, a new column does."""
    more = PRINTED.replace('("2026-03-01")))', '("2026-03-01")),\nPARTITION p3 VALUES [("2026-03-01"), ("2026-04-01")))')
    wider = PRINTED.replace("`day` date NOT NULL\n", "`day` date NOT NULL,\n  `x` int NULL\n")
    alone = ddl_text.without_partitions(PRINTED)
    assert ddl_text.without_partitions(more) == alone
    assert ddl_text.without_partitions(wider) != alone
    assert "p1" not in alone
    assert "`id` bigint" in alone


@pytest.mark.parametrize("printed", [
    'CREATE TABLE `t` (`a` varchar(9) DEFAULT "5" 2")', "CREATE VIEW `v` AS SELECT 1", 'CREATE TABLE `t` (`a` varchar(5) DEFAULT "a"(b")',
    'CREATE TABLE `t` (`a` varchar(5) DEFAULT "say "x" now")', 'CREATE TABLE `t` (`a` varchar(5) DEFAULT "a " b " c" COMMENT "x")',
])  # fmt: skip
def test_a_definition_that_cannot_be_read_back_is_refused(printed):
    """No silent loss: the server does not escape quotes in default values."""
    with pytest.raises(ValueError, match="not"):
        ddl.replayable(printed, "d", "t", {})


@pytest.mark.parametrize(("printed", "nodes", "wanted"), [
    (PRINTED, 5, {"replication_num": "3"}), (PRINTED, 1, {"replication_num": "1"}), (PRINTED, None, {}),
    (PRINTED.replace("default: 3", "a: 1, tag.location.b: 1"), 5, {"replication_num": "2"}),
    (PRINTED.replace('"replication_allocation" = "tag.location.default: 3",\n', ""), 4, {"replication_num": "3"}),
])  # fmt: skip
def test_copies_are_as_many_as_there_were_as_far_as_there_are_nodes(printed, nodes, wanted):
    """E4: from either mode to either mode."""
    assert replicas.wanted(printed, nodes) == wanted


def test_definitions_follow_their_database_to_another_name():
    """R7."""
    assert replay.view(
        "CREATE VIEW `v` COMMENT 'x' AS SELECT `internal`.`a`.`t`.`x` FROM `internal`.`a`.`t` JOIN `a`.`u`;",
        {"a": "b`c"}, "b`c", "v",
    ) == (
        "CREATE VIEW IF NOT EXISTS `b``c`.`v` COMMENT 'x' AS SELECT `internal`.`b``c`.`t`.`x` FROM `internal`.`b``c`.`t` "
        "JOIN `b``c`.`u`"
    )
    assert replay.materialized_view(
        'CREATE MATERIALIZED VIEW mv (id, n)\nBUILD IMMEDIATE REFRESH AUTO ON MANUAL\nDISTRIBUTED BY RANDOM BUCKETS 2\n'
        'PROPERTIES (\n"replication_num" = "3",\n"grace_period" = "5"\n)\nAS SELECT `id` FROM `internal`.`a`.`t`', {"a": "b"}, "b", "mv", {},
    ) == (
        "CREATE MATERIALIZED VIEW IF NOT EXISTS `b`.`mv` (id, n)\nBUILD DEFERRED REFRESH AUTO ON MANUAL\n"
        'DISTRIBUTED BY RANDOM BUCKETS 2\nPROPERTIES ("grace_period" = "5")\nAS SELECT `id` FROM `internal`.`b`.`t`'
    )  # fmt: skip
    assert replay.moved("`internal`.`a`.`t` JOIN `b`.`u` JOIN `c`.`a`.`x`", {"a": "b", "b": "a"}) == (
        "`internal`.`b`.`t` JOIN `a`.`u` JOIN `c`.`a`.`x`"
    )
    assert replay.rollup("create materialized view r as select a, sum(b) from a.t group by a", (), "b", "t", "r") == (
        "create materialized view r as select a, sum(b) FROM `b`.`t` group by a"
    )
    assert replay.rollup(None, ("k`1", "v"), "b", "t", "r") == "ALTER TABLE `b`.`t` ADD ROLLUP `r` (`k``1`, `v`)"
    assert replay.function('CREATE AGGREGATE FUNCTION f(INT) RETURNS BIGINT PROPERTIES ("a"="b");', "d") == (
        'CREATE AGGREGATE FUNCTION IF NOT EXISTS `d`.f(INT) RETURNS BIGINT PROPERTIES ("a"="b")'
    )


def partition(name: str, size: int, version: int = 2) -> Partition:
    return Partition(name, version, "2026-11-22 00:00:00", size)


@pytest.mark.parametrize(("sizes", "wanted"), [
    ([], (None,)), ([999], (None,)), ([5, 5], (None,)), ([5, 6], (("p0",), ("p1",))), ([4, 4, 4], (("p0", "p1"), ("p2",))),
    ([50, 1, 1, 50], (("p0",), ("p1", "p2"), ("p3",))),
])  # fmt: skip
def test_partitions_go_together_in_their_order_up_to_the_limit(sizes, wanted):
    """Large tables go portion by portion; a single partition is not cut."""
    assert export_portions.portions([partition(f"p{at}", size) for at, size in enumerate(sizes)], 10) == wanted


@pytest.mark.parametrize(("sizes", "wanted"), [
    ([9], [Part(None)]), ([25], [Part(None, (1, 4)), Part(None, (2,)), Part(None, (3,))]),
    ([4, 25, 5], [Part(("p0",)), Part(("p1",), (1, 4)), Part(("p1",), (2,)), Part(("p1",), (3,)), Part(("p2",))]),
    ([4, 99], [Part(("p0",)), *(Part(("p1",), (tablet,)) for tablet in (1, 2, 3, 4))]),
])  # fmt: skip
def test_a_partition_that_is_too_large_goes_by_shares_of_its_tablets(sizes, wanted):
    partitions = tuple(partition(f"p{at}", size) for at, size in enumerate(sizes))
    tablets = {item.name: (1, 2, 3, 4) for item in partitions if item.size_bytes > 20}
    assert export_portions.parts(partitions, tablets, 10) == tuple(wanted)


@pytest.mark.parametrize(("written", "size"), [
    ("0.000 ", 0), ("1.500 KB", 1536), ("20.000 GB", 20 * 1024**3), ("1,024.0 B", 1024), ("2TiB", 2 * 1024**4), ("", 0), ("?", 0),
])  # fmt: skip
def test_sizes_are_read_as_the_server_writes_them(written, size):
    assert export_portions.size_of(written) == size


def test_physical_parts_of_a_partition_are_one_partition():
    """Exactly once: a row of SHOW PARTITIONS is no partition at StarRocks, and its name is that of all of its parts."""
    rows = [{"PartitionName": name, "VisibleVersion": version, "VisibleVersionTime": since, "DataSize": size}
            for name, version, since, size in (("p", 3, "2026-11-22 00:00:00", "1KB"), ("q", 2, "2026-11-20 00:00:00", "1KB"),
                                               ("p", 5, "2026-11-21 00:00:00", "2KB"))]  # fmt: skip
    assert export_portions.listed(rows) == (
        Partition("p", 8, "2026-11-22 00:00:00", 3072), Partition("q", 2, "2026-11-20 00:00:00", 1024)
    )


def test_a_table_is_moving_where_a_version_differs():
    before = [partition("p1", 1), partition("p2", 1)]
    assert not export_portions.is_moving(before, [item._replace(size_bytes=9) for item in before])
    assert export_portions.is_moving(before, [before[0], before[1]._replace(version=3)])
    assert export_portions.is_moving(before, [*before, partition("p3", 0)])
    assert export_portions.is_moving(before, [before[0], before[1]._replace(since="2026-11-22 00:00:01")])
    assert export_portions.appeared(before, [*before, partition("p3", 0)]) == ("p3",)


@pytest.mark.parametrize("rows", [0, 1, 70_000])
def test_the_rows_of_a_parquet_file_are_read_from_its_footer(tmp_path, rows):
    """Written by DuckDB, with many columns and statistics."""
    path = tmp_path / "a.parquet"
    with duckdb.connect() as connection:
        kinds = ", ".join(f"i + {n} AS c{n}, 'x' || i AS s{n}, [i] AS l{n}, i % 2 = 0 AS b{n}" for n in range(20))
        connection.execute(f"COPY (SELECT {kinds} FROM range({rows}) r(i)) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    assert parquet_footer.rows(path.read_bytes()) == rows


@given(st.binary(max_size=200))
def test_bytes_that_are_no_parquet_file_are_refused(noise):
    """Never another error, never a number."""
    for content in (noise, noise + len(noise).to_bytes(4, "little") + b"PAR1"):
        try:
            parquet_footer.rows(content)
        except ValueError:
            continue
        assert content.endswith(b"PAR1")


@pytest.mark.parametrize(("kind", "out", "back"), [
    ("int", "`x`", "`x`"), ("datetime(6)", "CAST(`x` AS STRING)", "CAST(`x` AS DATETIME(6))"),
    ("decimal(38,9)", "`x`", "`x`"), ("decimal(76,9)", "CAST(`x` AS STRING)", "CAST(`x` AS DECIMAL(76,9))"),
    ("bitmap", "bitmap_to_base64(`x`)", "bitmap_from_base64(`x`)"), ("array<int>", "`x`", "`x`"),
    ("map<varchar(5),array<bigint>>", "`x`", "`x`"), ("struct<a:int,b:string>", "`x`", "`x`"),
    ("array<datetime(3)>", "CAST(`x` AS STRING)", "CAST(`x` AS ARRAY<DATETIME(3)>)"),
    ("map<int,array<ipv4>>", "CAST(`x` AS STRING)", "CAST(`x` AS MAP<INT,ARRAY<IPV4>>)"),
    ("map<string,largeint>", None, None), ("struct<a:datetime>", None, None), ("array<json>", None, None),
    ("array<bitmap>", None, None), ("agg_state", None, None), ("something_new", None, None),
    ("variant<'aB':int>", "CAST(`x` AS STRING)", "CAST(`x` AS variant<'aB':int>)"), ("ARRAY<Int>", "`x`", "`x`"),
    ("struct<Ab:map<String,int>>", "`x`", "`x`"),
    ("variant<'a{b}':int>", "CAST(`x` AS STRING)", "CAST(`x` AS variant<'a{b}':int>)"), ("MAP<STRING,LARGEINT>", None, None),
])  # fmt: skip
def test_each_type_goes_by_a_way_that_keeps_it_or_not_at_all(kind, out, back):
    """No silent loss: a text of nested items does not escape quotes, so none with texts in it goes that way."""
    assert ways(columns.column("x", kind)) == (out, back)


@pytest.mark.parametrize(("kind", "out", "back"), [
    ("bigint(20) unsigned", "CAST(`x` AS STRING)", "CAST(`x` AS LARGEINT)"), ("varbinary", "`x`", "`x`"),
    ("bitmap", "bitmap_to_base64(`x`)", "base64_to_bitmap(`x`)"), ("percentile", None, None),
    ("hll", "to_base64(hll_serialize(`x`))", "hll_deserialize(from_base64(`x`))"),
    ("struct<a int(11), `b c` varchar(10), d map<varchar(5),struct<e double>>>", "`x`", "`x`"), ("struct<a int(11), b json>", None, None),
    ("array<bigint(20) unsigned>", None, None), ("map<int(11), decimal(10, 2)>", "`x`", "`x`"),
])  # fmt: skip
def test_starrocks_has_ways_of_its_own(kind, out, back):
    """No silent loss."""
    assert ways(columns.column("x", kind, starrocks=True)) == (out, back)


def ways(found: columns.Column) -> tuple[str | None, str | None]:
    out, back = found.out, found.back
    return out and out.replace("{}", "`x`"), back and back.replace("{}", "`x`")


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,63}", fullmatch=True))
def test_the_names_beside_a_replaced_database_fit_and_belong_to_one_request(target):
    """R4; at most 64 letters."""
    where = export_swap.place("r-1", target, replace=True)
    names = {where.target, where.into, where.replaced, export_swap.place("r-2", target, replace=True).into}
    assert len(names) == 4
    assert max(map(len, names)) <= 64
    assert export_swap.place("r-1", target, replace=False) == (target, target, None)
