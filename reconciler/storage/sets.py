"""Owners, manifests, claims and removal, over any object store (S1, S4, R1)."""

import hashlib
import itertools
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from reconciler.core import claims, fields, instants, naming
from reconciler.core import manifest as manifests
from reconciler.core.manifest import Manifest, StoredFile
from reconciler.core.naming import TaskPlace
from reconciler.core.pause import Mark
from reconciler.core.ports import Entry, ObjectLocation, ObjectStore, Removal
from reconciler.core.rebuild import Inventory
from reconciler.errors import AttemptTaken, StorageFailed
from reconciler.storage.inventory import Reading

IN_FLIGHT = 4  # batches removed at once
BATCH = 1_000  # S3 removes at most 1,000 keys in one request (DeleteObjects, API of 2006-03-01)


class SetStorage:
    """The Storage port over an ObjectStore."""

    def __init__(self, store: ObjectStore) -> None:
        self.name = store.name
        self._store = store
        self._creates_once = False

    def open_attempt(self, place: TaskPlace, number: int, ledger: str) -> "Attempt":
        """The owner mark comes before any data, so that no data of ours is ever without one."""
        owner = _dump({
            "format": 1, "installation": place.installation, "task": place.task_id, "attempt": number,
            "ledger": ledger,
        })  # fmt: skip
        key = place.attempt(number) + naming.OWNER
        if not self._store.create(key, owner) and self._store.read(key) != owner:
            raise AttemptTaken(
                f"storage {self.name}: {key} exists: another run has begun this attempt; the next number is tried"
            )
        return Attempt(self._store, place.attempt(number))

    def commit(self, manifest: Manifest) -> Manifest:
        for number in {item.attempt for item in manifest.snapshots}:
            self._store.discard_staging(manifest.place.attempt(number))
        if self._store.create(manifest.place.manifest, _dump(manifests.to_document(manifest))):
            return manifest
        standing = self.read_manifest(manifest.place)
        if standing is None:
            raise StorageFailed(
                f"storage {self.name}: {manifest.place.manifest} vanished while it was written", passing=True
            )
        return standing

    def read_manifest(self, place: TaskPlace) -> Manifest | None:
        content = self._store.read(place.manifest)
        if content is None:
            return None
        try:
            manifest = manifests.from_document(fields.parse(content))
        except ValueError as error:
            raise StorageFailed(f"storage {self.name}: {place.manifest} is damaged: {error}") from error
        if manifest.place != place:
            raise StorageFailed(f"storage {self.name}: {place.manifest} belongs to another set")
        return manifest

    def reader(self, manifest: Manifest) -> "Reader":
        return Reader(self._store, manifest.place)

    def remove_set(self, place: TaskPlace) -> Removal:
        removal = self._remove(place.prefix, (place.manifest,))
        return removal if removal.retained else self._remove_below(place.prefix)

    def remove_attempt(self, place: TaskPlace, number: int) -> Removal:
        self._store.discard_staging(place.attempt(number))
        return self._remove_below(place.attempt(number))

    def find_claim(self, installation: str, restore_id: str) -> dict[str, Any] | None:
        return self._document(naming.claim_key(installation, restore_id))

    def find_outcome(self, installation: str, restore_id: str) -> dict[str, Any] | None:
        """A damaged one says that the outcome is unknown."""
        key = naming.outcome_key(installation, restore_id)
        content = self._store.read(key)
        try:
            return None if content is None else claims.outcome(content)
        except ValueError as error:
            return {"state": "unknown", "reason": f"{key} is damaged: {error}"}

    def claim(self, installation: str, restore_id: str, content: dict[str, Any]) -> bool:
        """Raises StorageFailed in a storage that would let two writers create one object."""
        self._prove_create(installation)
        return self._store.create(naming.claim_key(installation, restore_id), _dump(content))

    def record_outcome(self, installation: str, restore_id: str, content: dict[str, Any]) -> None:
        self._store.put(naming.outcome_key(installation, restore_id), _dump(content))

    def write_note(self, key: str, content: dict[str, Any]) -> None:
        self._store.put(key, _dump(content))

    def inventory(self, installation: str) -> Inventory:
        return Reading(self._store, installation).inventory()

    def mark(self, installation: str) -> Mark | None:
        key = naming.mark_key(installation)
        known = self._document(key)
        if known is None:
            return None
        try:
            return Mark(fields.text(known["ledger"]), fields.instant(known["marked_at"]))
        except (KeyError, ValueError) as error:
            raise StorageFailed(f"storage {self.name}: {key} is damaged: {error}") from error

    def set_mark(self, installation: str, own: Mark, *, replace: bool) -> None:
        content = _dump({"format": 1, "ledger": own.ledger, "marked_at": instants.text(own.marked_at)})
        write = self._store.put if replace else self._store.create
        write(naming.mark_key(installation), content)

    def now(self) -> datetime | None:
        return self._store.now()

    def _prove_create(self, installation: str) -> None:
        """Some stores take `If-None-Match` and overwrite all the same; claims would then be worth nothing (R1)."""
        if self._creates_once:
            return
        key = naming.probe_key(installation, uuid.uuid4().hex)
        self._store.put(key, b"probe\n")
        try:
            if self._store.create(key, b"probe\n"):
                raise StorageFailed(
                    f"storage {self.name} creates an object that exists (it ignores If-None-Match), so a restore "
                    f"could run twice; it can hold backups, but restores from it are refused"
                )
            self._creates_once = True
        finally:
            self._store.delete((key,))

    def _remove_below(self, prefix: str) -> Removal:
        """Data first; owner marks go when nothing else is left, so that a torn removal stays ours."""
        owners: list[str] = []
        batches = self._batches(prefix)
        while window := [*itertools.islice(batches, IN_FLIGHT)]:
            owners += [key for keys in window for key in keys if _is_owner(key)]
            data = [tuple(key for key in keys if not _is_owner(key)) for keys in window]
            retained = self._remove_batches(prefix, data)
            if retained:
                return Removal(retained)
        for key in owners:
            self._store.discard_staging(key.removesuffix(naming.OWNER))
        return self._remove(prefix, tuple(owners))

    def _remove_batches(self, prefix: str, batches: list[tuple[str, ...]]) -> tuple[str, ...]:
        """What a lock retains; several at once where there are several."""
        if len(batches) == 1:
            return self._remove(prefix, batches[0]).retained
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            return tuple(key for removal in pool.map(partial(self._remove, prefix), batches)
                         for key in removal.retained)  # fmt: skip

    def _remove(self, prefix: str, keys: tuple[str, ...]) -> Removal:
        strays = [key for key in keys if not key.startswith(prefix) or not prefix.endswith("/")]
        if strays:
            raise StorageFailed(f"storage {self.name}: {strays[0]} is outside {prefix}; nothing was removed")
        return Removal(self._store.delete(keys) if keys else ())

    def _batches(self, prefix: str) -> Iterator[tuple[str, ...]]:
        batch: list[str] = []
        for entry in self._store.entries(prefix):
            batch.append(entry.key)
            if len(batch) == BATCH:
                yield tuple(batch)
                batch = []
        yield tuple(batch)

    def _document(self, key: str) -> dict[str, Any] | None:
        content = self._store.read(key)
        if content is None:
            return None
        try:
            return fields.parse(content)
        except ValueError as error:
            raise StorageFailed(f"storage {self.name}: {key} is damaged: {error}") from error


