"""Frozen values as JSON documents and back, for the ledger and for digests.

The reader of a document is this program or a later release of it: a field that a document lacks takes its
default, one that is unknown here is an error, since a newer ledger is refused before it is read. What
people and other programs read (status, plan, manifest) has its own written-out form elsewhere.
"""

import functools
import hashlib
import json
import types
from datetime import datetime
from typing import Any, Union, get_args, get_origin, get_type_hints

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
    """The value that `encode` was given; lists come back as tuples. Raises ValueError for what it never gives."""
    if isinstance(document, list):
        return tuple(decode(item) for item in document)
    if not isinstance(document, dict):
        return document
    tag = next(iter(document), "")
    if tag == "$instant":
        return instants.parse(document[tag])
    if tag.startswith("$"):
        return _made(tag[1:], document[tag])
    return {name: decode(item) for name, item in document.items()}


def _made(name: str, fields: Any) -> Any:
    kind = KINDS.get(name)
    if kind is None or not isinstance(fields, dict):
        raise ValueError(f"no value of kind {name}")
    try:
        return kind(**{field: decode(item) for field, item in fields.items()})
    except TypeError as error:
        raise ValueError(f"not a {name}: {error}") from None


def conforms(value: Any, hint: Any) -> bool:
    """Whether a value that others may have written is, all through, what the annotations of core.model say."""
    arguments = get_args(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return any(conforms(value, one) for one in arguments)
    if get_origin(hint) is tuple:
        return type(value) is tuple and _conform(value, arguments)
    if not isinstance(hint, type) or type(value) is not hint:
        return False
    if hint in KINDS.values():
        return all(conforms(getattr(value, name), one) for name, one in _hints(hint).items())  # type: ignore[arg-type]
    return not isinstance(value, str) or value.encode(errors="replace").decode() == value


def _conform(values: tuple[Any, ...], hints: tuple[Any, ...]) -> bool:
    if len(hints) > 1 and hints[-1] is Ellipsis:
        return all(conforms(value, hints[0]) for value in values)
    return len(values) == len(hints) and all(map(conforms, values, hints))


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


KINDS: dict[str, type] = {
    name: kind for name, kind in vars(model).items() if isinstance(kind, type) and hasattr(kind, "_fields")
}


def dump(value: Any) -> str:
    """The one canonical text of a value."""
    return json.dumps(encode(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def load(text: str) -> Any:
    return decode(json.loads(text))


def digest(value: Any) -> str:
    return "sha256:" + hashlib.sha256(dump(value).encode()).hexdigest()
