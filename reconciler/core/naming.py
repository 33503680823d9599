"""Identities and keys: one function makes each, so that no two places can differ (D2).

A storage holds `<prefix>/<installation>/<warehouse>/<task>/<attempt>/…`; names beginning with a dot are ours
and can be no warehouse or task. Every prefix ends with a slash, so that `wh-1` never reaches into `wh-10`.
"""

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import NamedTuple

from reconciler.core import instants

OWNER = "owner.json"
MANIFEST = "manifest.json"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")  # as in the schema of the YAML
ATTEMPT = re.compile(r"[1-9][0-9]{0,8}")


def is_name(text: str) -> bool:
    """Whether it can be a warehouse's: the YAML takes no other, so no other is ours in a storage."""
    return NAME.fullmatch(text) is not None


def attempt_number(text: str) -> int | None:
    """The number in an attempt's key, written in the one way that we write it; else None."""
    return int(text) if ATTEMPT.fullmatch(text) else None


def task_id(warehouse: str, slot: datetime) -> str:
    """From warehouse and slot alone: two tries at one slot are one task, whoever makes them."""
    return f"{warehouse}-{instants.compact(slot)}"


def slot_of(task: str) -> datetime:
    """The slot in a task's id. Raises ValueError where there is none."""
    home, _, slot = task.rpartition("-")
    instant = datetime.strptime(slot, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if not home or task_id(home, instant) != task:
        raise ValueError(f"{task} is no task's id")
    return instant


class TaskPlace(NamedTuple):
    """Where a task's objects lie. `home` is the warehouse's name when the task ran."""

    installation: str
    home: str
    task_id: str

    @property
    def is_ours(self) -> bool:
        """Whether we could have made it: names as in the YAML, and a task's id with the home and a slot in it."""
        try:
            own = task_id(self.home, slot_of(self.task_id))
        except ValueError:
            return False
        return is_name(self.home) and own == self.task_id

    @property
    def prefix(self) -> str:
        return f"{self.installation}/{self.home}/{self.task_id}/"

    @property
    def manifest(self) -> str:
        return self.prefix + MANIFEST

    def attempt(self, number: int) -> str:
        return f"{self.prefix}{number}/"


def stem(place: TaskPlace, attempt: int, *more: str) -> str:
    """A name for servers: readable first, then a hash of all that makes it one; `[a-z0-9_]`, at most 64 (D2)."""
    text = json.dumps([place.installation, place.task_id, attempt, *more])
    readable = re.sub(r"[^a-z0-9]+", "_", place.task_id.lower())[-40:].strip("_")
    return f"r_{readable}_{hashlib.sha256(text.encode()).hexdigest()[:20]}"


def claims_prefix(installation: str) -> str:
    return f"{installation}/.restores/"


def claim_key(installation: str, restore_id: str) -> str:
    return f"{claims_prefix(installation)}{restore_id}/claim.json"


def outcome_key(installation: str, restore_id: str) -> str:
    return f"{claims_prefix(installation)}{restore_id}/outcome.json"


def retention_key(installation: str, warehouse: str) -> str:
    """Beside the sets of a warehouse whose plan has ended: the retention it ended with (S2)."""
    return f"{installation}/{warehouse}/.retention.json"


def renamed_key(installation: str, warehouse: str) -> str:
    """Beside the sets of a name that is no more: the warehouse's new name (P8)."""
    return f"{installation}/{warehouse}/.renamed.json"


def mark_key(installation: str) -> str:
    """Names the one ledger of the installation (T5)."""
    return f"{installation}/.ledger.json"


def probe_key(installation: str, token: str) -> str:
    """An object that is made and removed to see whether the storage creates a name only once."""
    return f"{claims_prefix(installation)}.probe-{token}"
