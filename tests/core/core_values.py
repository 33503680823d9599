"""What the tests of decisions start from: short ways to write values, and a ledger in memory."""

from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.core import naming, plan
from reconciler.core.model import (
    Desired,
    Folder,
    FromWarehouse,
    Hold,
    Limits,
    LocalStorage,
    Objects,
    OneTime,
    Periodic,
    Plan,
    Restore,
    Schedule,
    Warehouse,
)
from reconciler.core.plan import Decision
from reconciler.core.record import (
    Allowance,
    BackupSet,
    Cancellation,
    HoldRecord,
    Leftover,
    PlanRevision,
    Recorded,
    RestoreTask,
    Task,
)

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=amount) for amount in (1, 60, 3_600, 86_400))
EVERY_DAY = tuple(range(7))


def at(written: str) -> datetime:
    """`2026-11-23 02:00` in UTC."""
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


MONDAY = at("2026-11-23 00:00")


def daily(start_time: str = "02:00:00", **fields: Any) -> Periodic:
    return Periodic(**{
        "enabled": True, "backup_every": EVERY_DAY, "start_time": start_time, "time_zone": "UTC",
    } | fields)  # fmt: skip


def a_plan(schedule: Schedule | None = None, **fields: Any) -> Plan:
    return Plan(**{
        "schedule": schedule or daily(), "objects": Objects(("*",)), "retention_days": 7,
    } | fields)  # fmt: skip


def once(start: datetime, **fields: Any) -> Plan:
    return a_plan(OneTime(start), **fields)


def warehouse(plan: Plan | None = None, name: str = "shop", **fields: Any) -> Warehouse:
    return Warehouse(**{
        "name": name, "engine": "duckdb", "connection": Folder(f"/{name}"), "storage": "disk", "plan": plan,
    } | fields)  # fmt: skip


def desired(*warehouses: Warehouse, **fields: Any) -> Desired:
    """Restores and holds are given as tuples of themselves."""
    return Desired(**{
        "installation": "acme",
        "storages": {"disk": LocalStorage("disk", "/backups")},
        "warehouses": {item.name: item for item in warehouses},
        "limits": Limits(),
        "digest": "sha256:" + "0" * 64,
    } | fields | {
        "restores": {item.id: item for item in fields.get("restores", ())},
        "holds": {item.backup_set: item for item in fields.get("holds", ())},
    })  # fmt: skip


def a_restore(name: str = "r1", **fields: Any) -> Restore:
    return Restore(**{"id": name, "source": FromWarehouse("shop", "latest"), "warehouse": "other"} | fields)


def hold(name: str, **fields: Any) -> Hold:
    return Hold(**{"backup_set": name, "reason": "audit"} | fields)


def a_set(completed_at: datetime, warehouse: str = "shop", **fields: Any) -> BackupSet:
    """A set whose slot is the instant of its completion, so that each has an id of its own."""
    return BackupSet(**{
        "id": naming.task_id(warehouse, completed_at), "warehouse": warehouse, "home": warehouse,
        "engine": "duckdb", "storage": "disk", "slot": completed_at, "completed_at": completed_at,
        "retention_days": 7, "keep_last": 1, "size_bytes": 100,
    } | fields)  # fmt: skip


def revision(plan: Plan | None, number: int = 1, since: datetime = MONDAY, **fields: Any) -> PlanRevision:
    entry = fields.pop("entry", warehouse(plan))
    return PlanRevision(**{
        "warehouse": entry.name, "revision": number, "entry": entry, "taken_over_at": since,
        "settled_until": since,
    } | fields)  # fmt: skip


class AlteredEnd(Exception):
    """A row would change what has ended."""


class TwoTasks(Exception):
    """A warehouse would have two tasks for one slot."""


