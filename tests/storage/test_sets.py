"""Owners, manifests, claims and removal, over each kind of object store."""

import json
from datetime import UTC, datetime

import pytest

from reconciler.core.manifest import Manifest, Snapshot, StoredFile, from_document, to_document
from reconciler.core.naming import TaskPlace
from reconciler.core.ports import Removal, Survey
from reconciler.errors import StorageFailed
from reconciler.storage.local import LocalStore
from reconciler.storage.sets import SetStorage

PLACE = TaskPlace("acme", "shop", "shop-20261123T020000Z")
NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)


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
        attempt = storage.open_attempt(PLACE, number)
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
    (storage.open_attempt(PLACE, 1).staging() / "half").write_bytes(b"x")

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


def test_a_survey_counts_sets_and_claims_of_one_installation(storage):
    """T2."""
    make_set(storage)
    storage.claim("acme", "r-1", {})
    storage.claim("acme", "r-2", {})
    storage.claim("elsewhere", "r-3", {})
    storage.note_retention("acme", "shop", {"retention_days": 7})

    assert storage.survey("acme") == Survey(1, 2)
    assert storage.survey("nobody") == Survey(0, 0)
