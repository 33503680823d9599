"""Every statement that the engines can send, kept current in files that can be checked against the real grammars."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.model import Role
from reconciler.core.ports import ObjectLocation
from reconciler.engines.doris import columns, preflight, replay, statements
from reconciler.engines.doris import dialect as dialects
from reconciler.engines.doris import export_statements as s
from reconciler.engines.doris.dialect import Dialect
from reconciler.engines.doris.export_portions import Part
from reconciler.errors import EngineFailed

HERE = Path(__file__).parent
ODD = "a`b'c\"d\\e-f.g select ü"
KEYS = ObjectLocation("bucket", "acme/shop/task/1/", "eu-central-1", "http://127.0.0.1:9000", "key", 'se"c\\ret')
ROLE = ObjectLocation("bucket", "acme/shop/task/1/", "eu-central-1", None, None, None)
ASSUMED = ROLE._replace(role=Role("arn:aws:iam::123456789012:role/backup", "outside"))
COMMENTS = {
    "doris": ("doris version doris-2.1.3-rc09-abc", "doris version doris-3.0.5-rc01-abc", "doris version doris-4.0.2-rc01-abc"),
    "starrocks": ("StarRocks version 3.3.5-abc", "StarRocks version 3.4.0-abc"),
}  # fmt: skip


def every_statement(product: str) -> list[str]:
    found = [line for comment in COMMENTS[product] for line in _of(dialects.recognised(comment))]
    return list(dict.fromkeys(found))


def _of(dialect: Dialect) -> Iterator[str]:
    yield "SELECT @@version_comment AS about"
    yield "SET time_zone = '+00:00'"
    yield "SET sql_mode = ''"
    yield f"USE {dialect.internal}"
    yield from ("SHOW DATABASES", "SHOW CATALOGS", "SHOW REPOSITORIES", "SHOW BACKENDS")
    yield statements.tables(ODD)
    for location in _locations(dialect):
        for read_only in (False, True):
            yield statements.create_repository(
                "r_task_0123", location, dialect.storage_properties(location), kind=dialect.repository_kind,
                scheme="s3", read_only=read_only,
            )  # fmt: skip
    yield statements.drop_repository("r_task_0123")
    for tables in (None, ("t", ODD)):
        yield statements.backup(ODD, "r_task_0123", "r_repo", tables, [("timeout", "22200")])
    yield from (statements.show_backup(ODD), statements.show_restore(ODD))
    yield from (statements.cancel("BACKUP", ODD), statements.cancel("RESTORE", ODD))
    yield statements.create_database(ODD)
    known = [name for name in dialects.RESTORE_PROPERTIES if dialect.restores_with(name)]
    pairs = [("backup_timestamp", "2026-11-22-02-30-01"), ("timeout", "86400"), *((name, "true") for name in known)]
    yield statements.restore(ODD, "r_task_0123", "r_repo", ("t", ODD), [*pairs, ("replication_num", "1")])
    yield statements.show_create_catalog(ODD) if dialect.is_starrocks else statements.show_catalog(ODD)
    yield statements.create_catalog(ODD, ODD, [("type", "jdbc"), (ODD, ODD)], external=dialect.is_starrocks)
    yield from _of_exports(dialect)
    yield from (s.largest(ODD, ODD, ODD), s.no_row(ODD, ODD, ODD), s.count(ODD, ODD), s.truncate(ODD, ODD))
    yield from (s.OWN_ID, s.RUNNING, s.kill(123), s.SERVER_TIME)
    if dialect.is_starrocks:
        yield from (s.RUN_MODE, statements.set_warehouse(ODD), s.materialized_views(ODD))
    else:
        yield from _of_doris_exports()
        yield "SHOW COMPUTE GROUPS"
        yield statements.use_group(ODD)
    yield preflight.GRANTS[dialect.product].format(user="backup")


def _locations(dialect: Dialect) -> tuple[ObjectLocation, ...]:
    """With keys, and by the role of its machine or one that it assumes, where a server takes them."""
    return (KEYS, ROLE, ASSUMED) if dialect.is_starrocks or dialect.version >= (4, 0, 0) else (KEYS,)


def _of_exports(dialect: Dialect) -> Iterator[str]:
    kinds = ("int", "largeint", "datetime(6)", "decimal(76,9)", "bitmap", "hll", "quantile_state", "array<int>", "ipv4",
             "varbinary", "array<date>")  # fmt: skip
    starrocks = dialect.is_starrocks
    every = (columns.column(f"{ODD} {kind}", kind, starrocks=starrocks) for kind in kinds)
    chosen = tuple(item for item in every if item.out is not None and not (starrocks and item.type in ("ipv4", "quantile_state")))
    yield from (*s.settings(dialect, 21_600), *s.wishes(dialect))
    yield from (s.show_create(kind, ODD, ODD) for kind in ("TABLE", "VIEW", "MATERIALIZED VIEW"))
    yield s.show_tablets(dialect, ODD, ODD, ODD)
    yield from (s.columns(ODD), s.columns(ODD, ODD), s.show_partitions(ODD, ODD), s.show_functions(ODD))
    yield from columns.probes(chosen, starrocks=starrocks).values()
    for location in _locations(dialect):
        yield from _of_files(dialect, location, chosen)
    yield s.show_load(dialect, ODD, "r_label")
    yield s.alter_properties(ODD, ODD, [("dynamic_partition.enable", "true")])
    yield from (s.rename_database(ODD, ODD), s.drop_database(ODD))


def _of_files(dialect: Dialect, location: ObjectLocation, chosen: tuple[columns.Column, ...]) -> Iterator[str]:
    storage, folder = dialect.storage_properties(location), "data/00001/1/00001/r_mark/"
    for part in (Part(None), Part(("p1", ODD)), Part((ODD,), (10001, 10002)), Part(None, (10001,))):
        yield s.unload(dialect, ODD, ODD, part, chosen, location, folder, storage)
    uri = s.files_uri(location, (f"{folder}part-a_0.parquet", f"{folder}part-b_0.parquet"))
    yield s.load(dialect, ODD, ODD, "r_label", chosen, uri, storage)
    yield s.count_files(dialect, uri, storage)
    yield s.lost_by_casts(dialect, columns.lost(chosen, strict_casts=False) or "", uri, storage)


def _of_doris_exports() -> Iterator[str]:
    yield from (s.trace("r_label"), s.kill_query("f1ab7dcc31744152-bbb4cda2f5c88eac"), s.STRICT_CASTS, s.SEQUENCE_OPTIONAL, s.describe_all(ODD, ODD))
    yield s.show_create_rollup(ODD, ODD, ODD)
    yield s.show_create_function("my_sum(INT, STRING)", ODD)
    yield replay.rollup(None, ("k1", ODD), ODD, ODD, "r")


@pytest.mark.parametrize("product", sorted(COMMENTS))
def test_the_file_of_statements_is_current(product):
    """RECONCILE_WRITE_STATEMENTS=1 writes it anew."""
    path = HERE / f"statements-{product}.sql"
    written = "".join(f"{statement};\n" for statement in every_statement(product))
    if os.environ.get("RECONCILE_WRITE_STATEMENTS"):
        path.write_text(written)
    assert path.read_text() == written


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1))
def test_a_name_or_a_text_is_one_word_to_the_server_whatever_is_in_it(value):
    """No name changes the meaning of a statement: the stand-in's own reader takes it back whole."""
    from doris_server.words import tokens

    found = tokens(f"{statements.name(value)} {statements.text(value)}")
    assert [(token.kind, token.value) for token in found[:-1]] == [("name", value), ("text", value)]