class Memory:
    """A ledger in memory that remembers everything, and outcomes by word of mouth."""

    def __init__(self) -> None:
        self.configuration: Desired | None = None
        self.revisions: dict[tuple[str, int], PlanRevision] = {}
        self.tasks: dict[str, Task] = {}
        self.sets: dict[str, BackupSet] = {}
        self.restores: dict[str, RestoreTask] = {}
        self.holds: dict[tuple[str, datetime], HoldRecord] = {}
        self.leftovers: list[Leftover] = []
        self.allowances: set[Allowance] = set()
        self.cancellations: set[Cancellation] = set()

    def recorded(self, wanted: Desired, now: datetime) -> Recorded:
        newest = self._newest()
        open_tasks = tuple(task for task in self.tasks.values() if task.is_open)
        begun = {(task.warehouse, task.plan_revision) for task in open_tasks}
        last: dict[str, Task] = {}
        for task in sorted(self.tasks.values(), key=lambda task: task.slot):
            last[task.warehouse] = task
        starts = {entry.plan.schedule.start_time for entry in wanted.planned.values()
                  if isinstance(entry.plan.schedule, OneTime)}  # fmt: skip
        return Recorded(
            configuration=self.configuration,
            plans=newest,
            history=tuple(
                item for key, item in sorted(self.revisions.items())
                if item != newest[item.warehouse] and (key in begun or self._counts(item, now))
            ),
            open_tasks=open_tasks,
            last_tasks=last,
            taken={(task.warehouse, task.slot): task.id for task in self.tasks.values() if task.slot in starts},
            sets=tuple(item for item in self.sets.values() if item.state != "removed"),
            leftovers=tuple(self.leftovers),
            restores=dict(self.restores),
            holds=tuple(
                item for item in self.holds.values() if item.gone_at is None or item.gone_at > now - DAY
            ),
            allowances=frozenset(self.allowances),
            cancellations=frozenset(self.cancellations),
        )  # fmt: skip

    def decide(self, wanted: Desired, now: datetime, **fields: bool) -> Decision:
        return plan.decide(wanted, self.recorded(wanted, now), now, **fields)

    def take(self, wanted: Desired, now: datetime) -> Decision:
        """One pass: decides and remembers the rows."""
        decision = self.decide(wanted, now)
        for old, new in decision.rows.renamings:
            self._rename(old, new)
        for request in (*decision.rows.readdressed, *decision.rows.restores):
            self.restores[request.id] = request
        for item in decision.rows.revisions:
            self.revisions[item.warehouse, item.revision] = item
        for task in decision.rows.tasks:
            self.put(task)
        for item in decision.rows.holds:
            self.holds[item.backup_set, item.seen_at] = item
        self.configuration = wanted
        return decision

    def put(self, task: Task) -> None:
        known = self.tasks.get(task.id)
        if known is not None and not known.is_open and known != task:
            raise AlteredEnd(f"{known} would become {task}")
        twin = next((item for item in self.tasks.values()
                     if (item.warehouse, item.slot) == (task.warehouse, task.slot) and item.id != task.id), None)
        if twin is not None:
            raise TwoTasks(f"{twin} and {task}")
        self.tasks[task.id] = task

    def begin(self, name: str, now: datetime) -> None:
        task = self.tasks[name]
        self.put(task._replace(state="running", attempt=task.attempt + 1, started_at=task.started_at or now))

    def succeed(self, name: str, now: datetime) -> BackupSet:
        self.put(self.tasks[name]._replace(state="succeeded", ended_at=now))
        task = self.tasks[name]
        plan_then = self.revisions[task.warehouse, task.plan_revision].plan
        made = a_set(now, task.warehouse, id=name, home=name.rpartition("-")[0], slot=task.slot,
                     retention_days=plan_then.retention_days, keep_last=plan_then.keep_last)  # fmt: skip
        self.sets[name] = made
        return made

    def end(self, name: str, state: str, now: datetime) -> None:
        self.put(self.tasks[name]._replace(state=state, ended_at=now, reason="said so"))

    def remember(self, *sets: BackupSet) -> None:
        self.sets |= {item.id: item for item in sets}

    def states(self) -> dict[str, str]:
        return {name: task.state for name, task in self.tasks.items()}

    def _newest(self) -> dict[str, PlanRevision]:
        return {item.warehouse: item for _, item in sorted(self.revisions.items())}

    def _counts(self, item: PlanRevision, now: datetime) -> bool:
        """Until a day after a later revision with a plan was taken over (S2)."""
        later = [other for other in self.revisions.values()
                 if other.warehouse == item.warehouse and other.revision > item.revision and other.plan]  # fmt: skip
        return not any(other.taken_over_at <= now - DAY for other in later)

    def _rename(self, old: str, new: str) -> None:
        self.revisions = {
            (new if name == old else name, number):
                item._replace(warehouse=new) if name == old else item
            for (name, number), item in self.revisions.items()
        }  # fmt: skip
        for kept in (self.tasks, self.sets):
            kept.update({key: item._replace(warehouse=new) for key, item in kept.items() if item.warehouse == old})
