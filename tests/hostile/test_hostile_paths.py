"""F43, F20 and GR10: nothing outside a local storage's root, and nothing of a neighbour, is read, written or removed."""

import os
import random
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.naming import TaskPlace
from reconciler.errors import StorageFailed
from reconciler.storage.local import LocalStore
from reconciler.storage.sets import SetStorage

PARTS = ("..", ".", "", "/", "//", "\\", "\0", "a", "b", ".staging", "...", "~", "-rf", "\n", "\x1b[2J", "a" * 300, "\u2215", "\uff0e\uff0e", "%2e%2e",
         "\udcff", "c:", "con", " ", "*")  # fmt: skip


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_four_thousand_keys_stay_below_the_root(tmp_path):
    """Each is refused as no key, refused by the file system, or is a file below the root."""
    root = tmp_path / "above" / "root"
    store = LocalStore("disk", str(root))
    (tmp_path / "precious").write_bytes(b"keep")
    outside = tree(tmp_path)
    chance = random.Random(0)
    made = 0
    for _ in range(4_000):
        key = "/".join(chance.choice(PARTS) for _ in range(chance.randint(1, 6)))
        try:
            if store.create(key, b"x"):
                made += 1
                assert store.read(key) == b"x"
            store.delete((key,))
        except StorageFailed:
            pass

    assert made > 40
    assert {path: content for path, content in tree(tmp_path).items() if not path.startswith(f"{root}/")} == outside
    assert sorted(path.name for path in tmp_path.iterdir()) == ["above", "precious"]


class Swapping(threading.Thread):
    """Puts a link in the place of a folder and the folder back, as fast as it can."""

    def __init__(self, folder: Path, outside: Path) -> None:
        super().__init__(daemon=True)
        self.folder, self.aside, self.link = folder, folder.with_name("aside"), folder.with_name("link")
        self.link.symlink_to(outside)
        self.ending, self.swaps = threading.Event(), 0

    def run(self) -> None:
        while not self.ending.is_set():
            try:
                os.rename(self.folder, self.aside)
                os.rename(self.link, self.folder)
                os.rename(self.folder, self.link)
                os.rename(self.aside, self.folder)
                self.swaps += 1
            except OSError:  # the store made the folder anew: that one is to be swapped then
                self._mend()

    def _mend(self) -> None:
        for found in (self.folder, self.link):
            if found.is_symlink() and found != self.link:
                os.rename(found, self.link)
        if self.aside.exists() and not self.folder.exists():
            os.rename(self.aside, self.folder)
        elif self.aside.exists():
            os.rename(self.aside, self.aside.with_name(f"old-{self.swaps}-{os.urandom(4).hex()}"))


def test_a_folder_that_becomes_a_link_under_our_hands_leads_nowhere(tmp_path):
    """A look at the path and an act by the path are two moments; the act goes by the folder that was looked at."""
    store = LocalStore("disk", str(tmp_path / "root"))
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"precious")
    store.put("t/folder/file", b"ours")
    swapping = Swapping(tmp_path / "root/t/folder", outside)
    swapping.start()
    refused = done = 0
    acts = (
        lambda: store.put("t/folder/file", b"ours"), lambda: store.delete(("t/folder/file",)), lambda: store.create("t/folder/new", b"ours"),
        lambda: _not_precious(store.read("t/folder/file")), lambda: store.delete(("t/folder/new",)), lambda: list(store.entries("t/folder/")),
    )  # fmt: skip
    while (refused < 300 or done < 300) and swapping.is_alive() and refused + done < 60_000:
        for act in acts:
            try:
                act()
                done += 1
            except StorageFailed:
                refused += 1
    swapping.ending.set()
    swapping.join()

    assert tree(outside) == {str(outside / "file"): b"precious"}
    assert min(refused, done, swapping.swaps) >= 100


def _not_precious(content: bytes | None) -> None:
    assert content != b"precious"


def test_a_pipe_in_the_place_of_an_object_is_not_waited_for(tmp_path):
    store = LocalStore("disk", str(tmp_path / "root"))
    store.put("t/x", b"")
    os.mkfifo(tmp_path / "root/t/pipe")

    with pytest.raises(StorageFailed, match="t/pipe is not a file"):
        store.read("t/pipe")


names = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,8}", fullmatch=True)


@given(names, st.text("0123456789-_ab", min_size=1, max_size=3))
@settings(max_examples=30)
def test_removing_a_set_leaves_every_neighbour_whose_name_begins_alike(tmp_path_factory, name, more):
    """F20: `wh-1` and `wh-10`, in warehouses, tasks and attempts."""
    store = LocalStore("disk", str(tmp_path_factory.mktemp("root")))
    storage, slot = SetStorage(store), "20261123T020000Z"
    own = TaskPlace("acme", name, f"{name}-{slot}")
    others = [TaskPlace("acme", name + more, f"{name}{more}-{slot}"), TaskPlace("acme", name, f"{name}-{slot}{more}"),
              TaskPlace(f"acme{more}", name, f"{name}-{slot}")]  # fmt: skip
    for place in (own, *others):
        for number in (1, 10):
            storage.open_attempt(place, number, "one")
            store.put(f"{place.attempt(number)}data", b"x")

    storage.remove_attempt(own, 1)
    assert len([*store.entries(own.attempt(10))]) == 2
    storage.remove_set(own)

    assert [*store.entries(own.prefix)] == []
    assert [len([*store.entries(place.prefix)]) for place in others] == [4, 4, 4]
