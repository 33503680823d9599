"""A storage is changed only while the lease is surely held (T3)."""

import inspect
from datetime import UTC, datetime

import pytest

from reconciler.core import ports
from reconciler.core.manifest import Manifest
from reconciler.core.naming import TaskPlace
from reconciler.core.pause import Mark
from reconciler.effects.guarded import GuardedFolder, GuardedStorage
from reconciler.errors import LeaseHeld
from reconciler.storage.local import LocalStore
from reconciler.storage.sets import SetStorage

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
PLACE = TaskPlace("acme", "shop", "shop-20261123T020000Z")
MANIFEST = Manifest(
    place=PLACE, engine="duckdb", engine_version="2", tool_version="1", slot=NOW, started_at=NOW, completed_at=NOW,
    plan_revision=1, config_revision=None, retention_days=7, keep_last=1, snapshots=(), skipped_objects=(),
    external_catalogs=(),
)  # fmt: skip
CHANGES = {
    "open_attempt": lambda storage: storage.open_attempt(PLACE, 2, "ledger"),
    "commit": lambda storage: storage.commit(MANIFEST),
    "remove_set": lambda storage: storage.remove_set(PLACE),
    "remove_attempt": lambda storage: storage.remove_attempt(PLACE, 1),
    "claim": lambda storage: storage.claim("acme", "r-1", {}),
    "record_outcome": lambda storage: storage.record_outcome("acme", "r-1", {}),
    "write_note": lambda storage: storage.write_note("acme/note.json", {}),
    "set_mark": lambda storage: storage.set_mark("acme", Mark("ledger", NOW), replace=True),
}
LOOKS = {"read_manifest", "reader", "find_claim", "find_outcome", "inventory", "mark", "now"}
FOLDER_CHANGES, FOLDER_LOOKS = {"put", "remember", "remove"}, {"staging", "location", "entries", "read"}


class Lease:
    """Held until it is told otherwise."""

    lost = False

    def check(self) -> None:
        if self.lost:
            raise LeaseHeld("lost")


@pytest.fixture
def lease():
    return Lease()


@pytest.fixture
def storage(tmp_path, lease):
    return GuardedStorage(SetStorage(LocalStore("disk", str(tmp_path / "backups"))), lease.check)


def files(tmp_path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def verbs(port: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(port, inspect.isfunction) if not name.startswith("_")}


def test_every_call_of_the_ports_is_known_as_one_that_changes_or_one_that_looks():
    assert verbs(ports.Storage) == set(CHANGES) | LOOKS
    assert verbs(ports.AttemptFolder) == FOLDER_CHANGES | FOLDER_LOOKS
    assert verbs(GuardedStorage) == verbs(ports.Storage)
    assert verbs(GuardedFolder) == verbs(ports.AttemptFolder)


@pytest.mark.parametrize("name", CHANGES)
def test_no_call_changes_a_storage_once_the_lease_is_lost(storage, lease, tmp_path, name):
    """T3: asked just before each; nothing is half done."""
    storage.open_attempt(PLACE, 1, "ledger")
    before = files(tmp_path)
    lease.lost = True

    with pytest.raises(LeaseHeld):
        CHANGES[name](storage)

    assert files(tmp_path) == before
    assert storage.read_manifest(PLACE) is None
    lease.lost = False
    CHANGES[name](storage)
    assert files(tmp_path) != before


def test_files_of_an_attempt_are_not_put_or_removed_any_more_once_the_lease_is_lost(storage, lease, tmp_path):
    """T3: an attempt that was begun under it is left as it is."""
    folder = storage.open_attempt(PLACE, 1, "ledger")
    made = folder.staging() / "t.parquet"
    made.write_bytes(b"rows")
    folder.remember("old.json", {})
    lease.lost = True
    before = files(tmp_path)

    for change in (
        lambda: folder.put(made, "t.parquet"), lambda: folder.remember("t.json", {}), lambda: folder.remove(("old.json",)),
    ):  # fmt: skip
        with pytest.raises(LeaseHeld):
            change()

    assert files(tmp_path) == before
    lease.lost = False
    assert folder.put(made, "t.parquet").size == 4
