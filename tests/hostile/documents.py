"""Hostile documents in a storage: whatever stands there, it is refused or left alone, and never looks like a set (S1, T2).

`python tests/hostile/documents.py MUTANTS [FIRST SEED]` puts mutants of every kind of document in the place of a good
one, reads all of it as a rebuild would, and prints counts (`make verify-documents`). What a manifest must be is said
here a second time, as a JSON schema.
"""

import contextlib
import json
import random
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema

sys.path.insert(0, str(Path(__file__).parent))
from mutants import mutant

from reconciler.core import document, manifest, naming, rebuild, retention
from reconciler.core.manifest import Manifest, Snapshot, StoredCatalog, StoredFile
from reconciler.core.model import Desired, FromWarehouse, Limits, Restore
from reconciler.core.naming import TaskPlace
from reconciler.core.ports import Entry
from reconciler.errors import StorageFailed
from reconciler.storage.sets import SetStorage

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
PLACE = TaskPlace("acme", "shop", "shop-20261123T020000Z")
WANTED = Desired("acme", {}, {}, {}, {}, Limits(), "sha256:0")
GOOD = Manifest(
    PLACE, "doris", "3.0.3", "0.1.0", NOW, NOW, NOW, 1, "c" * 40, 7, 1,
    (Snapshot("sales", 1, StoredFile("00001/inventory.json", 10, "ab" * 32), 1_000, 3, 77),
     Snapshot("crm", 1, StoredFile("00002/inventory.json", 10, "ab" * 32), 2_000, 1, None)),
    ("sales.v (a view)",), (StoredCatalog("lake", "", {"type": "hms"}, ("secret_key",), "CREATE CATALOG lake"),),
)  # fmt: skip
WHOLE = {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}
INSTANT = {"type": "string", "pattern": "^[0-9]{4}-?(W?)[0-9]"}
FILE = {"type": "object", "required": ["name", "size", "sha256"], "properties": {
    "name": {"type": "string"}, "size": WHOLE, "sha256": {"type": "string"}}}  # fmt: skip
TEXTS = {"type": "array", "items": {"type": "string"}}
SCHEMA = {
    "type": "object",
    "required": ["format", "installation", "warehouse", "backup_set", "engine", "engine_version", "tool_version", "slot", "started_at",
                 "completed_at", "plan_revision", "config_revision", "retention_days", "keep_last", "snapshots", "skipped_objects",
                 "external_catalogs"],
    "properties": {
        "format": {"const": 1}, "installation": {"const": "acme"}, "warehouse": {"const": "shop"}, "backup_set": {"const": PLACE.task_id},
        "engine": {"type": "string"}, "engine_version": {"type": "string"}, "tool_version": {"type": "string"}, "slot": INSTANT,
        "started_at": INSTANT, "completed_at": INSTANT, "plan_revision": WHOLE, "config_revision": {"type": ["string", "null"]},
        "retention_days": WHOLE | {"maximum": 36_500}, "keep_last": WHOLE | {"maximum": 10_000}, "skipped_objects": TEXTS,
        "snapshots": {"type": "array", "items": {
            "type": "object", "required": ["database", "attempt", "inventory", "size_bytes", "tables", "rows"], "properties": {
                "database": {"type": "string"}, "attempt": WHOLE | {"minimum": 1}, "inventory": FILE, "size_bytes": WHOLE,
                "tables": WHOLE, "rows": {"anyOf": [{"type": "null"}, WHOLE]}}}},
        "external_catalogs": {"type": "array", "items": {
            "type": "object", "required": ["name", "comment", "properties", "secrets", "statement"], "properties": {
                "name": {"type": "string"}, "comment": {"type": "string"}, "secrets": TEXTS, "statement": {"type": "string"},
                "properties": {"type": "object", "additionalProperties": {"type": "string"}}}}},
    },
}  # fmt: skip
VALID = jsonschema.Draft7Validator(SCHEMA)
REQUEST = Restore("r-1", FromWarehouse("shop", "latest"), "other", databases=(("sales", "copy"),))


