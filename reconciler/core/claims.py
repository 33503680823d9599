"""What claims, outcomes and notes in a storage must be to be believed (R1, S2, T2).

What is none raises ValueError.
"""

from collections.abc import Callable
from typing import Any

from reconciler.core import document, fields, naming
from reconciler.core.manifest import LONGEST, MOST_KEPT
from reconciler.core.model import Restore
from reconciler.core.record import RESTORE_OPEN, RESTORE_STATES

ENDS = frozenset(RESTORE_STATES) - RESTORE_OPEN


def prove_claim(restore: str, content: dict[str, Any]) -> None:
    """By the id in its key as well."""
    if not naming.is_name(restore):
        raise ValueError("not an id that an entry could have")
    fields.instant(content.get("claimed_at"))
    fields.text(content.get("backup_set"))
    if not document.conforms(document.decode(content.get("entry")), Restore):
        raise ValueError("not a claim")


def outcome(written: bytes) -> dict[str, Any]:
    """What stands beside a claim, once its restore has ended."""
    content = fields.parse(written)
    if content.get("state") not in ENDS:
        raise ValueError(f"{content.get('state')!r} is no end of a restore")
    if "ended_at" in content:
        fields.instant(content["ended_at"])
    if content.get("reason") is not None:
        fields.text(content["reason"])
    return content


def prove_note(name: str, content: dict[str, Any]) -> None:
    """By the name of the note; one of a later release is believed as far as its time."""
    fields.instant(content.get("noted_at"))
    if name in PROOFS:
        PROOFS[name](content)


def _retention(content: dict[str, Any]) -> None:
    fields.whole(content.get("retention_days"), 0, LONGEST)
    fields.whole(content.get("keep_last"), 0, MOST_KEPT)


def _renamed(content: dict[str, Any]) -> None:
    if not naming.is_name(fields.text(content.get("to"))):
        raise ValueError(f"{content['to']!r} is no name of a warehouse")


PROOFS: dict[str, Callable[[dict[str, Any]], None]] = {".retention.json": _retention, ".renamed.json": _renamed}
