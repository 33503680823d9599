"""A document that anybody may have written: its text taken apart, and each field proven to be of its kind.

A document from a storage is somebody's word. Nothing of it becomes a value of ours before it was looked at here; it
must know nothing of what a field means. Every function raises ValueError for what it cannot take.
"""

import json
from datetime import datetime
from typing import Any

from reconciler.core import instants

LARGEST = 16 * 1024 * 1024  # bytes of one document; what grows with a warehouse lies in inventories of its own
DEEPEST = 64  # levels, as in the YAML
MOST = 2**63 - 1  # what a ledger's integer holds


def parse(content: bytes) -> dict[str, Any]:
    """The one JSON object in a document."""
    if len(content) > LARGEST:
        raise ValueError(f"larger than {LARGEST:,} bytes")
    try:
        document = json.loads(content, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError(f"deeper than {DEEPEST} levels") from None
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  every reader catches the one
    if _is_deeper(document, DEEPEST):
        raise ValueError(f"deeper than {DEEPEST} levels")
    return document


def text(value: Any) -> str:
    """Text that can be written again: JSON may hold halves of characters."""
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} where text was expected")  # noqa: TRY004
    value.encode()
    return value


def texts(value: Any) -> tuple[str, ...]:
    return tuple(map(text, _list(value)))


def whole(value: Any, least: int = 0, most: int = MOST) -> int:
    """A whole number within bounds."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"no whole number from {least} to {most} where one was expected")
    return value


def instant(value: Any) -> datetime:
    try:
        return instants.parse(text(value))
    except OverflowError:
        raise ValueError(f"{value!r} is outside the calendar") from None


def mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{type(value).__name__} where a mapping was expected")  # noqa: TRY004
    return value


def mappings(value: Any) -> tuple[dict[str, Any], ...]:
    return tuple(map(mapping, _list(value)))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{type(value).__name__} where a list was expected")  # noqa: TRY004
    return value


def _is_deeper(document: Any, levels: int) -> bool:
    """Level by level, since a walk that calls itself would end as the document wants."""
    inner = [document]
    for _ in range(levels):
        inner = [
            item for value in inner if isinstance(value, dict | list)
            for item in (value.values() if isinstance(value, dict) else value)
        ]  # fmt: skip
    return any(isinstance(value, dict | list) for value in inner)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