class Attempt:
    """The AttemptFolder port."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    def staging(self) -> Path:
        return self._store.staging(self._prefix)

    def put(self, path: Path, name: str) -> StoredFile:
        file = measure(path, name)
        self._store.take(path, self._prefix + name)
        return file


    def remember(self, name: str, document: dict[str, Any]) -> dict[str, Any]:
        key = self._prefix + name
        self._store.create(key, _dump(document))
        try:
            return fields.parse(self._store.read(key) or b"{}")
        except ValueError as error:
            raise StorageFailed(f"storage {self._store.name}: {key} is damaged: {error}") from error

    def location(self) -> ObjectLocation:
        return self._store.location(self._prefix)

    def entries(self, prefix: str) -> Iterator[Entry]:
        return _below(self._store, self._prefix, prefix)

    def read(self, name: str) -> bytes | None:
        return self._store.read(self._prefix + name)

    def remove(self, names: tuple[str, ...]) -> None:
        strays = [name for name in names if name == naming.OWNER or {"", ".", ".."} & {*name.split("/")}]
        if strays:
            raise StorageFailed(
                f"storage {self._store.name}: {strays[0]!r} is no file of {self._prefix}; nothing was removed"
            )
        keys = tuple(self._prefix + name for name in sorted(names))
        for at in range(0, len(keys), BATCH):
            self._store.delete(keys[at : at + BATCH])


def _below(store: ObjectStore, attempt: str, prefix: str) -> Iterator[Entry]:
    for entry in store.entries(attempt + prefix):
        yield entry._replace(key=entry.key.removeprefix(attempt))


class Reader:
    """The SetReader port."""

    def __init__(self, store: ObjectStore, place: TaskPlace) -> None:
        self._store = store
        self._place = place

    def fetch(self, attempt: int, file: StoredFile, folder: Path) -> Path:
        key = self._place.attempt(attempt) + file.name
        path = self._store.fetch(key, folder)
        if measure(path, file.name) != file:
            raise StorageFailed(
                f"storage {self._store.name}: {key} is altered: its size or SHA-256 is not the manifest's; "
                f"this backup set cannot be trusted, restore another one"
            )
        return path


    def location(self, attempt: int) -> ObjectLocation:
        return self._store.location(self._place.attempt(attempt))

    def entries(self, attempt: int, prefix: str) -> Iterator[Entry]:
        return _below(self._store, self._place.attempt(attempt), prefix)


def measure(path: Path, name: str) -> StoredFile:
    """Size and digest of a local file."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return StoredFile(name, file.tell(), digest)
    except OSError as error:
        raise StorageFailed(f"cannot read {path}: {error.strerror}") from error


def _is_owner(key: str) -> bool:
    return key.endswith(f"/{naming.OWNER}")


def _dump(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2, sort_keys=True).encode() + b"\n"
