"""A local storage never leaves its root, whatever names and links it meets."""

import os
from pathlib import Path

import pytest

from reconciler.errors import StorageFailed
from reconciler.storage.local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore("disk", str(tmp_path / "root"))


@pytest.mark.parametrize(
    "key", ["../out", "a/../../out", "/etc/passwd", "a//b", "a/", "", ".", "a/./b", "a\\b", "a\0b"]
)
def test_a_key_that_could_leave_the_root_is_refused(store, key, tmp_path):
    for act in (lambda: store.put(key, b"x"), lambda: store.read(key), lambda: store.delete((key,))):
        with pytest.raises(StorageFailed, match="is no key"):
            act()
    assert not (tmp_path / "out").exists()


def test_a_link_inside_the_root_is_not_followed(store, tmp_path):
    """S4: nothing outside our own prefix is ever read, written or removed."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"keep")
    store.put("t/x", b"")
    (tmp_path / "root/t/link").symlink_to(outside)

    for act in (
        lambda: store.delete(("t/link/precious",)),
        lambda: store.put("t/link/precious", b"gone"),
        lambda: store.read("t/link/precious"),
        lambda: list(store.entries("t/link/")),
    ):
        with pytest.raises(StorageFailed, match="is a link"):
            act()
    assert (outside / "precious").read_bytes() == b"keep"


def test_a_link_in_the_place_of_an_object_is_not_written_through(store, tmp_path):
    (tmp_path / "precious").write_bytes(b"keep")
    store.put("t/x", b"")
    (tmp_path / "root/t/claim").symlink_to(tmp_path / "precious")

    with pytest.raises(StorageFailed, match="is a link"):
        store.put("t/claim", b"gone")
    assert (tmp_path / "precious").read_bytes() == b"keep"


def test_removing_a_listed_link_is_refused_and_keeps_its_target(store, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"keep")
    store.put("t/x", b"")
    (tmp_path / "root/t/link").symlink_to(outside)

    keys = tuple(entry.key for entry in store.entries("t/"))
    assert keys == ("t/link", "t/x")
    with pytest.raises(StorageFailed, match="is a link"):
        store.delete(keys)
    assert (outside / "precious").exists()


def test_objects_are_for_their_owner_alone(store, tmp_path):
    old = os.umask(0)
    try:
        store.put("a/b", b"x")
    finally:
        os.umask(old)

    modes = {name: (tmp_path / "root" / name).stat().st_mode & 0o777 for name in ("a", "a/b")}
    assert modes == {"a": 0o700, "a/b": 0o600}


def test_empty_folders_go_with_their_last_object_and_the_root_stays(store, tmp_path):
    store.put("a/b/c", b"")

    store.delete(("a/b/c",))

    assert list((tmp_path / "root").iterdir()) == []