@pytest.mark.parametrize(("comment", "label"), [
    ("doris version doris-3.0.3-rc04-abc", "doris 3.0.3"),
    ("doris version doris-4.0.1-rc02-abc (Cloud Mode)", "doris 4.0.1 (decoupled)"),
    ("VeloDB version velodb-4.0.5-abc (Cloud Mode)", "doris 4.0.5 (decoupled)"),
    ("StarRocks version 3.4.0-abc", "starrocks 3.4.0"),
    ("selectdb-doris-2.1.7", "doris 2.1.7"),
])  # fmt: skip
def test_a_server_is_recognised_by_what_it_says(comment, label):
    assert dialects.recognised(comment).label == label


@pytest.mark.parametrize(("comment", "words"), [
    ("MySQL Community Server", "in which there is no version"), ("doris version doris-1.2.8", "is too old: 2.1.0"),
])  # fmt: skip
def test_another_server_is_refused_in_words(comment, words):
    with pytest.raises(EngineFailed, match=words):
        dialects.recognised(comment)


@pytest.mark.parametrize(("version", "known"), [
    ((2, 1, 5), set()), ((2, 1, 6), {"clean_tables"}), ((3, 0, 1), set()), ((3, 0, 3), {"clean_tables", "atomic_restore"}),
    ((3, 1, 0), {"clean_tables", "atomic_restore", "force_replace"}), ((4, 0, 0), {"clean_tables", "atomic_restore", "force_replace"}),
])  # fmt: skip
def test_only_properties_that_the_version_knows_are_sent(version, known):
    """An unknown one fails the statement."""
    asked = {"clean_tables", "atomic_restore", "force_replace"}
    assert {name for name in asked if Dialect("doris", version, "", decoupled=False).restores_with(name)} == known
