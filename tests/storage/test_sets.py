"""Owners, manifests, claims and removal, over each kind of object store."""

import json
from datetime import UTC, datetime, timedelta
from unittest.mock import ANY

import pytest

from reconciler.core import document
from reconciler.core.manifest import Manifest, Snapshot, StoredFile, from_document, to_document
from reconciler.core.model import FromWarehouse, Restore
from reconciler.core.naming import TaskPlace
from reconciler.core.pause import Mark
from reconciler.core.ports import Removal
from reconciler.core.rebuild import Claim, Inventory, Stray
from reconciler.errors import AttemptTaken, StorageFailed
from reconciler.storage.local import LocalStore
from reconciler.storage.sets import SetStorage

PLACE = TaskPlace("acme", "shop", "shop-20261123T020000Z")
NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
REQUEST = Restore("r-1", FromWarehouse("shop", "latest"), "other")


class Recording(LocalStore):
    """A local store that tells the order in which keys were written and removed."""

    def __init__(self, name, path) -> None:
        super().__init__(name, path)
        self.steps: list[str] = []

    def create(self, key, content):
        self.steps.append(f"+{key}")
        return super().create(key, content)

    def take(self, path, key):
        self.steps.append(f"+{key}")
        super().take(path, key)

    def delete(self, keys):
        self.steps += [f"-{key}" for key in keys]
        return super().delete(keys)


@pytest.fixture
def store(tmp_path):
    return Recording("disk", str(tmp_path / "root"))


@pytest.fixture
def storage(store):
    return SetStorage(store)


def manifest(*snapshots: Snapshot) -> Manifest:
    return Manifest(PLACE, "duckdb", "2.0.0", "0.1.0", NOW, NOW, NOW, 1, None, 7, 1, snapshots)


def make_set(storage, attempts=(1,)) -> Manifest:
    snapshots = []
    for number in attempts:
        attempt = storage.open_attempt(PLACE, number, "one")
        folder = attempt.staging()
        (folder / "data").write_bytes(b"abc")
        file = attempt.put(folder / "data", "d/data")
        snapshots.append(Snapshot(f"db{number}", number, file, 3, 1, 1))
    return storage.commit(manifest(*snapshots))


def test_the_owner_mark_is_written_first_and_the_manifest_last(storage, store):
    """S1."""
    make_set(storage)

    assert store.steps == [
        "+acme/shop/shop-20261123T020000Z/1/owner.json",
        "+acme/shop/shop-20261123T020000Z/1/d/data",
        "+acme/shop/shop-20261123T020000Z/manifest.json",
    ]
    assert json.loads(store.read(PLACE.attempt(1) + "owner.json")) == {
        "format": 1, "installation": "acme", "task": "shop-20261123T020000Z", "attempt": 1,
        "ledger": "one",
    }  # fmt: skip


def test_a_manifest_is_written_once_and_the_first_one_stands(storage):
    """S1: never two sets for a slot."""
    first = make_set(storage)

    assert storage.commit(first._replace(retention_days=99)) == first
    assert storage.read_manifest(PLACE) == first


def test_a_manifest_has_all_that_it_was_given(storage):
    """S1."""
    file = StoredFile("00001/inventory.json", 10, "ab" * 32)
    full = manifest(Snapshot("sales", 2, file, 12345, 3, 100), Snapshot("crm", 1, file, 5, 0, None))._replace(
        config_revision="c" * 40, skipped_objects=("sales: CREATE VIEW broken",), keep_last=0
    )

    assert from_document(json.loads(json.dumps(to_document(full)))) == full


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"format": 1}', b'{"format": 2}', b"\xff"])
def test_a_damaged_manifest_is_an_error_that_names_it(storage, store, content):
    store.put(PLACE.manifest, content)

    with pytest.raises(StorageFailed, match=r"manifest\.json is damaged"):
        storage.read_manifest(PLACE)


def test_a_manifest_of_another_set_is_not_taken(storage, store):
    make_set(storage)
    store.put("acme/shop/shop-20261124T020000Z/manifest.json", store.read(PLACE.manifest))

    with pytest.raises(StorageFailed, match="belongs to another set"):
        storage.read_manifest(PLACE._replace(task_id="shop-20261124T020000Z"))


