"""The independent model: what may be in storage, what may go, what must have happened. It believes objects, not rows.

Everything is judged by the objects in the buckets, by what the warehouses really did, and by the YAML that was in
force; the ledger is only read to see that what has ended stays as it ended.
"""

import hashlib
import itertools
import json
import sqlite3
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import naive
from fleet import content

from reconciler.core import instants

DAY, SLACK = timedelta(days=1), timedelta(minutes=3)
PASSED_OVER = {"missed", "skipped", "disabled"}
ENDED = {"succeeded", "failed", "cancelled", "lost", "missed", "skipped", "disabled"}
RESTORE_OPEN = {"pending", "needs_approval", "running"}
PASSES = {"statement lost before", "statement lost after", "statement refused for now", "storage error before",
          "storage throttled", "storage request repeated", "job slow", "local time changes", "restore asked"}  # fmt: skip
NOTE_UNWRITTEN = (  # what may keep a renaming's note from its storage until the ledger is lost
    "kill before a ledger write", "kill after a ledger write", "kill before a storage request",
    "kill after a storage request", "ledger disk full", "writer paused", "storage error before", "storage error after",
    "storage throttled", "storage slow", "storage hangs", "credentials expired",
)
VALID = jsonschema_rs.validator_for(
    json.loads((Path(__file__).parents[2] / "schemas/status.schema.json").read_text())
)


class Violated(BaseException):
    """No handler of Exception on the way may take it for a failure of its own."""


class Accepted(NamedTuple):
    """A configuration in force from `at` by the machine's clock; `sure` once a pass has said so.

    `noted` is that time, or the latest that its ledger has surely seen: it never goes back behind that.
    """

    at: datetime
    document: dict[str, Any]
    sure: bool
    truly: datetime  # the true time of it
    noted: datetime


class Set(NamedTuple):
    task: str
    house: str
    bucket: str
    completed_at: datetime
    days: int
    attempts: frozenset[int]
    contents: frozenset[bytes]
    made_at: datetime  # true time


