"""The manifest is read back as it was written, and what is none is refused (S1)."""

import json

import pytest
from core_values import SECOND, at
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core import manifest
from reconciler.core.manifest import Manifest, Snapshot, StoredFile
from reconciler.core.naming import TaskPlace

INVENTORY = StoredFile("sales/inventory.json", 512, "ab" * 32)
MADE = Manifest(
    place=TaskPlace("acme", "shop", "shop-20261101T013000Z"),
    engine="duckdb", engine_version="v1.5", tool_version="0.1",
    slot=at("2026-11-01 01:30"), started_at=at("2026-11-01 01:31"), completed_at=at("2026-11-01 01:40"),
    plan_revision=3, config_revision="c" * 40, retention_days=14, keep_last=2,
    snapshots=(Snapshot("crm", 1, INVENTORY, 4_000, 12, 77), Snapshot("sales", 2, INVENTORY, 6_000, 1, None)),
    skipped_objects=("sales.v (a view over a file)",),
)  # fmt: skip

instants = st.integers(0, 2**32).map(lambda amount: at("1990-01-01 00:00") + amount * SECOND)
counts = st.integers(0, 2**61)  # three of them are still what a ledger takes
files = st.builds(StoredFile, st.text(), counts, st.text())
snapshots = st.builds(Snapshot, st.text(), st.integers(1, 10**6), files, counts, counts, st.none() | counts)
manifests = st.builds(
    Manifest, place=st.builds(TaskPlace, st.text(), st.text(), st.text()), slot=instants, started_at=instants,
    completed_at=instants, snapshots=st.lists(snapshots, max_size=3).map(tuple),
    skipped_objects=st.lists(st.text(), max_size=3).map(tuple), plan_revision=counts,
    retention_days=st.integers(0, 36_500), keep_last=st.integers(0, 10_000),
)  # fmt: skip


@given(manifests)
def test_a_manifest_is_read_back_as_it_was_written(made):
    """S1."""
    read = manifest.from_document(json.loads(json.dumps(manifest.to_document(made))))

    assert repr(read) == repr(made)


def test_the_document_is_written_out_field_by_field():
    """S1: it outlives any release."""
    inventory = {"name": "sales/inventory.json", "size": 512, "sha256": "ab" * 32}
    assert manifest.to_document(MADE) == {
        "format": 1,
        "installation": "acme",
        "warehouse": "shop",
        "backup_set": "shop-20261101T013000Z",
        "engine": "duckdb",
        "engine_version": "v1.5",
        "tool_version": "0.1",
        "slot": "2026-11-01T01:30:00Z",
        "started_at": "2026-11-01T01:31:00Z",
        "completed_at": "2026-11-01T01:40:00Z",
        "plan_revision": 3,
        "config_revision": "c" * 40,
        "retention_days": 14,
        "keep_last": 2,
        "size_bytes": 10_000,
        "snapshots": [
            {"database": "crm", "attempt": 1, "inventory": inventory, "size_bytes": 4_000, "tables": 12, "rows": 77},
            {"database": "sales", "attempt": 2, "inventory": inventory, "size_bytes": 6_000, "tables": 1, "rows": None},
        ],
        "skipped_objects": ["sales.v (a view over a file)"],
        "external_catalogs": [],
    }


def test_size_and_databases_are_those_of_the_snapshots():
    """S1."""
    assert MADE.size_bytes == 10_000
    assert MADE.databases == ("crm", "sales")


@pytest.mark.parametrize("document", [
    None, [], "manifest", 7, {}, {"format": 1}, {"format": 2},
    manifest.to_document(MADE) | {"format": 2},
    manifest.to_document(MADE) | {"slot": "2026-11-01"},
    manifest.to_document(MADE) | {"slot": None},
    manifest.to_document(MADE) | {"retention_days": "many"},
    manifest.to_document(MADE) | {"snapshots": [{}]},
    manifest.to_document(MADE) | {"snapshots": 1},
])  # fmt: skip
def test_what_is_no_manifest_of_this_format_is_refused(document):
    """S1."""
    with pytest.raises(ValueError, match=r"."):
        manifest.from_document(document)


@pytest.mark.parametrize("field", sorted(manifest.to_document(MADE).keys() - {"size_bytes"}))
def test_a_manifest_that_lacks_a_field_is_refused(field):
    """S1."""
    document = manifest.to_document(MADE)
    del document[field]
    with pytest.raises(ValueError, match=r"."):
        manifest.from_document(document)
