"""Reads everything that an object store holds of an installation, and takes only what is whole and ours (T2)."""

from collections.abc import Iterator
from typing import Any

from reconciler.core import claims, fields, naming
from reconciler.core import manifest as manifests
from reconciler.core.manifest import Manifest
from reconciler.core.naming import TaskPlace
from reconciler.core.ports import Entry, ObjectStore
from reconciler.core.rebuild import Claim, Inventory, Stray

FOREIGN = "no owner mark of this installation"


class Reading:
    """One look through a store; what cannot be taken becomes a stray with its reason."""

    def __init__(self, store: ObjectStore, installation: str) -> None:
        self._store = store
        self._installation = installation
        self._manifests: list[Manifest] = []
        self._attempts: list[tuple[TaskPlace, int]] = []
        self._claims: dict[str, str] = {}
        self._outcomes: set[str] = set()
        self._notes: dict[str, dict[str, Any]] = {}
        self._folders: dict[str, str] = {}  # attempt folders and one key in each
        self._owned: set[str] = set()
        self._strays: list[Stray] = []
        self._large: set[str] = set()

    def inventory(self) -> Inventory:
        for entry in self._store.entries(f"{self._installation}/"):
            self._sort(entry, entry.key.split("/")[1:])
        foreign = (Stray(key, FOREIGN) for folder, key in self._folders.items() if folder not in self._owned)
        return Inventory(
            self._store.name, tuple(self._manifests), tuple(self._attempts), tuple(self._read_claims()),
            self._notes, (*self._strays, *foreign),
        )

    def _sort(self, entry: Entry, parts: list[str]) -> None:
        """By the shape of the key: `<home>/<task>/<attempt>/…`, and our own names, which begin with a dot."""
        key = entry.key
        if entry.size > fields.LARGEST:
            self._large.add(key)
        match parts:
            case [".restores", restore, "claim.json"]:
                self._claims[restore] = key
            case [".restores", restore, "outcome.json"]:
                self._outcomes.add(restore)
            case [home, name] if name.startswith(".") and not home.startswith("."):
                self._take_note(key, name)
            case [name] | [".restores", name] if name.startswith("."):
                pass  # the ledger's mark, a probe
            case [_, task, naming.MANIFEST]:
                self._take_manifest(key, self._place(parts[0], task))
            case [home, task, attempt, *_] if len(parts) > 3:  # noqa: PLR2004
                self._take_data(key, self._place(home, task), attempt, is_owner=parts[3:] == [naming.OWNER])
            case _:
                self._strays.append(Stray(key, "not a key of a backup set"))

    def _place(self, home: str, task: str) -> TaskPlace:
        return TaskPlace(self._installation, home, task)

    def _take_manifest(self, key: str, place: TaskPlace) -> None:
        try:
            found = manifests.from_document(self._document(key))
        except ValueError as error:
            self._strays.append(Stray(key, f"damaged: {error}"))
            return
        if found.place == place and place.is_ours:
            self._manifests.append(found)
        else:
            self._strays.append(Stray(key, "it belongs to another set"))

    def _take_data(self, key: str, place: TaskPlace, attempt: str, *, is_owner: bool) -> None:
        folder = f"{place.prefix}{attempt}/"
        self._folders.setdefault(folder, key)
        number = naming.attempt_number(attempt)
        if is_owner and place.is_ours and number is not None and self._is_ours(key, place, number):
            self._owned.add(folder)
            self._attempts.append((place, number))

    def _is_ours(self, key: str, place: TaskPlace, number: int) -> bool:
        try:
            owner = self._document(key)
        except ValueError:
            return False
        known = (owner.get("installation"), owner.get("task"), owner.get("attempt"))
        return known == (self._installation, place.task_id, number)

    def _take_note(self, key: str, name: str) -> None:
        try:
            note = self._document(key)
            claims.prove_note(name, note)
        except ValueError as error:
            self._strays.append(Stray(key, f"damaged: {error}"))
        else:
            self._notes[key] = note

    def _read_claims(self) -> Iterator[Claim]:
        for restore, key in self._claims.items():
            try:
                content = self._document(key)
                claims.prove_claim(restore, content)
            except ValueError as error:
                self._strays.append(Stray(key, f"damaged, its id counts as used all the same: {error}"))
            else:
                yield Claim(restore, content, self._outcome(restore))

    def _outcome(self, restore: str) -> dict[str, Any] | None:
        if restore not in self._outcomes:
            return None
        key = naming.outcome_key(self._installation, restore)
        try:
            return claims.outcome(self._content(key))
        except ValueError as error:
            self._strays.append(Stray(key, f"damaged, so how its restore ended is unknown: {error}"))
            return None

    def _document(self, key: str) -> dict[str, Any]:
        """Raises ValueError where the object is no JSON object."""
        return fields.parse(self._content(key))

    def _content(self, key: str) -> bytes:
        if key in self._large:
            raise ValueError(f"larger than {fields.LARGEST:,} bytes")
        return self._store.read(key) or b""
