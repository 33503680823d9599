"""Values of the model as documents and back, whole, with their kinds; digests that say the same for ever."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from core_values import SECOND, a_restore, at
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core import document, model, restore

text = st.text(max_size=8)
maybe = st.none() | text
texts = st.lists(text, max_size=3).map(tuple)
names = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,8}", fullmatch=True)
instants = st.integers(0, 315_537_897_599).map(lambda amount: datetime(1, 1, 1, tzinfo=UTC) + amount * SECOND)
numbers = st.integers(-(2**60), 2**60)

secret = st.builds(model.SecretReference, st.sampled_from(("env", "file")), text)
local = st.builds(model.LocalStorage, text, text)
role = st.builds(model.Role, text, maybe)
s3 = st.builds(model.S3Storage, text, text, text, maybe, maybe, st.none() | secret, st.none() | secret, st.none() | role)
folder = st.builds(model.Folder, text)
tls = st.builds(model.Tls, maybe)
server = st.builds(model.Server, texts, numbers, text, st.none() | secret, st.none() | tls)
periodic = st.builds(model.Periodic, st.booleans(), st.lists(st.integers(0, 6), max_size=7).map(tuple), text, text)
one_time = st.builds(model.OneTime, instants)
objects = st.builds(model.Objects, texts, texts, texts)
plan = st.builds(model.Plan, periodic | one_time, objects, numbers, maybe, numbers, numbers, numbers)
warehouse = st.builds(model.Warehouse, text, text, folder | server, maybe, st.none() | plan, maybe)
from_warehouse = st.builds(model.FromWarehouse, text, maybe, st.none() | instants)
from_storage = st.builds(model.FromStorage, text, text)
pairs = st.lists(st.tuples(text, text), max_size=3).map(tuple)
request = st.builds(
    model.Restore, text, from_warehouse | from_storage, text, maybe, st.none() | pairs, texts, st.none() | texts,
    st.none() | instants, st.booleans(),
)  # fmt: skip
hold = st.builds(model.Hold, text, text, st.none() | instants)
limits = st.builds(model.Limits, numbers, numbers)
desired = st.builds(
    model.Desired, text, st.dictionaries(names, local | s3, max_size=2), st.dictionaries(names, warehouse, max_size=2),
    st.dictionaries(names, request, max_size=2), st.dictionaries(names, hold, max_size=2), limits, text, maybe,
)  # fmt: skip

OF_EVERY_KIND = {
    "SecretReference": secret, "LocalStorage": local, "Role": role, "S3Storage": s3, "Folder": folder, "Tls": tls, "Server": server,
    "Periodic": periodic, "OneTime": one_time, "Objects": objects, "Plan": plan, "Warehouse": warehouse,
    "FromWarehouse": from_warehouse, "FromStorage": from_storage, "Restore": request, "Hold": hold, "Limits": limits,
    "Desired": desired,
}  # fmt: skip


def kinds(value: Any) -> Any:
    """A value with the name of each kind in it, since tuples of two kinds may compare equal."""
    if isinstance(value, dict):
        return {key: kinds(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return (type(value).__name__, *map(kinds, value))
    return (type(value).__name__, value)


def test_every_kind_of_the_model_is_tried():
    own = {name for name, kind in vars(model).items()
           if isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")}  # fmt: skip
    assert own == OF_EVERY_KIND.keys()


@pytest.mark.parametrize("kind", sorted(OF_EVERY_KIND))
@given(data=st.data())
@settings(max_examples=30)
def test_a_value_comes_back_whole_with_its_kinds(kind, data):
    """P2: what is taken over equals what is recorded, or each pass would take it over again."""
    value = data.draw(OF_EVERY_KIND[kind])

    assert kinds(document.load(document.dump(value))) == kinds(value)
    assert kinds(document.decode(document.encode(value))) == kinds(value)


@given(desired)
@settings(max_examples=50)
def test_a_document_is_plain_json_in_one_text(value):
    written = document.dump(value)
    assert document.dump(document.load(written)) == written
    assert json.loads(written) == document.encode(value)


@given(texts | st.none() | numbers | st.booleans() | instants)
def test_what_stands_beside_the_model_comes_back_as_well(value):
    assert kinds(document.load(document.dump(value))) == kinds(value)


def test_kinds_that_compare_equal_have_documents_that_do_not():
    one, other = model.LocalStorage("a", "b"), model.SecretReference("a", "b")
    assert one == other
    assert document.encode(one) != document.encode(other)
    assert document.digest(one) != document.digest(other)


def test_a_field_that_a_document_lacks_takes_its_default():
    assert document.load('{"$Hold":{"backup_set":"s","reason":"audit"}}') == model.Hold("s", "audit", None)


@pytest.mark.parametrize("written", [
    '{"$Hold":{"backup_set":"s","reason":"r","surprise":1}}', '{"$Unheard":{}}', '{"$instant":"yesterday"}', "{",
])  # fmt: skip
def test_what_no_release_has_written_is_an_error(written):
    with pytest.raises((TypeError, AttributeError, ValueError)):
        document.load(written)


@given(request)
def test_cancel_does_not_belong_to_the_content_of_a_request(entry):
    """R2."""
    assert restore.digest(entry._replace(cancel=True)) == restore.digest(entry._replace(cancel=False))


@given(request, request)
def test_two_requests_have_one_digest_only_if_they_ask_for_the_same(one, other):
    """R2."""
    same = kinds(one._replace(cancel=False)) == kinds(other._replace(cancel=False))
    assert (restore.digest(one) == restore.digest(other)) == same


@pytest.mark.parametrize("field", sorted(set(model.Restore._fields) - {"cancel"}))
def test_every_other_field_belongs_to_the_content_of_a_request(field):
    """R2."""
    changed = {
        "id": "r2", "source": model.FromWarehouse("shop", None, at("2026-11-20 00:00")), "warehouse": "elsewhere",
        "cluster": "etl", "databases": (("sales", "sales_restored"),), "external_catalogs": ("lake",),
        "replace": ("sales",), "valid_until": at("2026-11-29 00:00"),
        "catalog_secrets": (("lake", "password", model.SecretReference("env", "LAKE")),),
        "restore_properties": (("replication_num", "1"),), "timeout": 7_200, "accept_other_etags": True,
    }  # fmt: skip
    assert restore.digest(a_restore(**{field: changed[field]} if field != "id" else {"name": "r2"})) != restore.digest(
        a_restore()
    )


def test_a_digest_stays_what_it_was_in_earlier_releases():
    """R2: the digest of a claimed request is compared with that of an entry years later."""
    entry = model.Restore(
        id="2026-11-22-sales", source=model.FromWarehouse("analytics", None, datetime(2026, 11, 20, tzinfo=UTC)),
        warehouse="staging", cluster="etl", databases=(("sales", "sales_restored"),), external_catalogs=("lake",),
        replace=("sales_restored",), valid_until=datetime(2026, 11, 29, tzinfo=UTC),
    )  # fmt: skip
    assert document.dump(entry) == (
        '{"$Restore":{"cluster":"etl","databases":[["sales","sales_restored"]],'
        '"external_catalogs":["lake"],"id":"2026-11-22-sales","replace":["sales_restored"],'
        '"source":{"$FromWarehouse":{"before":{"$instant":"2026-11-20T00:00:00Z"},'
        '"warehouse":"analytics"}},"valid_until":{"$instant":"2026-11-29T00:00:00Z"},"warehouse":"staging"}}'
    )
    assert restore.digest(entry) == "sha256:57479d058bb641fa735091e25644de3581080d61d970ec18b43629c66b407b68"