def test_removal_takes_the_manifest_first_and_owner_marks_last(storage, store):
    """S4."""
    make_set(storage, attempts=(1, 2))
    store.steps.clear()

    assert storage.remove_set(PLACE) == Removal()

    prefix = "-acme/shop/shop-20261123T020000Z"
    assert store.steps == [
        f"{prefix}/manifest.json", f"{prefix}/1/d/data", f"{prefix}/2/d/data",
        f"{prefix}/1/owner.json", f"{prefix}/2/owner.json",
    ]  # fmt: skip
    assert list(store.entries("acme/")) == []


def test_a_removal_that_broke_off_at_any_step_is_finished_by_the_next(tmp_path):
    """S4."""

    class Breaking(LocalStore):
        left = 10**6

        def delete(self, keys):
            for key in keys:
                if self.left == 0:
                    raise StorageFailed("pulled the plug", passing=True)
                self.left -= 1
                super().delete((key,))
            return ()

    for steps in range(6):
        store = Breaking("disk", str(tmp_path / str(steps)))
        storage = SetStorage(store)
        make_set(storage, attempts=(1, 2))
        store.left = steps
        if steps < 5:
            with pytest.raises(StorageFailed, match="pulled the plug"):
                storage.remove_set(PLACE)
            assert storage.read_manifest(PLACE) is None or steps == 0
            left = [entry.key for entry in store.entries("acme/")]
            assert all(any(f"/{n}/" in key and key.endswith("owner.json") for key in left) for n in
                       {key.split("/")[3] for key in left if not key.endswith("manifest.json")})  # fmt: skip
        store.left = 10**6
        storage.remove_set(PLACE)
        assert list(store.entries("acme/")) == []


def test_removal_leaves_every_neighbour(storage, store):
    """S4: nothing outside the task's own prefix."""
    make_set(storage)
    neighbours = [
        "acme/shop/shop-20261123T020000Z0/manifest.json",
        "acme/shop/shop-20261123T0200/manifest.json",
        "acme/shop/.retention.json",
        "acme2/shop/shop-20261123T020000Z/manifest.json",
    ]
    for key in neighbours:
        store.put(key, b"{}")

    storage.remove_set(PLACE)

    assert sorted(entry.key for entry in (*store.entries("acme/"), *store.entries("acme2/"))) == sorted(neighbours)


def test_an_attempt_is_removed_with_its_staging_and_without_its_siblings(storage, store, tmp_path):
    make_set(storage, attempts=(1, 2))
    (store.staging(PLACE.attempt(1)) / "half").write_bytes(b"x")

    storage.remove_attempt(PLACE, 1)

    assert sorted(entry.key for entry in store.entries("acme/")) == [
        "acme/shop/shop-20261123T020000Z/2/d/data",
        "acme/shop/shop-20261123T020000Z/2/owner.json",
        "acme/shop/shop-20261123T020000Z/manifest.json",
    ]
    assert not (tmp_path / "root/acme/shop/shop-20261123T020000Z/1").exists()


@pytest.mark.parametrize("content", [b"abd", b"ab", b"abcd", b""])
def test_an_altered_file_is_refused_by_name(storage, store, content, tmp_path):
    """S1: size and SHA-256 are the manifest's."""
    made = make_set(storage)
    store.put(PLACE.attempt(1) + "d/data", content)

    with pytest.raises(StorageFailed, match="shop-20261123T020000Z/1/d/data is altered"):
        storage.reader(made).fetch(1, made.snapshots[0].inventory, tmp_path)


def test_an_untouched_file_is_given(storage, tmp_path):
    made = make_set(storage)

    assert storage.reader(made).fetch(1, made.snapshots[0].inventory, tmp_path).read_bytes() == b"abc"


def test_a_claim_is_taken_once_and_its_outcome_stands_beside_it(storage):
    """R1."""
    assert storage.claim("acme", "r-1", {"ledger": "one"}) is True
    assert storage.claim("acme", "r-1", {"ledger": "two"}) is False
    assert storage.find_claim("acme", "r-1") == {"ledger": "one"}
    assert storage.find_outcome("acme", "r-1") is None

    storage.record_outcome("acme", "r-1", {"state": "succeeded"})

    assert storage.find_outcome("acme", "r-1") == {"state": "succeeded"}
    assert storage.find_claim("other", "r-1") is None


