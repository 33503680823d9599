"""A storage that is changed only while the lease is surely held (T3): asked just before each call that changes it.

What was sent already is not called back, and statements that a warehouse works on are not guarded at all: the next
holder finds them by their labels and goes on with them.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from reconciler.core.manifest import Manifest, StoredFile
from reconciler.core.naming import TaskPlace
from reconciler.core.pause import Mark
from reconciler.core.ports import AttemptFolder, Entry, ObjectLocation, Removal, SetReader, Storage
from reconciler.core.rebuild import Inventory

Check = Callable[[], None]


class GuardedStorage:
    """The Storage port. `check` raises LeaseHeld where the lease is not surely held; then nothing is changed."""

    def __init__(self, storage: Storage, check: Check) -> None:
        self.name = storage.name
        self._storage = storage
        self._check = check

    def open_attempt(self, place: TaskPlace, number: int, ledger: str) -> AttemptFolder:
        self._check()
        return GuardedFolder(self._storage.open_attempt(place, number, ledger), self._check)

    def commit(self, manifest: Manifest) -> Manifest:
        self._check()
        return self._storage.commit(manifest)

    def read_manifest(self, place: TaskPlace) -> Manifest | None:
        return self._storage.read_manifest(place)

    def reader(self, manifest: Manifest) -> SetReader:
        return self._storage.reader(manifest)

    def remove_set(self, place: TaskPlace) -> Removal:
        self._check()
        return self._storage.remove_set(place)

    def remove_attempt(self, place: TaskPlace, number: int) -> Removal:
        self._check()
        return self._storage.remove_attempt(place, number)

    def find_claim(self, installation: str, restore_id: str) -> dict[str, Any] | None:
        return self._storage.find_claim(installation, restore_id)

    def find_outcome(self, installation: str, restore_id: str) -> dict[str, Any] | None:
        return self._storage.find_outcome(installation, restore_id)

    def claim(self, installation: str, restore_id: str, content: dict[str, Any]) -> bool:
        self._check()
        return self._storage.claim(installation, restore_id, content)

    def record_outcome(self, installation: str, restore_id: str, content: dict[str, Any]) -> None:
        self._check()
        self._storage.record_outcome(installation, restore_id, content)

    def write_note(self, key: str, content: dict[str, Any]) -> None:
        self._check()
        self._storage.write_note(key, content)

    def inventory(self, installation: str) -> Inventory:
        return self._storage.inventory(installation)

    def mark(self, installation: str) -> Mark | None:
        return self._storage.mark(installation)

    def set_mark(self, installation: str, own: Mark, *, replace: bool) -> None:
        self._check()
        self._storage.set_mark(installation, own, replace=replace)

    def now(self) -> datetime | None:
        return self._storage.now()


class GuardedFolder:
    """The AttemptFolder port."""

    def __init__(self, folder: AttemptFolder, check: Check) -> None:
        self._folder = folder
        self._check = check

    def staging(self) -> Path:
        return self._folder.staging()

    def put(self, path: Path, name: str) -> StoredFile:
        self._check()
        return self._folder.put(path, name)

    def remember(self, name: str, document: dict[str, Any]) -> dict[str, Any]:
        self._check()
        return self._folder.remember(name, document)

    def location(self) -> ObjectLocation:
        return self._folder.location()

    def entries(self, prefix: str) -> Iterator[Entry]:
        return self._folder.entries(prefix)

    def read(self, name: str) -> bytes | None:
        return self._folder.read(name)

    def remove(self, names: tuple[str, ...]) -> None:
        self._check()
        self._folder.remove(names)
