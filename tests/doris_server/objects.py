"""Objects in S3 as exports and loads see them: by properties of the statement."""

import re
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from . import layout, processes
from .errors import Refused


class Place:
    """A bucket, with the statement's keys."""

    def __init__(self, session: Any, properties: dict[str, str], url: str) -> None:
        found = re.fullmatch(r"s3[an]?://([^/]+)/(.*)", url)
        if found is None:
            raise Refused(f"Invalid S3 uri: {url}", 1105)
        self.bucket, self.key = found[1], re.sub(r"/{2,}", "/", found[2])
        self._session, self._faults = session, session.warehouse.faults
        names = layout.STARROCKS_NAMES if session.warehouse.dialect.starrocks else layout.NAMES
        self._client = layout._client(properties, names)

    def put(self, key: str, content: bytes) -> None:
        self._asked(self._client.put_object, Key=key, Body=content)

    def get(self, key: str, path: Path) -> None:
        """Into a file."""
        with path.open("wb") as file:
            self._asked(self._client.download_fileobj, Key=key, Fileobj=file)

    def matching(self) -> list[str]:
        """Keys of the pattern, in order. No match is no error (#25280)."""
        pattern, fixed = expression(self.key)
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            answer = self._asked(self._client.list_objects_v2, Prefix=fixed, **token)
            found += [each["Key"] for each in answer.get("Contents", ()) if pattern.fullmatch(each["Key"])]
            if not answer.get("IsTruncated"):
                return sorted(found)
            token = {"ContinuationToken": answer["NextContinuationToken"]}

    def _asked(self, call: Any, **arguments: Any) -> Any:
        if self._faults.s3:
            raise Refused(f"[INTERNAL_ERROR]{self._faults.s3}", 1105)
        try:
            with processes.elsewhere(self._session):
                return call(Bucket=self.bucket, **arguments)
        except (ClientError, BotoCoreError) as error:
            raise Refused(f"[IO_ERROR]failed to access S3: {error}", 1105) from error


def expression(key: str) -> tuple[re.Pattern[str], str]:
    """A glob with * ? […] {a,b} {1..9} as an expression, and its fixed beginning."""
    text, braces = "", 0
    for piece in re.findall(r"\{\d+\.\.\d+\}|\[[^\]]*\]|.", key):
        if ".." in piece and len(piece) > 2:
            low, high = (int(number) for number in piece[1:-1].split(".."))
            text += f"(?:{'|'.join(map(str, range(low, high + 1)))})"
        elif piece == "{":
            text, braces = f"{text}(?:", braces + 1
        elif piece == "}" and braces:
            text, braces = f"{text})", braces - 1
        elif piece == "," and braces:
            text += "|"
        elif piece[0] == "[" and len(piece) > 1:
            text += piece
        else:
            text += {"*": "[^/]*", "?": "[^/]"}.get(piece, re.escape(piece))
    return re.compile(text), re.split(r"[*?\[{]", key, maxsplit=1)[0]
