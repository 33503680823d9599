"""What every kind of storage must do: the conformance suite of the ObjectStore port."""

import threading
from pathlib import Path

import pytest

from reconciler.core.ports import Entry, ObjectStore
from reconciler.errors import StorageFailed
from reconciler.storage.local import LocalStore


@pytest.fixture(params=["local", "s3"])
def store(request, tmp_path: Path) -> ObjectStore:
    if request.param == "local":
        return LocalStore("disk", str(tmp_path / "root"))
    return request.getfixturevalue("s3_store")()


def test_an_object_is_created_once(store):
    """R1: the second writer of a name is told so, and the first one's bytes stand."""
    assert store.create("a/b", b"one") is True
    assert store.create("a/b", b"two") is False
    assert store.read("a/b") == b"one"


def test_one_of_many_racing_writers_creates_an_object(store):
    """R1."""
    barrier = threading.Barrier(8)
    won: list[int] = []

    def race(number: int, turn: int) -> None:
        barrier.wait()
        if store.create(f"claims/{turn}", str(number).encode()):
            won.append(turn)

    for turn in range(10):
        threads = [threading.Thread(target=race, args=(number, turn)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(won) == list(range(10))
    assert [entry.key for entry in sorted(store.entries("claims/"))] == [f"claims/{turn}" for turn in range(10)]


def test_an_object_can_be_replaced(store):
    store.put("a", b"one")
    store.put("a", b"two, longer")

    assert store.read("a") == b"two, longer"


def test_what_does_not_exist_reads_as_none(store):
    assert store.read("no/such") is None


def test_a_listing_has_every_object_below_its_prefix_and_no_neighbour(store):
    """S4: `wh-1/` is not `wh-10/`."""
    for key in ("x/wh-1/a", "x/wh-1/b/c", "x/wh-10/a", "x/wh-1.json"):
        store.put(key, key.encode())

    found = sorted(entry._replace(etag=None) for entry in store.entries("x/wh-1/"))
    assert found == [Entry("x/wh-1/a", 8), Entry("x/wh-1/b/c", 10)]


def test_a_listing_of_s3_tells_bytes_that_are_other_ones(store):
    """S1. A folder of our own has no such mark; what lies there has a digest in the manifest."""
    told = []
    for content in (b"one", b"two", b"one"):
        store.put("x/a", content)
        told += [entry.etag for entry in store.entries("x/")]
    assert told == [None] * 3 or (told[0] == told[2] != told[1] and '"' not in told[0])


def test_a_listing_of_nothing_is_empty(store):
    assert list(store.entries("no/such/")) == []


def test_deleting_is_idempotent_and_touches_nothing_else(store):
    store.put("a/1", b"")
    store.put("a/2", b"")

    assert store.delete(("a/1", "a/never")) == ()
    assert store.delete(("a/1",)) == ()
    assert [entry.key for entry in store.entries("a/")] == ["a/2"]


def test_a_staged_file_is_moved_to_its_key(store):
    folder = store.staging("t/1/")
    (folder / "f").write_bytes(b"data")

    store.take(folder / "f", "t/1/sub/f")

    assert store.read("t/1/sub/f") == b"data"
    assert [entry.key for entry in store.entries("t/")] == ["t/1/sub/f"]


def test_staging_begins_empty_and_is_in_no_listing(store):
    (store.staging("t/1/") / "old").write_bytes(b"left by a crash")

    assert list(store.staging("t/1/").iterdir()) == []
    assert list(store.entries("t/")) == []


def test_discarded_staging_is_gone(store):
    folder = store.staging("t/1/")
    (folder / "f").write_bytes(b"x")

    store.discard_staging("t/1/")
    store.discard_staging("t/1/")

    assert not folder.exists()


def test_an_object_is_fetched_whole(store, tmp_path):
    store.put("a/b", b"bytes" * 1000)
    (tmp_path / "copies").mkdir()

    assert store.fetch("a/b", tmp_path / "copies").read_bytes() == b"bytes" * 1000


def test_fetching_what_is_gone_names_the_key(store, tmp_path):
    with pytest.raises(StorageFailed, match="a/gone"):
        store.fetch("a/gone", tmp_path)


def test_keys_may_hold_unicode_and_spaces(store):
    store.put("a/ü b#%?.json", b"x")

    assert [entry.key for entry in store.entries("a/")] == ["a/ü b#%?.json"]