class Judge:
    def __init__(self, life: Any) -> None:
        self.life = life
        self.known: dict[str, Set] = {}  # every set that ever was, by task
        self.slots: dict[tuple[str, str], str] = {}  # (house, slot): the bucket of its set
        self.present: dict[str, Set] = {}
        self.claims: dict[str, str] = {}  # restore id: set
        self.open_restores: dict[str, str] = {}
        self.first_names: dict[str, str] = {}  # of each name in the YAML
        self.accepted: list[Accepted] = []
        self._noted = life.hub.now
        self.faulty: set[str] = set()  # entries of the last configuration that cannot be carried out as written
        self.fuzzy: list[tuple[datetime, datetime]] = []  # when a configuration may or may not have been in force
        self.ledger_began = self._looked = life.hub.now
        self.ledgers_lost = 0
        self.states: dict[str, str] = {}  # of backup tasks, in the ledger that lives
        self.restore_states: dict[str, str] = {}
        self.running_since: dict[str, datetime] = {}
        self._steady: tuple[tuple, datetime] = ((), life.hub.now)
        self.must_return: set[tuple] = set()  # what a ledger that was lost knew and the next must
        self.open_subjects: set[str] = set()
        self.waiting_for_approval: set[str] = set()
        self.checks: Counter[str] = Counter()
        self.latest = life.hub.now  # the latest time that a wrong clock has shown at a pass
        self.counts_from, self._ledger_id = life.hub.now, ""
        self.refused: set[str] = set()  # sets whose removal was right, and was refused by a lock
        self._seen_plans_by = ""  # the ledger
        self.last_plans: dict[str, dict[str, Any]] = {}  # the last plan of each house
        self._digest: tuple[str, str] | None = None
        self._ledger: sqlite3.Connection | None = None

    # ---- names ----

    @property
    def homes(self) -> list[str]:
        return sorted({task.rpartition("-")[0] for task in self.known})

    @property
    def sets(self) -> set[str]:
        return set(self.known)

    def first_name(self, name: str) -> str:
        return self.first_names.get(name, name)

    def is_in_force(self, name: str) -> bool:
        return bool(self.accepted) and self.accepted[-1].sure and name in self.accepted[-1].document["warehouses"]

    def renamed(self, old: str, new: str) -> None:
        self.first_names[new] = self.first_name(old)

    def fail(self, message: str) -> None:
        raise Violated(message)

    def hold_true(self, rule: str, right: bool, message: str) -> None:
        self.checks[rule] += 1
        if not right:
            self.fail(f"{rule}: {message}")

    # ---- objects that come and go ----

    def coming(self, bucket: Any, key: str, body: bytes, by: Any) -> None:
        parts = key.split("/")
        if parts[1] == ".restores" and parts[-1] == "claim.json":
            self._claimed(parts[2], json.loads(body))
        elif parts[1] == ".restores" and parts[-1] == "outcome.json":
            self.open_restores.pop(parts[2], None)
        elif parts[-1] == "manifest.json":
            self._made(bucket, key, json.loads(body))

    def _claimed(self, restore: str, claim: dict[str, Any]) -> None:
        self.hold_true("R1", restore not in self.claims, f"restore {restore} was claimed twice")
        self.hold_true("R3", claim["backup_set"] in self.present, f"restore {restore} claimed a set that is none")
        self.claims[restore] = self.open_restores[restore] = claim["backup_set"]

    def _made(self, bucket: Any, key: str, manifest: dict[str, Any]) -> None:
        task, slot = manifest["backup_set"], manifest["slot"]
        house = self.first_name(manifest["warehouse"])
        before = self.slots.setdefault((house, slot), f"{bucket.name}/{key}")
        self.hold_true("D2", before == f"{bucket.name}/{key}" and task not in self.known,
                       f"slot {slot} of {house} has two sets")  # fmt: skip
        contents = frozenset(self._whole(bucket, key.removesuffix("manifest.json"), item)
                             for item in manifest["snapshots"])  # fmt: skip
        self.hold_true("S1", len(contents) > 0, f"set {task} is empty")
        made = Set(task, house, bucket.name, instants.parse(manifest["completed_at"]), manifest["retention_days"],
                   frozenset(item["attempt"] for item in manifest["snapshots"]), contents, self.life.hub.now)
        self.known[task] = self.present[task] = made
        self.life.made(task, made.days)

    def _whole(self, bucket: Any, prefix: str, snapshot: dict[str, Any]) -> bytes:
        """The data of a database in a set, proven to be what the warehouse had at that time."""
        folder = f"{prefix}{snapshot['attempt']}/"
        named = snapshot["inventory"]
        inventory = self._object(bucket, folder, named["name"], named["size"], named["sha256"])
        listed = json.loads(inventory)
        ((name, size, digest),) = listed["files"]
        body = self._object(bucket, folder, name, size, digest)
        wanted = content(listed["house"], listed["database"], listed["read_at"])
        self.hold_true("S1", body == wanted, f"{folder}{name} is not what the warehouse had")
        return body

    def _object(self, bucket: Any, folder: str, name: str, size: int, digest: str) -> bytes:
        body = bucket.get(folder + name)
        right = body is not None and len(body) == size and hashlib.sha256(body).hexdigest() == digest
        self.hold_true("S1", right, f"a manifest names {folder}{name}, which is not there or another")
        return body

    def going(self, bucket: Any, key: str, by: Any) -> None:
        parts = key.split("/")
        self.hold_true("S4", parts[0] == "sim" and bucket.get(f"neighbour:{key}") is None, f"{key} is not ours")
        if parts[1] == ".restores":
            return self.hold_true("R1", parts[2].startswith(".probe"), f"{key} is for ever")
        task = parts[2] if len(parts) > 3 else ""
        if parts[-1] == "manifest.json":
            self._manifest_goes(self.present.pop(task), by)
        elif len(parts) > 3 and parts[3].isdigit():
            self._data_goes(bucket, key, task, int(parts[3]))

    def _data_goes(self, bucket: Any, key: str, task: str, attempt: int) -> None:
        standing = self.present.get(task)
        good = standing is not None and standing.bucket == bucket.name and attempt in standing.attempts
        self.hold_true("S4", not good, f"{key} goes before the manifest of its set")
        if key.endswith("/owner.json"):
            others = [name for name in bucket.keys(key.removesuffix("owner.json")) if name != key]
            self.hold_true("S4", not others, f"{key} goes before {others[:1]}")

    def refusing(self, key: str) -> None:
        """A lock retains what was to go."""
        if key.endswith("/manifest.json"):
            self.refused.add(key.split("/")[2])

    def _manifest_goes(self, gone: Set, by: Any) -> None:
        """S2, S3, S5, T2, T5: by every configuration that stood in the last day."""
        now = by.clock.now()
        mark = json.loads(self.life.buckets[gone.bucket].get("sim/.ledger.json") or b"{}")
        self.hold_true("T5", mark.get("ledger") == by.ledger.id, f"{gone.task} goes by a ledger that is not the mark's")
        self.hold_true("S5", self.life.seconds_wrong(by) < 900, f"{gone.task} goes by a clock that is wrong")
        self.hold_true("S3", gone.task not in self.open_restores.values(), f"{gone.task} goes under a restore")
        young = gone.made_at < self.ledger_began and self.ledgers_lost > 0
        settled = self.life.hub.now - self.ledger_began >= DAY - SLACK
        self.hold_true("T2", not young or settled, f"{gone.task} goes within a day of the rebuild")
        for standing in self._standing(now):
            held = {item["backup_set"] for item in standing.document.get("holds", ())}
            self.hold_true("S3", gone.task not in held, f"{gone.task} goes under a hold")
            if gone.task in self.refused:
                continue
            days, keep_last = self._retention(standing, gone)
            self.hold_true("S2", gone.completed_at + days * DAY <= now + SLACK,
                           f"{gone.task} goes before its {days} days are over")  # fmt: skip
            newer = [item for item in self.present.values() if item.house == gone.house
                     and (item.completed_at, item.task) > (gone.completed_at, gone.task)]  # fmt: skip
            self.hold_true("S3", len(newer) >= keep_last, f"{gone.task} goes, one of the last {keep_last}")

    def _standing(self, now: datetime) -> list[Accepted]:
        """The configurations in force at some time in the last day, by the machine's clock."""
        sure = [item for item in self.accepted if item.sure]
        former = [item for item, later in itertools.pairwise(self.accepted)
                  if item.sure and min(later.noted + DAY - now, later.truly + DAY - self.life.hub.now) > SLACK]  # fmt: skip
        return [*former, *sure[-1:]]

    def _retention(self, standing: Accepted, gone: Set) -> tuple[int, int]:
        """Days and `keep_last` of the house; of an ended plan the last known, and nothing that a lost ledger took."""
        plan = self.plan_of(standing.document, gone.house)
        if plan is None and self.ledgers_lost:
            days = [item.days for item in self.known.values() if item.house == gone.house]
            last = self.last_plans.get(gone.house, {"retention_days": gone.days})
            return min(last["retention_days"], *days), 0
        plan = plan or self.last_plans.get(gone.house)
        return (plan["retention_days"], plan.get("keep_last", 1)) if plan else (gone.days, 0)

    def plan_of(self, document: dict[str, Any], house: str) -> dict[str, Any] | None:
        return next((entry.get("plan") for name, entry in document.get("warehouses", {}).items()
                     if self.first_name(name) == house and entry.get("plan")), None)  # fmt: skip

    # ---- what warehouses did ----

    def placed(self, house: Any, target: str, data: bytes, by: str) -> None:
        self.hold_true("R1", by in self.claims, f"restore {by} changed {house.name} before its claim")
        self.hold_true("R1", house.placements[by, target] == 1, f"restore {by} ran twice at {house.name}.{target}")
        right = data in self.known[self.claims[by]].contents
        self.hold_true("R3", right, f"restore {by} placed what is not in set {self.claims[by]}")
        known = house.restored.get(target)
        allowed = known is None or known.by == by or target in self._replaceable(by)
        self.hold_true("R4", allowed, f"restore {by} replaced {house.name}.{target}, which it does not name")

    def _replaceable(self, restore: str) -> set[str]:
        """What a request named in any form of it that was in force: it runs in one of them."""
        return {name for item in self.accepted for entry in item.document.get("restores", ())
                if entry["id"] == restore for name in entry.get("if_exists", {}).get("replace", ())}  # fmt: skip

    # ---- passes ----

    def after_beat(self, process: Any) -> None:
        if process.clock.skew > timedelta(minutes=1):
            self.latest = max(self.latest, process.clock.now())
        step = process.step
        if step is not None and step.configuration.state == "accepted":
            self._accept(process, step)
        self._check_plans(process, step)
        self._check_status()
        self._check_ledger(process)

    def _check_plans(self, process: Any, step: Any) -> None:
        """P7: a ledger that has seen a plan never goes on without any; people always mean some."""
        if step is not None and step.decision is not None:
            if step.recorded.configuration.planned:
                self._seen_plans_by = process.ledger.id
            else:
                self.hold_true("P7", self._seen_plans_by != process.ledger.id, "a file without plans is in force")

    def _accept(self, process: Any, step: Any) -> None:
        key = (step.configuration.digest, process.ledger.id)
        if key == self._digest:
            return
        self._digest = key
        document = {"warehouses": {}} | json.loads(self.life.paths.plans.read_text())
        self.faulty = faulty = {fault.subject for fault in step.decision.faults if not fault.advice}
        standing = next((item.document["warehouses"] for item in reversed(self.accepted) if item.sure), {})
        before = {self.first_name(name): entry for name, entry in standing.items()}
        for name in faulty & document["warehouses"].keys():
            document["warehouses"].pop(name)
            house = self.first_name(name)
            document["warehouses"] |= {name: before[house]} if house in before else {}
        now = process.clock.now()
        if self._ledger_id not in ("", process.ledger.id):
            self.counts_from = now + timedelta(hours=37)  # a one-time start within `catch_up` of it counts
        noted = max(now, self._noted) if self._ledger_id == process.ledger.id else now
        self._noted = min(noted, self.life.hub.now)  # what a clock ahead has shown is forgotten once it is right
        self._ledger_id = process.ledger.id
        if self.accepted and not self.accepted[-1].sure:
            self.fuzzy.append((self.accepted[-1].at - SLACK, now + SLACK))
            same = self.accepted[-1].document == document
            self.accepted[-1] = self.accepted[-1]._replace(sure=same)
            if same:
                return self._remember_plans(document)
        self.accepted.append(Accepted(now, document, sure=True, truly=self.life.hub.now, noted=noted))
        self._remember_plans(document)

    def _remember_plans(self, document: dict[str, Any]) -> None:
        for name, entry in document["warehouses"].items():
            if entry.get("plan"):
                self.last_plans[self.first_name(name)] = entry["plan"]

    def died(self, process: Any) -> None:
        """What was in the file may have been taken over just before, and what its clock showed may be settled."""
        self.latest = max(self.latest, process.clock.now())
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None
        try:
            document = {"warehouses": {}} | json.loads(self.life.paths.plans.read_text())
        except (ValueError, TypeError):
            return
        if not self.accepted or self.accepted[-1].document != document:
            now = process.clock.now()
            self.accepted.append(Accepted(now, document, sure=False, truly=self.life.hub.now, noted=now))
            self._digest = None

    def ledger_lost(self) -> None:
        """What of it must come back is read just before it is gone."""
        self.must_return = self._restorable(self.connected())
        self._ledger.close()
        self._ledger = None
        self.ledger_began, self.ledgers_lost = self.life.hub.now, self.ledgers_lost + 1
        self.open_restores.clear()
        self.states.clear()
        self.restore_states.clear()
        self._digest = None

    def _check_status(self) -> None:
        if self.life.paths.status.exists():
            document = json.loads(self.life.paths.status.read_text())
            errors = [str(error) for error in VALID.iter_errors(document)]
            self.hold_true("T4", not errors, f"the status file is not valid: {errors[:1]}")
            self.waiting_for_approval = {item["id"] for item in document["restore_tasks"] if item["state"] == "needs_approval"}

    def _check_ledger(self, process: Any) -> None:
        ledger = self.connected()
        self._check_rebuilt(ledger)
        tasks = ledger.execute("SELECT id, state, warehouse FROM tasks").fetchall()
        restores = ledger.execute("SELECT id, state FROM restores").fetchall()
        self._check_wanted(restores)
        self._check_restored(ledger, [name for name, state in restores if state == "succeeded"])
        self._check_given_back(self.states.keys() - {task for task, _, _ in tasks})
        steady = self._steady_since(process)
        for task, state, _ in tasks:
            before = self.states.get(task)
            anew = before in PASSED_OVER and naive.slot_of(task) <= self.latest  # given back and begun between two looks
            right = before in (None, state) or before not in ENDED or anew
            self.hold_true("D2", right, f"task {task} was {before}, is {state}")
            if before != state:
                self._changed(task, state, steady)
            self.states[task] = state
            self._check_time(task, state, steady)
        for restore, state in restores:
            before = self.restore_states.get(restore)
            ended = before not in (None, state) and before not in RESTORE_OPEN
            self.hold_true("R1", not ended or restore not in self.claims, f"restore {restore} was {before}, is {state}")
            self.restore_states[restore] = state
        busy = Counter(warehouse for _, state, warehouse in tasks if state not in ENDED)
        self.hold_true("D3", max(busy.values(), default=0) <= 1, f"two open tasks in one warehouse: {busy}")
        unknown = [task for task, state, _ in tasks if state == "succeeded" and task not in self.known]
        self.hold_true("S1", not unknown, f"{unknown[:1]} succeeded without a set")
        self.open_subjects = {task for task, state, _ in tasks if state not in ENDED}
        self.open_subjects |= {name for name, state in restores if state in RESTORE_OPEN}

    def _check_wanted(self, restores: list[tuple[str, str]]) -> None:
        """R5: what has begun since the last look was in a configuration that stood since then, or may have."""
        since, self._looked = self._looked, self.life.hub.now
        end, wanted = self._looked, set()
        for item in reversed(self.accepted):
            if end < since:
                break
            wanted |= {entry["id"] for entry in item.document.get("restores", ())}
            end = item.truly if item.sure else end
        begun = {name for name, state in restores
                 if state == "running" and self.restore_states.get(name) not in ("running", None)}  # fmt: skip
        self.hold_true("R5", begun <= wanted, f"{sorted(begun - wanted)} runs, though its entry was removed")

    def _check_restored(self, ledger: sqlite3.Connection, succeeded: list[str]) -> None:
        """R2: what a restore is said to have restored is what a warehouse has come to have by it."""
        for name in succeeded:
            if self.restore_states.get(name) != "succeeded":
                (entry,) = ledger.execute("SELECT entry FROM restores WHERE id = ?", (name,)).fetchone()
                said = {target for _, target in json.loads(entry)["$Restore"]["databases"]}
                placed = {target for house in self.life.houses.values() for by, target in house.placements if by == name}
                self.hold_true("R2", said == placed, f"restore {name} is said to have restored {said}, and has {placed}")

    def _steady_since(self, process: Any) -> datetime:
        """Since when one process has had no trouble, under one configuration."""
        state = (id(process), process.stumbles, len(self.accepted))
        if state != self._steady[0] or abs(process.clock.skew) > timedelta(minutes=1):
            self._steady = (state, self.life.hub.now)
        return self._steady[1]

    def _changed(self, task: str, state: str, steady: datetime) -> None:
        if task not in self.states and state != "disabled" and (slot := naive.slot_of(task)) > steady:
            self.hold_true("P6", self.life.hub.now - slot < SLACK, f"task {task} came {self.life.hub.now - slot} late, {state}")
        if state in ("failed", "cancelled"):
            working = [house.name for house in self.life.houses.values() for job in house.jobs.values()
                       if job.task == task and job.state == "RUNNING"]  # fmt: skip
            self.hold_true("D4", not working, f"task {task} is {state}, while {working[:1]} works on it")
        if state == "failed" and task in self.running_since and self.life.had_only(PASSES):
            took = self.life.hub.now - self.running_since[task]
            self.hold_true("D6", took > timedelta(minutes=30), f"task {task} failed after {took}, of what passes")

    def _check_time(self, task: str, state: str, steady: datetime) -> None:
        """D4: the longest timeout is six hours."""
        if state != "running":
            self.running_since.pop(task, None)
            return
        since = max(steady, self.running_since.setdefault(task, self.life.hub.now))
        self.hold_true("D4", self.life.hub.now - since < timedelta(hours=8), f"task {task} runs since {since}")

    def _check_given_back(self, gone: set[str]) -> None:
        """S5: only what was never begun, and was passed by a clock ahead, is no more."""
        for task in gone:
            passed = self.states[task] in PASSED_OVER and naive.slot_of(task) <= self.latest
            self.hold_true("S5", passed, f"task {task} was {self.states[task]}, is no more")
            del self.states[task]

    def _restorable(self, ledger: sqlite3.Connection) -> set[tuple]:
        """Sets and used ids, as a ledger knows them."""
        sets = ledger.execute("SELECT id, warehouse, home, engine, storage, slot, completed_at, size_bytes FROM sets "
                              "WHERE state = 'present'").fetchall()  # fmt: skip
        claims = ledger.execute("SELECT id, backup_set FROM restores WHERE claimed_at IS NOT NULL "
                                "AND backup_set IS NOT NULL").fetchall()  # fmt: skip
        return {(row[0], self.first_name(row[1]), *row[2:]) for row in sets} | set(claims)

    def _check_rebuilt(self, ledger: sqlite3.Connection) -> None:
        """T2: once every storage was looked into, all that was restorable is known again."""
        looked = {name for (name,) in ledger.execute("SELECT name FROM storages").fetchall()}
        if not self.must_return or not looked >= self.life.buckets.keys():
            return
        known = self._restorable(ledger)
        gone = {row for row in self.must_return - known if row[0] in self.present or row[0] in self.claims}
        self.hold_true("T2", not gone, f"a rebuilt ledger does not know {sorted(gone)[:2]}")
        self.must_return = set()

    def connected(self) -> sqlite3.Connection:
        if self._ledger is None:
            self._ledger = sqlite3.connect(f"file:{self.life.paths.ledger}?mode=ro", uri=True)
        return self._ledger