def test_an_inventory_has_all_that_is_ours_and_names_what_is_not(storage, store):
    """T2: what is damaged or foreign is listed with its reason and left alone."""
    made = make_set(storage, attempts=(2,))
    storage.open_attempt(PLACE, 1, "one")
    claim = {"claimed_at": "2026-11-23T03:00:00Z", "backup_set": PLACE.task_id, "entry": document.encode(REQUEST)}
    storage.claim("acme", "r-1", claim)
    storage.record_outcome("acme", "r-1", {"state": "succeeded"})
    storage.claim("acme", "r-2", {"entry": 7})
    storage.claim("elsewhere", "r-3", claim)
    note = {"noted_at": "2026-11-23T03:00:00Z", "retention_days": 7, "keep_last": 1}
    storage.write_note("acme/shop/.retention.json", note)
    storage.set_mark("acme", Mark("one", NOW), replace=False)
    store.put("acme/shop/shop-20261124T020000Z/manifest.json", b"{")
    store.put("acme/shop/shop-20261125T020000Z/manifest.json", store.read(PLACE.manifest))
    store.put("acme/shop/shop-20261126T020000Z/1/data", b"somebody's")
    store.put("acme/readme.txt", b"hello")
    before = sorted(entry.key for entry in store.entries("acme/"))

    assert storage.inventory("acme") == Inventory(
        "disk", (made,), ((PLACE, 1), (PLACE, 2)), (Claim("r-1", claim, {"state": "succeeded"}),),
        {"acme/shop/.retention.json": note},
        (
            Stray("acme/readme.txt", "not a key of a backup set"),
            Stray("acme/shop/shop-20261124T020000Z/manifest.json", ANY),
            Stray("acme/shop/shop-20261125T020000Z/manifest.json", "it belongs to another set"),
            Stray("acme/.restores/r-2/claim.json", "damaged, its id counts as used all the same: NoneType where text was expected"),
            Stray("acme/shop/shop-20261126T020000Z/1/data", "no owner mark of this installation"),
        ),
    )  # fmt: skip
    assert storage.inventory("nobody") == Inventory("disk")
    assert sorted(entry.key for entry in store.entries("acme/")) == before


def test_an_attempt_that_another_run_has_begun_is_not_ours(storage, store):
    """D2."""
    storage.open_attempt(PLACE, 1, "one")
    storage.open_attempt(PLACE, 1, "one")
    with pytest.raises(AttemptTaken, match=r"1/owner\.json exists: another run has begun this attempt"):
        storage.open_attempt(PLACE, 1, "two")


def test_an_owner_mark_whose_answer_was_lost_is_found_to_be_ours(tmp_path):
    """A store client that tries again gets `exists` for what its own first try made."""

    class Answerless(LocalStore):
        def create(self, key, content):
            super().create(key, content)
            return super().create(key, content)

    assert SetStorage(Answerless("disk", str(tmp_path))).open_attempt(PLACE, 1, "one")


def test_the_first_ledger_marks_a_storage_and_another_takes_its_place_only_when_told(storage):
    """T5."""
    one, two = Mark("one", NOW), Mark("two", NOW + timedelta(hours=1))

    assert storage.mark("acme") is None
    storage.set_mark("acme", one, replace=False)
    storage.set_mark("acme", two, replace=False)
    assert storage.mark("acme") == one
    storage.set_mark("acme", two, replace=True)
    assert storage.mark("acme") == two


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"ledger": "one"}'])
def test_a_damaged_mark_is_an_error_and_never_taken_for_ours(storage, store, content):
    """T5."""
    store.put("acme/.ledger.json", content)

    with pytest.raises(StorageFailed, match=r"acme/\.ledger\.json is damaged"):
        storage.mark("acme")


def test_an_attempt_removes_files_of_its_own_and_nothing_else(store, storage):
    """S1, S4: never the owner mark, never a name that leads out of the attempt."""
    first, second = (storage.open_attempt(PLACE, number, "ledger") for number in (1, 2))
    for folder in (first, second):
        folder.remember("data/a/1.parquet", {"rows": 1})
        folder.remember("data/a/2.parquet", {"rows": 2})

    first.remove(("data/a/1.parquet",))
    for name in ("owner.json", "../2/data/a/1.parquet", "data/../owner.json", "", "data//a"):
        with pytest.raises(StorageFailed, match="nothing was removed"):
            first.remove(("data/a/2.parquet", name))

    assert sorted(entry.key for entry in store.entries(PLACE.prefix)) == [
        *(PLACE.attempt(1) + name for name in ("data/a/2.parquet", "owner.json")),
        *(PLACE.attempt(2) + name for name in ("data/a/1.parquet", "data/a/2.parquet", "owner.json")),
    ]
