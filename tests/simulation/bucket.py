"""A simulated S3 service, spoken to as boto3 speaks: conditional creation, versions, object lock, per-key errors.

The real `S3Store` works on a `Client`, which belongs to one process and fails as networks and stores do. Servers of
warehouses write to the `Bucket` themselves.
"""

import io
import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from botocore.exceptions import ClientError, ReadTimeoutError

PAGE = 10  # keys of a page; the real one's are 1,000


class Version(NamedTuple):
    id: str
    content: bytes | None  # None: a delete marker
    locked_until: datetime | None


class Bucket:
    """`watch` is told of every object that comes, changes or goes, before it does."""

    def __init__(self, name: str, now: Callable[[], datetime], lock: timedelta | None) -> None:
        self.name, self._now, self._lock = name, now, lock
        self.watch: Any = None
        self._objects: dict[str, list[Version]] = {}
        self._numbers = itertools.count(1)

    @property
    def versioned(self) -> bool:
        return self._lock is not None

    def get(self, key: str) -> bytes | None:
        versions = self._objects.get(key)
        return versions[-1].content if versions else None

    def keys(self, prefix: str = "") -> list[str]:
        return sorted(key for key in self._objects if key.startswith(prefix) and self.get(key) is not None)

    def versions(self, prefix: str) -> Iterator[tuple[str, Version]]:
        for key in sorted(self._objects):
            if key.startswith(prefix):
                yield from ((key, version) for version in self._objects[key])

    def put(self, key: str, content: bytes, by: Any) -> None:
        self.watch.coming(self, key, content, by)
        until = self._now() + self._lock if self._lock else None
        version = Version(str(next(self._numbers)), content, until)
        self._objects[key] = [*self._objects.get(key, ()), version] if self.versioned else [version]

    def remove(self, key: str, version: str | None, by: Any) -> bool:
        """False where a lock retains it."""
        kept = self._objects.get(key, [])
        gone = [item for item in kept if version in (None, item.id)]
        if not gone:
            return True
        if any(item.locked_until and item.locked_until > self._now() for item in gone):
            self.watch.refusing(key)
            return False
        self.watch.going(self, key, by)
        self._objects[key] = [item for item in kept if item not in gone]
        if not self._objects[key]:
            del self._objects[key]
        return True


class Client:
    """What boto3's client offers, as far as S3Store asks for it."""

    def __init__(self, buckets: dict[str, Bucket], process: Any) -> None:
        self._buckets, self._process, self._chance = buckets, process, process.life.chance

    def put_object(self, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str | None = None) -> None:
        def write() -> None:
            if IfNoneMatch and self._buckets[Bucket].get(Key) is not None:
                raise _refusal("PreconditionFailed")
            self._buckets[Bucket].put(Key, Body, self._process)

        self._request(write)

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self._request(lambda: self._content(Bucket, Key)))}

    def upload_file(self, path: str, bucket: str, key: str, **_: Any) -> None:
        content = Path(path).read_bytes()
        self._request(lambda: self._buckets[bucket].put(key, content, self._process))

    def download_file(self, bucket: str, key: str, path: str, **_: Any) -> None:
        Path(path).write_bytes(self._request(lambda: self._content(bucket, key)))

    def head_bucket(self, Bucket: str) -> dict[str, Any]:
        date = self._process.life.hub.now.strftime("%a, %d %b %Y %H:%M:%S GMT")
        return self._request(lambda: {"ResponseMetadata": {"HTTPHeaders": {"date": date}}})

    def get_bucket_versioning(self, Bucket: str) -> dict[str, Any]:
        return self._request(lambda: {"Status": "Enabled"} if self._buckets[Bucket].versioned else {})

    def get_object_retention(self, Bucket: str, Key: str, VersionId: str | None = None) -> dict[str, Any]:
        found = [item for key, item in self._buckets[Bucket].versions(Key) if key == Key and item.id == VersionId]
        if not found or found[0].locked_until is None:
            raise _refusal("NoSuchObjectLockConfiguration")
        return self._request(lambda: {"Retention": {"Mode": "COMPLIANCE", "RetainUntilDate": found[0].locked_until}})

    def get_object_legal_hold(self, **_: Any) -> dict[str, Any]:
        raise _refusal("NoSuchObjectLockConfiguration")

    def delete_objects(self, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:
        return self._request(lambda: {"Errors": [*self._remove_each(Bucket, Delete["Objects"])]})

    def list_objects_v2(self, Bucket: str, Prefix: str, ContinuationToken: str = "") -> dict[str, Any]:
        def page() -> dict[str, Any]:
            bucket = self._buckets[Bucket]
            found = [key for key in bucket.keys(Prefix) if key > ContinuationToken]
            told = {"Contents": [{"Key": key, "Size": len(bucket.get(key) or b"")} for key in found[:PAGE]]}
            return told | ({"IsTruncated": True, "NextContinuationToken": found[PAGE - 1]} if found[PAGE:] else {})

        return self._request(page)

    def list_object_versions(
        self, Bucket: str, Prefix: str, KeyMarker: str = "", VersionIdMarker: str = "0"
    ) -> dict[str, Any]:
        def page() -> dict[str, Any]:
            found = [(key, item.id) for key, item in self._buckets[Bucket].versions(Prefix)
                     if (key, int(item.id)) > (KeyMarker, int(VersionIdMarker))]  # fmt: skip
            told = {"Versions": [{"Key": key, "VersionId": number} for key, number in found[:PAGE]]}
            key, number = found[PAGE - 1] if found[PAGE:] else ("", "")
            return told | ({"IsTruncated": True, "NextKeyMarker": key, "NextVersionIdMarker": number} if key else {})

        return self._request(page)

    def _content(self, bucket: str, key: str) -> bytes:
        content = self._buckets[bucket].get(key)
        if content is None:
            raise _refusal("NoSuchKey")
        return content

    def _remove_each(self, bucket: str, objects: list[dict[str, str]]) -> Iterator[dict[str, str]]:
        for item in objects:
            key, version = item["Key"], item.get("VersionId")
            if self._chance.strikes("storage refuses a key"):
                yield {"Key": key, "Code": "InternalError", "Message": "We encountered an internal error."}
            elif not self._buckets[bucket].remove(key, version, self._process):
                yield {"Key": key, "Code": "AccessDenied", "Message": "locked", "VersionId": version or ""}

    def _request(self, effect: Callable[[], Any]) -> Any:
        chance, process = self._chance, self._process
        process.touch("kill before a storage request")
        if chance.strikes("storage slow"):
            process.clock.pause(chance.random.uniform(1, 90))
        elif chance.random.random() < 0.2:
            process.clock.pause(chance.random.uniform(0, 0.3))
        if chance.strikes("storage hangs"):
            process.clock.pause(360.0)  # six tries of a minute
            raise ReadTimeoutError(endpoint_url="s3")
        if chance.strikes("storage error before"):
            raise _refusal(chance.random.choice(("InternalError", "503", "RequestTimeout")))
        if chance.strikes("storage throttled"):
            raise _refusal("SlowDown")
        if chance.strikes("credentials expired"):
            raise _refusal("ExpiredToken")
        process.touch(None)
        answer = effect()
        process.touch("kill after a storage request")
        if chance.strikes("storage error after"):
            raise ReadTimeoutError(endpoint_url="s3")
        return effect() if chance.strikes("storage request repeated") else answer


def _refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "simulated"}}, "simulated")
