"""The plan of a pass: from (desired, recorded, now) to rows to record and actions to carry out.

One pure function. The rows are the recorded state as it shall be; the actions are what the world is asked
for once those rows are safe. A dry run prints both and carries out neither.
"""

from datetime import datetime
from typing import NamedTuple

from reconciler.core import actions, diff, faults, holds, notes, renaming, restore, retention, takeover
from reconciler.core.actions import Actions, StartRestore
from reconciler.core.faults import Fault
from reconciler.core.model import Desired
from reconciler.core.record import HoldRecord, Note, PlanRevision, Recorded, RestoreTask, Task


class Rows(NamedTuple):
    """What is recorded before anything is begun (T1), in one transaction."""

    renamings: tuple[renaming.Renaming, ...] = ()
    readdressed: tuple[RestoreTask, ...] = ()  # by a renaming: only entry and digest are new
    revisions: tuple[PlanRevision, ...] = ()
    tasks: tuple[Task, ...] = ()
    restores: tuple[RestoreTask, ...] = ()
    holds: tuple[HoldRecord, ...] = ()
    notes: tuple[Note, ...] = ()


class Decision(NamedTuple):
    changes: tuple[diff.Change, ...]
    faults: tuple[Fault, ...]
    warnings: tuple[str, ...]
    rows: Rows
    actions: Actions
    verdicts: tuple[retention.Verdict, ...]
    sooner: tuple[retention.Verdict, ...]  # what these changes make removable once their day is over
    after: Recorded  # the recorded state once the rows are written
    shifts: tuple[retention.Shift, ...] = ()

    @property
    def is_idle(self) -> bool:
        """Whether a pass would change nothing and do nothing."""
        return not self.changes and self.rows == Rows() and self.actions == Actions()


def decide(desired: Desired, recorded: Recorded, now: datetime, *, review: bool = False) -> Decision:
    """All that follows from the three. `review`: a commit is judged, so an overdue one-time start is a fault."""
    moves = renaming.renamings(desired, recorded)
    before, recorded = recorded, renaming.renamed(recorded, moves, desired)
    unfit = faults.of_warehouses(desired, recorded, now, review=review)
    misused = faults.of_restores(desired, recorded)
    desired = faults.without(desired, recorded, unfit, misused)
    found = diff.changes(desired, recorded)
    unseen = actions.unseen(desired, recorded)
    revisions, tasks = takeover.plans(found, desired, recorded, now, unseen)
    rows = Rows(
        renamings=moves,
        readdressed=_readdressed(before, recorded),
        revisions=revisions,
        tasks=tasks,
        restores=restore.revised(desired, recorded, now, all_seen=not unseen),
        holds=holds.revised(desired, recorded, now),
        notes=(
            *notes.renamings(moves, before.sets, desired.installation, now),
            *notes.ended_plans(takeover.ended(found), desired.installation, now),
        ),
    )
    after = _after(recorded, rows)
    starting, waiting = actions.starts(desired, after, unseen)
    rows = rows._replace(restores=tuple((_by_id(rows.restores) | _by_id(waiting)).values()))
    after = after._replace(restores=after.restores | _by_id(waiting))
    verdicts = _verdicts(after, starting, now)
    return Decision(
        changes=found,
        faults=(*unfit, *misused),
        warnings=faults.warnings(desired, after, now, review=review),
        rows=rows,
        actions=actions.chosen(desired, after, starting, verdicts, unseen, now),
        verdicts=verdicts,
        sooner=_sooner(recorded, after, starting, now) if found or rows.holds else (),
        after=after,
        shifts=retention.shifts(verdicts, _verdicts(recorded, starting, now)) if found else (),
    )


def _readdressed(before: Recorded, renamed: Recorded) -> tuple[RestoreTask, ...]:
    return tuple(task for name, task in renamed.restores.items() if task.entry != before.restores[name].entry)


def _after(recorded: Recorded, rows: Rows) -> Recorded:
    """The recorded state once these are written; a newer note takes the place of one that was not written yet."""
    unwritten = {(item.storage, item.key): item for item in (*recorded.notes, *rows.notes)}
    return takeover.after(recorded, rows.revisions, rows.tasks)._replace(
        restores=recorded.restores | _by_id(rows.restores),
        holds=holds.after(recorded, rows.holds),
        notes=tuple(unwritten.values()),
    )


def _by_id(tasks: tuple[RestoreTask, ...]) -> dict[str, RestoreTask]:
    return {task.id: task for task in tasks}


def _verdicts(
    after: Recorded, starting: tuple[StartRestore, ...], now: datetime
) -> tuple[retention.Verdict, ...]:
    """S3: what a request would choose now is kept for it, whatever it waits for."""
    asked = (task.entry for task in after.restores.values() if task.state in restore.UNBEGUN)
    chosen = (*(start.backup_set for start in starting), *(restore.choose(entry, after.sets) for entry in asked))
    needed = frozenset(item.id for item in chosen if item is not None)
    return retention.verdicts(after.sets, (*after.history, *after.plans.values()), after.holds, needed, now)


def _sooner(
    before: Recorded, after: Recorded, starting: tuple[StartRestore, ...], now: datetime
) -> tuple[retention.Verdict, ...]:
    """What can go once the day of these changes is over, and could not without them."""
    tomorrow = now + retention.GRACE
    going = {item.backup_set.id for item in _verdicts(before, starting, tomorrow) if item.removable}
    later = _verdicts(after, starting, tomorrow)
    return tuple(item for item in later if item.removable and item.backup_set.id not in going)
