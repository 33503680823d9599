"""What the ledger remembers, as frozen values: the recorded state that decisions are made from.

States are the words of the design, the same in YAML, ledger, JSON and on the screen.
"""

from datetime import datetime
from typing import Any, NamedTuple

from reconciler.core.model import Desired, Plan, Restore, Warehouse

OPEN = frozenset({"waiting", "running"})
TASK_STATES = (
    "waiting", "running", "succeeded", "failed", "cancelled", "lost", "missed", "skipped", "disabled",
)  # fmt: skip
PASSED_OVER = frozenset({"missed", "skipped", "disabled"})  # never begun, and said why
RESTORE_OPEN = frozenset({"pending", "needs_approval", "running"})
RESTORE_STATES = (
    "pending", "needs_approval", "running", "succeeded", "failed", "cancelled", "expired", "unknown",
)  # fmt: skip


class PlanRevision(NamedTuple):
    """One revision of a warehouse's entry; in force while `ended_at` is None.

    Every slot up to `settled_until` has a task; the revision counts slots after `taken_over_at` only.
    """

    warehouse: str
    revision: int
    entry: Warehouse
    taken_over_at: datetime
    settled_until: datetime
    git_revision: str | None = None
    ended_at: datetime | None = None

    @property
    def plan(self) -> Plan | None:
        return self.entry.plan

    @property
    def in_force(self) -> bool:
        return self.ended_at is None


class Task(NamedTuple):
    """The run of a plan for one slot. `progress` is 0 to 100; `attempt` counts from 1, 0 before the first."""

    id: str
    warehouse: str
    slot: datetime
    state: str
    plan_revision: int
    attempt: int = 0
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str | None = None
    progress: int | None = None
    size_bytes: int | None = None
    objects: tuple[str, ...] = ()
    skipped_objects: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


class Leftover(NamedTuple):
    """The prefix of an attempt that did not become part of a set and is still to be removed."""

    task_id: str
    home: str
    storage: str
    attempt: int
    removable_at: datetime


class BackupSet(NamedTuple):
    """A set in storage. `home` is the warehouse's name in the set's keys, which a rename does not change.

    `state` is present, removing, retained_by_lock or removed; `tried_at` is when a lock last retained it.
    """

    id: str
    warehouse: str
    home: str
    engine: str
    storage: str
    slot: datetime
    completed_at: datetime
    retention_days: int
    keep_last: int
    size_bytes: int
    state: str = "present"
    databases: tuple[str, ...] = ()
    tried_at: datetime | None = None


class Note(NamedTuple):
    """A small document that a storage shall have beside the sets of a home, for a ledger that may be lost."""

    storage: str
    key: str
    content: dict[str, Any]


class RestoreTask(NamedTuple):
    """A request that was seen, with the entry as it stood then; `claimed_at` is set once it may not run again."""

    id: str
    entry: Restore
    digest: str
    state: str
    seen_at: datetime
    backup_set: str | None = None
    storage: str | None = None
    source_warehouse: str | None = None
    claimed_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str | None = None
    progress: int | None = None
    size_bytes: int | None = None
    journal: str | None = None


class HoldRecord(NamedTuple):
    """A hold as it was seen in the YAML, from `seen_at` until `gone_at`."""

    backup_set: str
    reason: str
    until: datetime | None
    seen_at: datetime
    gone_at: datetime | None = None


class Allowance(NamedTuple):
    """What somebody allowed with `reconcile allow`: the kind of thing and the very subject."""

    what: str
    subject: str


class Cancellation(NamedTuple):
    """A wish to stop the task or restore of this id."""

    subject: str


class Recorded(NamedTuple):
    """All that a decision needs to know of the past. `configuration` is the last one that was accepted."""

    configuration: Desired | None = None
    plans: dict[str, PlanRevision] = {}  # noqa: RUF012  never written to; the newest revision of each warehouse, ended ones too
    history: tuple[PlanRevision, ...] = ()  # former ones that still count (S2), or began an open task
    open_tasks: tuple[Task, ...] = ()
    last_tasks: dict[str, Task] = {}  # noqa: RUF012  the newest task of each warehouse
    taken: dict[tuple[str, datetime], str] = {}  # noqa: RUF012  the task, by warehouse and slot, at each one-time start of the YAML
    sets: tuple[BackupSet, ...] = ()  # all that are not removed
    leftovers: tuple[Leftover, ...] = ()
    restores: dict[str, RestoreTask] = {}  # noqa: RUF012
    holds: tuple[HoldRecord, ...] = ()  # those in force or gone within the last day
    allowances: frozenset[Allowance] = frozenset()
    cancellations: frozenset[Cancellation] = frozenset()
    storages: dict[str, str] | None = None  # location of each that was looked into (T2); None without a ledger
    notes: tuple[Note, ...] = ()  # those not written yet
    seen_at: datetime | None = None  # the newest instant that was recorded
    ahead: frozenset[tuple[str, datetime]] = frozenset()  # slots with a task, later than now or than settled

    def noted_at(self, now: datetime) -> datetime:
        """When an edit that is taken over now counts as made: never before what was seen, though the clock went
        back, since the day that it has to be reverted in counts from here (S2, S5).
        """
        return now if self.seen_at is None else max(now, self.seen_at)


NOTHING = Recorded()
