"""S1, T2 and GR9: documents of a storage in other hands. Any number: `make verify-documents`."""

import json

import documents
import pytest
from documents import GOOD, OBJECTS, PLACE, Memory, judge

from reconciler.core import manifest
from reconciler.core.rebuild import Stray
from reconciler.storage.sets import SetStorage


def test_three_thousand_mutants_of_every_document_end_no_look_and_make_no_set():
    counts = documents.lives(0, 3_000)

    kinds = {key.rpartition("/")[2] for key in OBJECTS} - {"data", ".ledger.json"}  # which a look does not read
    assert {kind for kind in kinds if counts[f"left alone: {kind}"] < 100} == set()
    assert counts["taken: manifest.json"] > 0


def altered(**changes: object) -> bytes:
    return json.dumps(manifest.to_document(GOOD) | changes).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"null", b"[]", b'"manifest"', b"[" * 100_000, b'{"format": 1, "x": ' + b"[" * 5_000, b"\xff\xfe{}", b'{"format": NaN}',
        altered(retention_days=10**12), altered(retention_days=True), altered(retention_days="7"), altered(keep_last=-1),
        altered(plan_revision=1e300), altered(slot="0001-01-01T00:00:00+23:59"), altered(engine=5), altered(engine="\ud800"),
        altered(snapshots={}), altered(snapshots=[5]), altered(skipped_objects="abc"), altered(warehouse="other"),
        altered(snapshots=[item | {"size_bytes": 2**62} for item in manifest.to_document(GOOD)["snapshots"] * 2]),
        altered(external_catalogs=[{"name": "lake"}]), b" " * (16 * 1024 * 1024 + 1),
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_left_alone(content):
    """S1: each once ended a pass, or looked like a set whose numbers no ledger and no calendar takes."""
    assert judge(PLACE.manifest, content) == "left alone"


@pytest.mark.parametrize("attempt", ["\u00b2", "01", "-1", "1 ", "99999999999999999999"])
def test_an_attempt_is_ours_only_with_a_number_as_we_write_it(attempt):
    """S3: `\u00b2` is a digit to some, and 01 would name another folder than the one that is removed."""
    owner = json.dumps({"installation": "acme", "task": PLACE.task_id, "attempt": 1}).encode()
    key = f"{PLACE.prefix}{attempt}/owner.json"

    assert SetStorage(Memory({key: owner})).inventory("acme").strays == (Stray(key, "no owner mark of this installation"),)


@pytest.mark.parametrize("home", ["SHOP", "sh\x1b[2Jop", "sh\u202eop", "a" * 64])
def test_a_home_that_no_file_of_plans_could_name_is_not_ours(home):
    made = GOOD._replace(place=PLACE._replace(home=home, task_id=f"{home}-20261123T020000Z"))
    key = made.place.manifest

    found = SetStorage(Memory({key: json.dumps(manifest.to_document(made)).encode()})).inventory("acme")

    assert (found.manifests, found.strays) == ((), (Stray(key, "it belongs to another set"),))


def test_a_claim_with_a_damaged_outcome_still_uses_up_its_id():
    """R1: how the restore ended is then unknown, and it is not run again."""
    storage = SetStorage(Memory(OBJECTS | {documents.OUTCOME: b'{"state": "pending"}'}))

    assert [(claim.restore, claim.outcome) for claim in storage.inventory("acme").claims] == [("r-1", None)]
    assert storage.find_outcome("acme", "r-1") == {
        "state": "unknown", "reason": "acme/.restores/r-1/outcome.json is damaged: 'pending' is no end of a restore",
    }  # fmt: skip
