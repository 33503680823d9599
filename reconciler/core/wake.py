"""When the next decision can come out otherwise than the last one, if nothing but time passes.

A daemon that knows this looks at nothing else in between: an idle beat costs the same for one warehouse and for
a hundred thousand.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from reconciler.core import calendar
from reconciler.core.actions import LOCK_RETRY, Actions
from reconciler.core.plan import Decision
from reconciler.core.record import Recorded
from reconciler.core.retention import GRACE

SECOND = timedelta(seconds=1)


class Patience(NamedTuple):
    """`at_most` is between two passes, whatever is expected; `again`, while something is to be done that has not
    come to its end.
    """

    at_most: timedelta = timedelta(hours=1)
    again: timedelta = timedelta(seconds=30)


def next_wake(decision: Decision, now: datetime, patience: Patience) -> datetime:
    """An instant later than `now`."""
    moments = [now + patience.at_most, *_moments(decision.after, decision, now)]
    if decision.actions._replace(cancellations=frozenset()) != Actions():
        moments.append(now + patience.again)
    return max(min(moment for moment in moments if moment > now), now + SECOND)


def _moments(after: Recorded, decision: Decision, now: datetime) -> Iterator[datetime]:
    yield from _slots(after, now)
    yield from (verdict.expires_at for verdict in decision.verdicts)
    yield from (leftover.removable_at for leftover in after.leftovers)
    yield from (hold.until for hold in after.holds if hold.until)
    former = (*(hold.gone_at for hold in after.holds), *(rule.ended_at for rule in after.history))
    yield from (moment + GRACE for moment in former if moment)
    limits = (task.entry.valid_until for task in after.restores.values() if task.ended_at is None)
    yield from (moment for moment in limits if moment)
    tried = (verdict.backup_set.tried_at for verdict in decision.verdicts)
    yield from (moment + LOCK_RETRY for moment in tried if moment)


def _slots(after: Recorded, now: datetime) -> Iterator[datetime]:
    for revision in after.plans.values():
        if revision.in_force and revision.plan is not None:
            slot = calendar.next_slot(revision.plan.schedule, now)
            if slot is not None:
                yield slot