class Memory:
    """An object store in memory: what is under test is what is made of the bytes."""

    name = "memory"

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def create(self, *_):
        raise AssertionError("a look writes nothing")

    put = delete = take = create

    def read(self, key):
        return self.objects.get(key)

    def entries(self, prefix):
        return (Entry(key, len(content)) for key, content in list(self.objects.items()) if key.startswith(prefix))


def _dump(content: dict) -> bytes:
    return json.dumps(content, indent=1).encode()


OWNER = PLACE.attempt(1) + naming.OWNER
CLAIM, OUTCOME = naming.claim_key("acme", "r-1"), naming.outcome_key("acme", "r-1")
OBJECTS = {
    PLACE.manifest: _dump(manifest.to_document(GOOD)),
    OWNER: _dump({"format": 1, "installation": "acme", "task": PLACE.task_id, "attempt": 1, "ledger": "one"}),
    PLACE.attempt(1) + "00001/data": b"data",
    CLAIM: _dump({"ledger": "one", "claimed_at": "2026-11-23T03:00:00Z", "backup_set": PLACE.task_id,
                  "entry": document.encode(REQUEST)}),
    OUTCOME: _dump({"state": "succeeded", "ended_at": "2026-11-23T03:10:00Z", "reason": None}),
    naming.retention_key("acme", "shop"): _dump({"noted_at": "2026-11-24T03:00:00Z", "retention_days": 9, "keep_last": 2}),
    naming.renamed_key("acme", "shop"): _dump({"noted_at": "2026-11-24T03:00:00Z", "to": "store"}),
    naming.mark_key("acme"): _dump({"format": 1, "ledger": "one", "marked_at": "2026-11-23T03:00:00Z"}),
}  # fmt: skip


def judge(key: str, content: bytes) -> str:
    """Everything that reads documents, with one of them in other hands. What is taken must be as it was or valid."""
    storage = SetStorage(Memory(OBJECTS | {key: content}))
    found = storage.inventory("acme")
    adopted = rebuild.adoption(found, WANTED, NOW + timedelta(days=2))
    retention.verdicts(adopted.sets, (), (), frozenset(), NOW)
    for row in (*adopted.sets, *adopted.tasks, *adopted.attempts, *adopted.restores):
        _storable(row)
    for read in (lambda: storage.read_manifest(PLACE), lambda: storage.find_claim("acme", "r-1"),
                 lambda: storage.find_outcome("acme", "r-1"), lambda: storage.mark("acme")):  # fmt: skip
        with contextlib.suppress(StorageFailed):
            read()
    if key == PLACE.manifest:
        return _judge_manifest(content, found)
    assert found.manifests == (GOOD,)
    if key == OWNER:
        assert found.attempts in ((), ((PLACE, 1),))
        return "taken" if found.attempts else "left alone"
    if key == CLAIM:
        assert all(claim.content["entry"]["$Restore"]["id"] is not None for claim in found.claims)
        return "taken" if found.claims else "left alone"
    return "left alone" if found.strays else "taken"


def _judge_manifest(content: bytes, found: rebuild.Inventory) -> str:
    if not found.manifests:
        assert [stray.key for stray in found.strays] == [PLACE.manifest]
        return "left alone"
    VALID.validate(json.loads(content))
    assert found.manifests[0].place == PLACE
    return "taken"


def _storable(row) -> None:
    """As SQLite and a status file have it: whole numbers of 64 bits, text that is text."""
    for value in row:
        assert not isinstance(value, int) or -(2**63) <= value < 2**63, row
        if isinstance(value, str):
            value.encode()
        if type(value) is Restore:
            document.dump(value).encode()


def lives(first: int, count: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    for seed in range(first, first + count):
        chance = random.Random(seed)
        key = chance.choice(sorted(OBJECTS))
        content = mutant(OBJECTS[key], chance)
        if content != OBJECTS[key]:
            try:
                counts[f"{judge(key, content)}: {key.rpartition('/')[2]}"] += 1
            except Exception as error:
                raise AssertionError(f"seed {seed}: {key}: {content!r}") from error
    return counts


def main(count: int, first: int = 0) -> None:
    print("\n".join(f"{number:10,} {name}" for name, number in sorted(lives(first, count).items())))
    print("crashes 0, and nothing taken for a manifest that its schema does not allow")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
