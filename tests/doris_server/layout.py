"""A repository's objects in S3, in the servers' own layout."""

import hashlib
import json
import re
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .errors import Refused

NAMES = {  # the canonical names first
    "endpoint": ("s3.endpoint", "AWS_ENDPOINT", "endpoint", "aws.endpoint"),
    "region": ("s3.region", "AWS_REGION", "region", "aws.region"),
    "key": ("s3.access_key", "AWS_ACCESS_KEY", "access_key", "s3.access-key-id"),
    "secret": ("s3.secret_key", "AWS_SECRET_KEY", "secret_key", "s3.secret-access-key"),
    "token": ("s3.session_token", "session_token"),
    "path_style": ("use_path_style", "s3.path-style-access"),
    "role": ("s3.role_arn", "AWS_ROLE_ARN"),
    "external_id": ("s3.external_id", "AWS_EXTERNAL_ID"),
}
ROLES: dict[tuple[str, str], tuple[str, str]] = {}  # of role and external id, the keys that it gets to: a test's own
STARROCKS_NAMES = {
    "endpoint": ("aws.s3.endpoint",),
    "region": ("aws.s3.region",),
    "key": ("aws.s3.access_key",),
    "secret": ("aws.s3.secret_key",),
    "token": ("aws.s3.session_token",),
    "path_style": ("aws.s3.enable_path_style_access",),
    "role": ("aws.s3.iam_role_arn",),
    "external_id": ("aws.s3.external_id",),
}
INFO = re.compile(r"__info_(.+)\.([0-9a-f]{32})$")


class StorageError(Exception):
    """S3 said no."""


class Repository:
    def __init__(self, id_: int, name: str, location: str, properties: dict[str, str], read_only: bool,
                 created: datetime, prefix: str, faults: Any) -> None:  # fmt: skip
        self.id, self.name, self.location, self.properties = id_, name, location, properties
        self.read_only, self.created, self.faults, self.error = read_only, created, faults, ""
        self._top = prefix + name
        self.starrocks = prefix.startswith("__starrocks")
        self.connect()

    def connect(self) -> None:
        """Takes the credentials of the properties; they may have been altered."""
        match = re.match(r"s3[an]?://([^/]+)/?(.*)$", self.location)
        if not match:
            raise Refused(f"Failed to create repository: Invalid location: {self.location}")
        self.bucket, below = match[1], match[2].strip("/")
        self.root = f"{below}/{self._top}" if below else self._top
        self.client = _client(self.properties, STARROCKS_NAMES if self.starrocks else NAMES)

    def key(self, *parts: str) -> str:
        return "/".join((self.root, *parts))

    def put(self, content: bytes, *parts: str, suffix: str | None = None) -> str:
        """Writes an object whose name ends in the content's MD5, and gives that last part of its name."""
        name = f"{parts[-1]}.{suffix or md5(content)}"
        self._asked(self.client.put_object, Key=self.key(*parts[:-1], name), Body=content)
        return name

    def get(self, *parts: str) -> bytes:
        return self._asked(self.client.get_object, Key=self.key(*parts))["Body"].read()

    def names(self, *parts: str) -> list[str]:
        """Every object below, as the rest of its key."""
        below, found, token = self.key(*parts) + "/", [], {}
        while True:
            answer = self._asked(self.client.list_objects_v2, Prefix=below, **token)
            found += [each["Key"].removeprefix(below) for each in answer.get("Contents", ())]
            if not answer.get("IsTruncated"):
                return found
            token = {"ContinuationToken": answer["NextContinuationToken"]}

    def labels(self) -> list[str]:
        """Every label that has an object below it, be it the leftover of a failed backup."""
        return sorted(
            {name.split("/")[0].removeprefix("__ss_") for name in self.names() if name.startswith("__ss_")}
        )

    def timestamps(self, label: str) -> list[str]:
        """Those of the __info objects with a suffix of 32 digits; others as `Invalid: <file>`."""
        files = [name for name in self.names(f"__ss_{label}") if name.startswith("__info")]
        found = [(INFO.match(name), name) for name in files]
        return [match[1] if match else f"Invalid: {name}" for match, name in found]

    def info(self, label: str, timestamp: str) -> dict[str, Any]:
        """The one __info of a timestamp, checked against its MD5."""
        return json.loads(self._one(label, f"__info_{timestamp}"))

    def meta(self, label: str) -> bytes:
        return self._one(label, "__meta")

    def _one(self, label: str, start: str) -> bytes:
        found = [name for name in self.names(f"__ss_{label}") if "/" not in name and name.startswith(start)]
        if len(found) != 1:
            raise StorageError(
                f"Expected one file with path: {self.key(f'__ss_{label}', start)}*, get: {len(found)}"
            )
        content = self.get(f"__ss_{label}", found[0])
        if not found[0].endswith(md5(content)):
            raise StorageError(
                f"md5sum mismatch. expected: {found[0].rsplit('.', 1)[-1]}, actual md5: {md5(content)}"
            )
        return content

    def take_over(self, zone_text: str) -> None:
        """Writes __repo_info, or reads the one that is there."""
        if "__repo_info" in self.names():
            name = json.loads(self.get("__repo_info"))["name"]
            if name != self.name:
                raise StorageError(
                    f"Invalid repository __repo_info, expected repo '{self.name}', but get name '{name}' from __repo_info"
                )
            return
        if not self.read_only:
            body = json.dumps({"name": self.name, "create_time": zone_text}, separators=(",", ":")).encode()
            self._asked(self.client.put_object, Key=self.key("__repo_info"), Body=body)

    def ping(self) -> None:
        self._asked(self.client.head_bucket)

    def _asked(self, call: Any, **arguments: Any) -> Any:
        if self.faults.s3:
            raise StorageError(self.faults.s3)
        try:
            return call(Bucket=self.bucket, **arguments)
        except ClientError as error:
            said = error.response["Error"]
            status = error.response["ResponseMetadata"].get("HTTPStatusCode")
            raise StorageError(
                f"{said.get('Message')} (Service: S3, Status Code: {status}, {said.get('Code')})"
            ) from error
        except BotoCoreError as error:
            raise StorageError(f"Unable to execute HTTP request: {error}") from error


def _client(properties: dict[str, str], names: dict[str, tuple[str, ...]]) -> Any:
    known = {
        key: next((properties[name] for name in spelled if name in properties), "")
        for key, spelled in names.items()
    }
    if known["endpoint"] and not known["region"]:
        raise Refused("Failed to create repository: Region is not set. Please explicitly set the region.")
    endpoint = known["endpoint"]
    endpoint = endpoint if "://" in endpoint or not endpoint else f"https://{endpoint}"
    path_style = known["path_style"].lower() == "true" or "aws.s3.endpoint" in properties
    if (
        re.search(r"//[\d.]+(:|/|$)", endpoint) and not path_style
    ):  # the bucket would be a part of the host's name
        raise Refused(
            f"Failed to create repository: Unable to execute HTTP request: bucket.{endpoint.split('//')[1]}: Name or service not known"
        )
    keys = ROLES.get((known["role"], known["external_id"]), ("none", "none")) if known["role"] else (known["key"], known["secret"])
    return boto3.client(
        "s3", endpoint_url=endpoint or None, region_name=known["region"] or "us-east-1", aws_access_key_id=keys[0] or "none",
        aws_secret_access_key=keys[1] or "none", aws_session_token=known["token"] or None,
        config=Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=20, s3={"addressing_style": "path" if path_style else "auto"}),
    )  # fmt: skip


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()
