"""Frozen values as JSON documents and back, for the ledger and for digests.

The reader of a document is this program or a later release of it: a field that a document lacks takes its
default, one that is unknown here is an error, since a newer ledger is refused before it is read. What
people and other programs read (status, plan, manifest) has its own written-out form elsewhere.
"""

import hashlib
import json
from datetime import datetime
from typing import Any

from reconciler.core import instants, model


def encode(value: Any) -> Any:
    """A NamedTuple of core.model as `{"$Name": {field: …}}`, an instant as `{"$instant": …}`.

    Fields at their defaults are left out: a later release may add a field, and no digest changes by it.
    """
    if isinstance(value, tuple):
        return _encode_fields(value) if hasattr(value, "_fields") else [encode(item) for item in value]
    if isinstance(value, dict):
        return {name: encode(item) for name, item in value.items()}
    if isinstance(value, datetime):
        return {"$instant": instants.text(value)}
    return value


def _encode_fields(value: Any) -> dict[str, Any]:
    defaults = value._field_defaults
    told = {
        name: encode(item) for name, item in zip(value._fields, value, strict=True)
        if name not in defaults or item != defaults[name] or type(item) is not type(defaults[name])
    }  # fmt: skip
    return {f"${type(value).__name__}": told}


def decode(document: Any) -> Any:
    """The value that `encode` was given; lists come back as tuples."""
    if isinstance(document, list):
        return tuple(decode(item) for item in document)
    if not isinstance(document, dict):
        return document
    tag = next(iter(document), "")
    if tag == "$instant":
        return instants.parse(document[tag])
    if tag.startswith("$"):
        kind = getattr(model, tag[1:])
        return kind(**{name: decode(item) for name, item in document[tag].items()})
    return {name: decode(item) for name, item in document.items()}


def dump(value: Any) -> str:
    """The one canonical text of a value."""
    return json.dumps(encode(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def load(text: str) -> Any:
    return decode(json.loads(text))


def digest(value: Any) -> str:
    return "sha256:" + hashlib.sha256(dump(value).encode()).hexdigest()
