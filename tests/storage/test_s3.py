"""What is special about S3: rights, locks, versions, batches whose keys fail one by one. Against a real SeaweedFS."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
import seaweed
from botocore.awsrequest import AWSResponse

from reconciler.core.model import S3Storage
from reconciler.core.naming import TaskPlace
from reconciler.errors import StorageFailed
from reconciler.storage.s3 import S3Store
from reconciler.storage.sets import SetStorage


@pytest.fixture
def client(s3_server):
    return seaweed.client(s3_server)


@pytest.fixture
def bucket(client, s3_server):
    """Makes a bucket of its own, with a store in it; buckets go at the end."""
    made = []

    def make(**options):
        name = f"b-{uuid.uuid4().hex[:12]}"
        client.create_bucket(Bucket=name, **options)
        made.append(name)
        declared = S3Storage("bucket", name, "p", None, s3_server.endpoint)
        return name, S3Store(declared, lambda: (seaweed.ACCESS_KEY, seaweed.SECRET_KEY))

    return make


def test_a_wrong_secret_is_refused_at_once_and_never_shown(s3_server, s3_store):
    """D6: will not pass. Security: no secret in any message."""
    declared = S3Storage("bucket", seaweed.BUCKET, "p", None, s3_server.endpoint)
    store = S3Store(declared, lambda: (seaweed.ACCESS_KEY, "hunter2-wrong"))

    with pytest.raises(StorageFailed, match=r"cannot write s3://backups/p/k: SignatureDoesNotMatch") as raised:
        store.put("k", b"x")

    assert raised.value.passing is False
    assert "hunter2" not in str(raised.value)


def test_a_missing_bucket_is_named(s3_store):
    with pytest.raises(StorageFailed, match=r"s3://nowhere-at-all/.*NoSuchBucket") as raised:
        s3_store(bucket="nowhere-at-all").put("k", b"x")
    assert raised.value.passing is False


def test_a_store_that_does_not_answer_may_come_back():
    """D6."""
    store = S3Store(S3Storage("bucket", "b", "", None, "http://127.0.0.1:9"), lambda: ("a", "b"))

    with pytest.raises(StorageFailed, match="cannot read") as raised:
        store.read("k")
    assert raised.value.passing is True


def test_credentials_that_ran_out_are_read_anew(s3_server, s3_store):
    """A rotated secret is found without a restart."""
    handed = [("gone-key", "gone"), (seaweed.ACCESS_KEY, seaweed.SECRET_KEY)]
    declared = S3Storage("bucket", seaweed.BUCKET, uuid.uuid4().hex, None, s3_server.endpoint)
    store = S3Store(declared, lambda: handed.pop(0))

    assert store.create("k", b"x") is True
    assert handed == []


def test_a_listing_goes_on_over_many_pages(s3_store, client):
    store = s3_store()
    for number in range(1, 1206):
        client.put_object(Bucket=seaweed.BUCKET, Key=f"{store._root}many/{number:05}", Body=b"x")

    assert sum(1 for _ in store.entries("many/")) == 1205


def test_a_large_file_goes_up_in_parts_and_comes_back_whole(s3_store, tmp_path):
    store = s3_store()
    content = bytes(range(256)) * 4096 * 40  # 40 MiB: three parts
    path = store.staging("t/1/") / "big"
    path.write_bytes(content)

    store.take(path, "t/1/big")
    back = store.fetch("t/1/big", tmp_path)

    assert back.read_bytes() == content
    assert not path.exists()
    store.discard_staging("t/1/")


@pytest.mark.parametrize(("code", "passing"), [("AccessDenied", False), ("SlowDown", True), ("InternalError", True)])
def test_each_key_of_a_batch_that_is_not_removed_is_an_error(s3_store, code, passing):
    """A batch answers 200 whatever became of each key. The answer is canned: SeaweedFS gives no such error."""
    store = s3_store()
    body = (
        f"<DeleteResult><Deleted><Key>a/1</Key></Deleted><Error><Key>a/2</Key><Code>{code}</Code>"
        f"<Message>words</Message></Error><Error><Key>a/3</Key><Code>NoSuchKey</Code></Error></DeleteResult>"
    )
    answer = AWSResponse("http://x", 200, {"Content-Type": "application/xml"}, None)
    answer._content = body.encode()
    store._connected().meta.events.register("before-send.s3.DeleteObjects", lambda **_: answer)

    with pytest.raises(StorageFailed, match=f"1 of 3 objects were not removed; the first, a/2: {code} words") as raised:
        store.delete(("a/1", "a/2", "a/3"))

    assert raised.value.passing is passing


def test_whether_a_lock_retains_a_key_is_not_guessed_where_the_store_does_not_say(s3_store):
    """S4: a refusal of the look is no answer to it. The answers are canned: SeaweedFS gives no such error."""
    store = s3_store()
    denied = "<DeleteResult><Error><Key>a/1</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>"
    for operation, code, body in (
        ("DeleteObjects", 200, denied), ("GetObjectRetention", 409, "<Error><Code>OperationAborted</Code></Error>"),
    ):  # fmt: skip
        answer = AWSResponse("http://x", code, {"Content-Type": "application/xml"}, None)
        answer._content = body.encode()
        store._connected().meta.events.register(f"before-send.s3.{operation}", lambda answer=answer, **_: answer)

    with pytest.raises(StorageFailed, match="OperationAborted") as raised:
        store.delete(("a/1",))

    assert raised.value.passing is True


def test_every_version_goes_where_a_bucket_keeps_versions(bucket, client):
    """A delete marker alone would keep the data, and the bill."""
    name, store = bucket()
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for content in (b"one", b"two"):
        store.put("a/1", content)
        store.put("a/10", content)

    assert store.delete(("a/1",)) == ()

    left = client.list_object_versions(Bucket=name)
    assert {item["Key"] for item in left.get("Versions", [])} == {"p/a/10"}
    assert left.get("DeleteMarkers", []) == []


def test_what_an_object_lock_retains_comes_back_as_retained(bucket, client):
    """S4: a state of its own, not an error loop."""
    name, store = bucket(ObjectLockEnabledForBucket=True)
    store.put("a/free", b"x")
    store.put("a/held", b"x")
    client.put_object_retention(Bucket=name, Key="p/a/held", Retention={
        "Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(minutes=5)})  # fmt: skip

    assert store.delete(("a/free", "a/held")) == ("a/held",)
    assert [entry.key for entry in store.entries("a/")] == ["a/held"]


def test_a_locked_set_keeps_its_manifest(bucket, client):
    """S4: never a set that is half gone because of a lock that was there from the start."""
    name, store = bucket(ObjectLockEnabledForBucket=True)
    storage = SetStorage(store)
    place = TaskPlace("acme", "shop", "shop-20261123T020000Z")
    storage.open_attempt(place, 1, "one")
    store.put(place.manifest, b"{}")
    client.put_object_legal_hold(Bucket=name, Key=f"p/{place.manifest}", LegalHold={"Status": "ON"})

    assert storage.remove_set(place).retained == (place.manifest,)
    assert len(list(store.entries(place.prefix))) == 2


def test_a_store_that_overwrites_what_exists_is_refused_for_restores(s3_store):
    """R1: the probe of conditional create. Such stores exist; this one only plays it."""

    class Overwriting(S3Store):
        def create(self, key, content):
            self.put(key, content)
            return True

    good = s3_store()
    storage = SetStorage(Overwriting(good._declared, good._credentials))

    with pytest.raises(StorageFailed, match="ignores If-None-Match"):
        storage.claim("acme", "r-1", {})
    assert storage.find_claim("acme", "r-1") is None
    assert list(good.entries("acme/")) == []
