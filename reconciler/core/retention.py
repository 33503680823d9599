"""Which backup sets may go, when, and what keeps the others (S2, S3).

A set may go only where every rule that stood at some time in the last day lets it go: so any edit that makes
a set removable sooner takes effect a day later, and a revert within the day saves it.
"""

import itertools
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from reconciler.core.record import BackupSet, HoldRecord, PlanRevision

GRACE = timedelta(days=1)


class Verdict(NamedTuple):
    """`kept_by` is hold, restore or keep_last; None where only the days count."""

    backup_set: BackupSet
    expires_at: datetime
    kept_by: str | None
    removable: bool


class Shift(NamedTuple):
    """A set that changes let expire sooner than before."""

    backup_set: BackupSet
    before: datetime
    after: datetime


def verdicts(
    sets: Iterable[BackupSet],
    revisions: Iterable[PlanRevision],
    holds: Iterable[HoldRecord],
    needed: frozenset[str],
    now: datetime,
) -> tuple[Verdict, ...]:
    """One verdict a set, in the order given. `needed` are the sets that restores read or would choose."""
    sets = tuple(sets)
    rules = _rules_by_warehouse(revisions)
    held = {hold.backup_set for hold in holds if holds_now(hold, now)}
    newest = _newest_good(sets, rules, now)
    return tuple(_verdict(item, rules.get(item.warehouse, ()), held, needed, newest, now) for item in sets)


def shifts(verdicts: tuple[Verdict, ...], before: tuple[Verdict, ...]) -> tuple[Shift, ...]:
    """The sets that expire sooner than they did by the verdicts from before."""
    known = {item.backup_set.id: item.expires_at for item in before}
    moved = (Shift(item.backup_set, known[item.backup_set.id], item.expires_at) for item in verdicts)
    return tuple(shift for shift in moved if shift.after < shift.before)


def holds_now(hold: HoldRecord, now: datetime) -> bool:
    """A hold ends at its `until` at once, and a day after its line was taken out."""
    gone = hold.gone_at is not None and hold.gone_at + GRACE <= now
    return not gone and (hold.until is None or hold.until > now)


def expiry(item: BackupSet, rules: tuple[PlanRevision, ...]) -> datetime:
    """When the days are over, under the plan in force and the ones it overwrote within their day."""
    if not rules:
        return item.completed_at + timedelta(days=item.retention_days)
    former = [
        min(_expiry_by(item, rule), later.taken_over_at + GRACE) for rule, later in itertools.pairwise(rules)
    ]
    if _is_older(item, rules[0]):
        former.append(min(item.completed_at + timedelta(days=item.retention_days), rules[0].taken_over_at + GRACE))
    return max(_expiry_by(item, rules[-1]), *former, item.completed_at)


def _expiry_by(item: BackupSet, rule: PlanRevision) -> datetime:
    days = rule.plan.retention_days if rule.plan else item.retention_days
    return item.completed_at + timedelta(days=days)


def _is_older(item: BackupSet, first: PlanRevision) -> bool:
    """A set from before the first plan that is known here, as a storage shows it: until then its own days stood."""
    return item.completed_at < first.taken_over_at


def _rules_by_warehouse(revisions: Iterable[PlanRevision]) -> dict[str, tuple[PlanRevision, ...]]:
    """The revisions with a plan, oldest first: each counts until the next was taken over, ended or not."""
    rules: dict[str, tuple[PlanRevision, ...]] = {}
    for revision in sorted(revisions, key=lambda item: item.revision):
        if revision.plan:
            rules[revision.warehouse] = (*rules.get(revision.warehouse, ()), revision)
    return rules


def _keep_last(item: BackupSet, rules: tuple[PlanRevision, ...], now: datetime) -> int:
    if not rules:
        return item.keep_last
    standing = [rule for rule, later in itertools.pairwise(rules) if later.taken_over_at + GRACE > now]
    own = item.keep_last if _is_older(item, rules[0]) and rules[0].taken_over_at + GRACE > now else 0
    return max(own, *(rule.plan.keep_last for rule in (*standing, rules[-1]) if rule.plan))


def _newest_good(
    sets: tuple[BackupSet, ...], rules: dict[str, tuple[PlanRevision, ...]], now: datetime
) -> frozenset[str]:
    """The newest `keep_last` sets of each warehouse. One whose removal has begun is kept if it would be among them,
    but does not count as good: it need not be whole.
    """
    wanted: dict[str, int] = {}
    kept: dict[str, int] = {}
    newest = set()
    for item in sets:
        most = _keep_last(item, rules.get(item.warehouse, ()), now)
        wanted[item.warehouse] = max(most, wanted.get(item.warehouse, 0))
    for item in sorted(sets, key=lambda item: (item.completed_at, item.id), reverse=True):
        count = kept.get(item.warehouse, 0)
        if count < wanted[item.warehouse]:
            newest.add(item.id)
            kept[item.warehouse] = count + (item.state == "present")
    return frozenset(newest)


def _verdict(
    item: BackupSet,
    rules: tuple[PlanRevision, ...],
    held: set[str],
    needed: frozenset[str],
    newest: frozenset[str],
    now: datetime,
) -> Verdict:
    expires_at = expiry(item, rules)
    kept_by = (
        "hold" if item.id in held
        else "restore" if item.id in needed
        else "keep_last" if item.id in newest
        else None
    )  # fmt: skip
    return Verdict(item, expires_at, kept_by, kept_by is None and expires_at <= now)
