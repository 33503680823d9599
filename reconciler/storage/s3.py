"""Storage kind `s3`: a bucket of an S3-compatible object store, over boto3.

Uploads carry checksums that the store verifies, creation is conditional (`If-None-Match: *`), batch deletion reads
every key's own error, and the pace adapts to SlowDown. In a bucket with versions, all versions of a key go, since a
delete marker alone would keep the data; what an object lock retains comes back as such.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import shutil
import tempfile
import threading
import uuid
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ParamValidationError

from reconciler.core.ports import Entry, ObjectLocation
from reconciler.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from reconciler.core.model import S3Storage

Answer = TypeVar("Answer")
Credentials = tuple[str, str]

MEBIBYTE = 1024 * 1024
TRANSFER = TransferConfig(multipart_threshold=16 * MEBIBYTE, multipart_chunksize=16 * MEBIBYTE, max_concurrency=4)
CONFIG = Config(
    connect_timeout=10, read_timeout=60, retries={"mode": "adaptive", "max_attempts": 6}, max_pool_connections=16,
    s3={"addressing_style": "path"}, user_agent_extra="reconcile",
)  # fmt: skip
# Error codes of the S3 API (Amazon S3 API Reference, "Error responses").
ABSENT = frozenset({"NoSuchKey", "NoSuchVersion", "404", "NotFound"})
TAKEN = frozenset({"PreconditionFailed", "412"})
STALE = frozenset({
    "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidToken", "TokenRefreshRequired",
})  # fmt: skip
PASSING = frozenset({
    "SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "Throttling", "ThrottlingException",
    "RequestLimitExceeded", "BandwidthLimitExceeded", "OperationAborted", "ConditionalRequestConflict",
    "500", "502", "503", "504",
})  # fmt: skip


class S3Store:
    """An ObjectStore in a bucket, below the declared prefix.

    `credentials` reads the declared ones anew at each call; None leaves it to the usual AWS chain.
    """

    def __init__(
        self, declared: S3Storage, credentials: Callable[[], Credentials | None],
        connect: Callable[[S3Storage, Credentials | None], Any] | None = None,
    ) -> None:  # fmt: skip
        """`connect` makes the client of boto3's kind that is used instead of boto3's own."""
        self.name = declared.name
        self._declared = declared
        self._credentials = credentials
        self._connect = connect or _client
        self._root = f"{declared.prefix}/" if declared.prefix else ""
        self._lock = threading.Lock()
        self._client: Any = None
        self._versioned: bool | None = None

    def create(self, key: str, content: bytes) -> bool:
        try:
            self._call("create", key, lambda s3: s3.put_object(**self._at(key), Body=content, IfNoneMatch="*"))
        except _Refused as refusal:
            if refusal.code in TAKEN:
                return False
            raise
        return True

    def put(self, key: str, content: bytes) -> None:
        self._call("write", key, lambda s3: s3.put_object(**self._at(key), Body=content))

    def read(self, key: str) -> bytes | None:
        try:
            content = self._call("read", key, lambda s3: s3.get_object(**self._at(key))["Body"].read())
        except _Refused as refusal:
            if refusal.code in ABSENT:
                return None
            raise
        return bytes(content)

    def entries(self, prefix: str) -> Iterator[Entry]:
        """Page by page: memory does not grow with the number of objects."""
        for page in self._pages("list", "list_objects_v2", self._root + prefix):
            for item in page.get("Contents", ()):
                etag = item.get("ETag", "").strip('"') or None
                yield Entry(item["Key"].removeprefix(self._root), item["Size"], etag)

    def delete(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        """At most 1,000 keys at once. Raises StorageFailed where any key failed for another reason than a lock."""
        if not keys:
            return ()
        if not self._has_versions():
            return self._delete([{"Key": self._root + key} for key in keys])
        found = [*self._versions(keys)]
        retained: tuple[str, ...] = ()
        for at in range(0, len(found), 1000):
            retained += self._delete(found[at : at + 1000])
        return tuple(dict.fromkeys(retained))

    def take(self, path: Path, key: str) -> None:
        self._call("upload", key, lambda s3: s3.upload_file(
            str(path), self._declared.bucket, self._root + key, Config=TRANSFER,
            ExtraArgs={"ChecksumAlgorithm": "CRC32"},
        ))  # fmt: skip
        path.unlink()

    def staging(self, prefix: str) -> Path:
        self.discard_staging(prefix)
        folder = self._staging(prefix)
        folder.mkdir(mode=0o700, parents=True)
        return folder

    def discard_staging(self, prefix: str) -> None:
        shutil.rmtree(self._staging(prefix), ignore_errors=True)

    def fetch(self, key: str, folder: Path) -> Path:
        path = folder / uuid.uuid4().hex
        try:
            self._call("download", key, lambda s3: s3.download_file(
                self._declared.bucket, self._root + key, str(path), Config=TRANSFER
            ))  # fmt: skip
        except _Refused as refusal:
            if refusal.code not in ABSENT:
                raise
            raise StorageFailed(f"{refusal}; the object is gone") from refusal
        return path

    def now(self) -> datetime | None:
        """The `Date` of an answer (RFC 9110, section 6.6.1)."""
        answer = self._call("look at", "", lambda s3: s3.head_bucket(Bucket=self._declared.bucket))
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        return parsedate_to_datetime(date) if date else None

    def location(self, prefix: str) -> ObjectLocation:
        declared = self._declared
        keys = None if declared.server_role else self._credentials()
        return ObjectLocation(
            declared.bucket, self._root + prefix, declared.region or "us-east-1", declared.endpoint,
            keys[0] if keys else None, keys[1] if keys else None, declared.server_role,
        )  # fmt: skip

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._declared.bucket, "Key": self._root + key}

    def _staging(self, prefix: str) -> Path:
        """In the folder for temporary files (TMPDIR), under a name that is this prefix's alone."""
        name = hashlib.sha256(f"{self._declared.bucket}/{self._root}{prefix}".encode()).hexdigest()
        return Path(tempfile.gettempdir()) / f"reconcile-{name[:24]}"

    def _has_versions(self) -> bool:
        if self._versioned is None:
            answer = self._call("look at", "", lambda s3: s3.get_bucket_versioning(Bucket=self._declared.bucket))
            self._versioned = answer.get("Status") in {"Enabled", "Suspended"}
        return self._versioned

    def _versions(self, keys: tuple[str, ...]) -> Iterator[dict[str, str]]:
        """Every version and delete marker of these keys."""
        wanted = {self._root + key for key in keys}
        for page in self._pages("list versions below", "list_object_versions", _common_folder(wanted)):
            for item in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                if item["Key"] in wanted:
                    yield {"Key": item["Key"], "VersionId": item["VersionId"]}

    def _pages(self, step: str, operation: str, prefix: str) -> Iterator[dict[str, Any]]:
        """The answers of an operation that gives its answer in pages, each asked for by itself.

        boto3's own iterator is at its end once a page has failed: asking it again would pass for a short listing.
        """
        where: dict[str, str] | None = {"Bucket": self._declared.bucket, "Prefix": prefix}
        while where is not None:
            page = self._call(step, prefix, functools.partial(_page, operation, where))
            yield page
            where = where | _next_page(page) if page.get("IsTruncated") else None

    def _delete(self, objects: list[dict[str, str]]) -> tuple[str, ...]:
        """What a lock retains. Every key's own error is read: the whole answers 200 whatever became of each."""
        if not objects:
            return ()
        answer = self._call("remove", objects[0]["Key"], lambda s3: s3.delete_objects(
            Bucket=self._declared.bucket, Delete={"Objects": objects, "Quiet": True}
        ))  # fmt: skip
        errors = [item for item in answer.get("Errors", ()) if item.get("Code") not in ABSENT]
        others = [item for item in errors if item.get("Code") != "AccessDenied" or not self._is_locked(item)]
        if others:
            first = others[0]
            raise StorageFailed(
                f"storage {self.name}: {len(others)} of {len(objects)} objects were not removed; the first, "
                f"{first.get('Key')}: {first.get('Code')} {first.get('Message', '')}".rstrip(),
                passing=all(item.get("Code") in PASSING for item in others),
            )
        return tuple(item["Key"].removeprefix(self._root) for item in errors)

    def _is_locked(self, error: dict[str, Any]) -> bool:
        """Whether a refusal is a lock's, and not a missing right."""
        where = {"Bucket": self._declared.bucket, "Key": error["Key"]}
        if error.get("VersionId"):
            where["VersionId"] = error["VersionId"]
        retention = self._look(lambda s3: s3.get_object_retention(**where))
        hold = self._look(lambda s3: s3.get_object_legal_hold(**where))
        return bool(retention.get("Retention")) or hold.get("LegalHold", {}).get("Status") == "ON"

    def _look(self, ask: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """The answer; nothing where the store refuses it for good, as it does where no lock was ever set."""
        try:
            return self._call("look at", "", ask)
        except _Refused as refusal:
            if refusal.passing:
                raise
            return {}

    def _call(self, step: str, key: str, ask: Callable[[Any], Answer]) -> Answer:
        """Asks the store; credentials that have run out are read anew, once."""
        try:
            return self._ask(step, key, ask)
        except _Refused as refusal:
            if refusal.code not in STALE:
                raise
        with self._lock:
            self._client = None
        return self._ask(step, key, ask)

    def _ask(self, step: str, key: str, ask: Callable[[Any], Answer]) -> Answer:
        place = f"storage {self.name}: cannot {step} s3://{self._declared.bucket}/{self._root}{key}"
        try:
            return ask(self._connected())
        except ClientError as error:
            raise _Refused(place, error) from error
        except (NoCredentialsError, ParamValidationError) as error:
            raise StorageFailed(f"{place}: {error}") from error
        except (BotoCoreError, boto3.exceptions.Boto3Error) as error:
            raise _of_transfer(place, error) from error

    def _connected(self) -> Any:
        """One client for all threads: using one is safe, making one is not (boto3 documentation, "Clients")."""
        with self._lock:
            if self._client is None:
                self._client = self._connect(self._declared, self._credentials())
            return self._client


def _page(operation: str, where: dict[str, str], s3: Any) -> dict[str, Any]:
    answer: dict[str, Any] = getattr(s3, operation)(**where)
    return answer


def _next_page(page: dict[str, Any]) -> dict[str, str]:
    """Where a listing goes on: of objects by a token, of versions by two markers."""
    if "NextContinuationToken" in page:
        return {"ContinuationToken": page["NextContinuationToken"]}
    return {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}


def _client(declared: S3Storage, keys: Credentials | None) -> Any:
    session = boto3.session.Session(
        aws_access_key_id=keys[0] if keys else None, aws_secret_access_key=keys[1] if keys else None,
    )  # fmt: skip
    return session.client(
        "s3", endpoint_url=declared.endpoint, region_name=declared.region or "us-east-1", config=CONFIG,
    )  # fmt: skip


class _Refused(StorageFailed):
    """The store's own refusal, with its code."""

    def __init__(self, place: str, error: ClientError) -> None:
        detail = error.response.get("Error", {})
        self.code = str(detail.get("Code", ""))
        super().__init__(f"{place}: {self.code} {detail.get('Message', '')}".rstrip(), passing=self.code in PASSING)


def _of_transfer(place: str, error: Exception) -> StorageFailed:
    """Transfers wrap a refusal of the store; what is left is the network, which may pass."""
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ClientError):
        return _Refused(place, cause)
    return StorageFailed(f"{place}: {error}", passing=True)


def _common_folder(keys: set[str]) -> str:
    """The longest prefix, ending with a slash, that all keys share."""
    parts = zip(min(keys).split("/")[:-1], max(keys).split("/")[:-1], strict=False)
    shared = itertools.takewhile(lambda pair: pair[0] == pair[1], parts)
    return "".join(f"{part}/" for part, _ in shared)
