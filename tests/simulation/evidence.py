"""Sets, claims and what warehouses came to have: judged by the objects themselves, as they come and go."""

import hashlib
import json
from datetime import datetime
from typing import Any, NamedTuple

from fleet import content
from in_force import Accepted, InForce
from verdict import DAY, SLACK, Verdict

from reconciler.core import instants


class Set(NamedTuple):
    task: str
    house: str
    bucket: str
    completed_at: datetime
    days: int
    attempts: frozenset[int]
    contents: frozenset[bytes]
    made_at: datetime  # true time


class Evidence:
    def __init__(self, life: Any, verdict: Verdict, in_force: InForce) -> None:
        self.life, self.hold_true, self.in_force = life, verdict.hold_true, in_force
        self.known: dict[str, Set] = {}  # every set that ever was, by task
        self.slots: dict[tuple[str, str], str] = {}  # (house, slot): the bucket of its set
        self.present: dict[str, Set] = {}
        self.claims: dict[str, str] = {}  # restore id: set
        self.open_restores: dict[str, str] = {}
        self.refused: set[str] = set()  # sets whose removal was right, and was refused by a lock
        self.ledger_began = life.hub.now
        self.ledgers_lost = 0

    @property
    def homes(self) -> list[str]:
        return sorted({task.rpartition("-")[0] for task in self.known})

    def ledger_lost(self) -> None:
        self.ledger_began, self.ledgers_lost = self.life.hub.now, self.ledgers_lost + 1
        self.open_restores.clear()

    # ---- what comes ----

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
        house = self.in_force.first_name(manifest["warehouse"])
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

    # ---- what goes ----

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
        for standing in self.in_force.standing(now):
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

    def _retention(self, standing: Accepted, gone: Set) -> tuple[int, int]:
        """Days and `keep_last` of the house; of an ended plan the last known, and nothing that a lost ledger took."""
        plan = self.in_force.plan_of(standing.document, gone.house)
        if plan is None and self.ledgers_lost:
            days = [item.days for item in self.known.values() if item.house == gone.house]
            last = self.in_force.last_plans.get(gone.house, {"retention_days": gone.days})
            return min(last["retention_days"], *days), 0
        plan = plan or self.in_force.last_plans.get(gone.house)
        return (plan["retention_days"], plan.get("keep_last", 1)) if plan else (gone.days, 0)

    # ---- what warehouses did ----

    def placed(self, house: Any, target: str, data: bytes, by: str) -> None:
        self.hold_true("R1", by in self.claims, f"restore {by} changed {house.name} before its claim")
        self.hold_true("R1", house.placements[by, target] == 1, f"restore {by} ran twice at {house.name}.{target}")
        right = data in self.known[self.claims[by]].contents
        self.hold_true("R3", right, f"restore {by} placed what is not in set {self.claims[by]}")
        known = house.restored.get(target)
        allowed = known is None or known.by == by or target in self.in_force.replaceable(by)
        self.hold_true("R4", allowed, f"restore {by} replaced {house.name}.{target}, which it does not name")
