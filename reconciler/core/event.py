"""What happened, as values: a line of the log each, and what a terminal shows."""

from collections.abc import Iterator
from typing import NamedTuple

from reconciler.core import diff
from reconciler.core.plan import Decision


class Event(NamedTuple):
    """`action` is the kind of thing (backup, restore, plan, …), `subject` its id or name."""

    action: str
    subject: str
    outcome: str
    detail: str | None = None

    def __str__(self) -> str:
        text = f"{self.action} {self.subject} {self.outcome}"
        return f"{text}: {self.detail}" if self.detail else text


def settled(decision: Decision) -> Iterator[Event]:
    """What a pass has recorded before it begins anything: changes taken over, and what ends without a run."""
    yield from map(_change, decision.changes)
    for task in decision.rows.tasks:
        if not task.is_open:
            yield Event("backup", task.id, task.state, task.reason)
    for request in decision.rows.restores:
        if request.ended_at is not None:
            yield Event("restore", request.id, request.state, request.reason)


def _change(change: diff.Change) -> Event:
    match change:
        case diff.Create(entry, _):
            return Event("plan", entry.name, "taken over" if entry.plan else "noted as a restore target")
        case diff.Update(entry, previous, _):
            return Event("plan", entry.name, "taken over", f"overwrites revision {previous.revision}")
        case diff.End(previous, _):
            return Event("plan", previous.warehouse, "ended")
