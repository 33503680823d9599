"""Which configurations were in force, by the YAML and what a pass said of it, and what each asks for."""

import itertools
import json
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from verdict import DAY, SLACK


class Accepted(NamedTuple):
    """A configuration in force from `at` by the machine's clock; `sure` once a pass has said so.

    `noted` is that time, or the latest that its ledger has surely seen: it never goes back behind that.
    """

    at: datetime
    document: dict[str, Any]
    sure: bool
    truly: datetime  # the true time of it
    noted: datetime


class InForce:
    def __init__(self, life: Any) -> None:
        self.life = life
        self.accepted: list[Accepted] = []
        self.fuzzy: list[tuple[datetime, datetime]] = []  # when a configuration may or may not have been in force
        self.faulty: set[str] = set()  # entries of the last configuration that cannot be carried out as written
        self.first_names: dict[str, str] = {}  # of each name in the YAML
        self.last_plans: dict[str, dict[str, Any]] = {}  # the last plan of each house
        self.counts_from, self._ledger_id = life.hub.now, ""
        self._noted = life.hub.now
        self._digest: tuple[str, str] | None = None

    def first_name(self, name: str) -> str:
        return self.first_names.get(name, name)

    def is_in_force(self, name: str) -> bool:
        return bool(self.accepted) and self.accepted[-1].sure and name in self.accepted[-1].document["warehouses"]

    def renamed(self, old: str, new: str) -> None:
        self.first_names[new] = self.first_name(old)

    def accept(self, process: Any, step: Any) -> None:
        key = (step.configuration.digest, process.ledger.id)
        if key == self._digest:
            return
        self._digest = key
        document = self._in_the_file()
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
        """What was in the file may have been taken over just before."""
        try:
            document = self._in_the_file()
        except (ValueError, TypeError):
            return
        if not self.accepted or self.accepted[-1].document != document:
            now = process.clock.now()
            self.accepted.append(Accepted(now, document, sure=False, truly=self.life.hub.now, noted=now))
            self._digest = None

    def ledger_lost(self) -> None:
        self._digest = None

    def _in_the_file(self) -> dict[str, Any]:
        return {"warehouses": {}} | json.loads(self.life.paths.plans.read_text())

    def standing(self, now: datetime) -> list[Accepted]:
        """The configurations in force at some time in the last day, by the machine's clock."""
        sure = [item for item in self.accepted if item.sure]
        former = [item for item, later in itertools.pairwise(self.accepted)
                  if item.sure and min(later.noted + DAY - now, later.truly + DAY - self.life.hub.now) > SLACK]  # fmt: skip
        return [*former, *sure[-1:]]

    def plan_of(self, document: dict[str, Any], house: str) -> dict[str, Any] | None:
        return next((entry.get("plan") for name, entry in document.get("warehouses", {}).items()
                     if self.first_name(name) == house and entry.get("plan")), None)  # fmt: skip

    def wanted_since(self, since: datetime) -> set[str]:
        """The restores of each configuration that stood, or may have stood, from then on."""
        end, wanted = self.life.hub.now, set()
        for item in reversed(self.accepted):
            if end < since:
                break
            wanted |= {entry["id"] for entry in item.document.get("restores", ())}
            end = item.truly if item.sure else end
        return wanted

    def replaceable(self, restore: str) -> set[str]:
        """What a request named in any form of it that was in force: it runs in one of them."""
        return {name for item in self.accepted for entry in item.document.get("restores", ())
                if entry["id"] == restore for name in entry.get("if_exists", {}).get("replace", ())}  # fmt: skip
