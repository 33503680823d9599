"""What storages shall remember of plans and names, for a ledger that may be lost (S2, P8)."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from reconciler.core import instants, naming
from reconciler.core.record import BackupSet, Note, PlanRevision
from reconciler.core.renaming import Renaming


def ended_plans(revisions: Iterable[PlanRevision], installation: str, now: datetime) -> Iterator[Note]:
    """The retention that a plan ended with, beside its sets."""
    for revision in revisions:
        plan, storage = revision.plan, revision.entry.storage
        if plan is not None and storage is not None:
            yield Note(storage, naming.retention_key(installation, revision.warehouse), {
                "format": 1, "noted_at": instants.text(now), "retention_days": plan.retention_days,
                "keep_last": plan.keep_last,
            })  # fmt: skip


def renamings(
    moves: Iterable[Renaming], sets: Iterable[BackupSet], installation: str, now: datetime
) -> Iterator[Note]:
    """The new name of a warehouse, at each home that its sets lie in. `sets` bear the old names."""
    homes = {(item.warehouse, item.storage, item.home) for item in sets}
    for old, new in moves:
        for warehouse, storage, home in sorted(homes):
            if warehouse == old:
                yield new_name(storage, naming.renamed_key(installation, home), new, now)


def new_name(storage: str, key: str, name: str, now: datetime) -> Note:
    """At a home: the warehouse that its sets belong to by now."""
    return Note(storage, key, {"format": 1, "noted_at": instants.text(now), "to": name})
