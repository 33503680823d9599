"""What people do: they edit, break and mend the YAML, ask for restores, run commands, and look at the status."""

import copy
import json
from datetime import timedelta
from typing import Any

from reconciler.config.load import load
from reconciler.core import instants
from reconciler.effects.ledger import NotInLedger, allow, approve, open_to_write, wish_to_cancel

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
STEADY = ("UTC", "Asia/Kolkata")
KEY = {"access_key": {"env": "SIMULATED"}, "secret_key": {"env": "SIMULATED"}}


class People:
    """`document` is the YAML as they mean it; what is in the file may be broken for a while."""

    def __init__(self, life: Any) -> None:
        self.life, self.chance = life, life.chance
        self.random = life.chance.random
        self.versions: list[dict[str, Any]] = []
        self.broken = False
        self._asked = 0
        self._grown = False  # whether the fleet has its last warehouse
        self.document = self._first()
        self.write()

    def _first(self) -> dict[str, Any]:
        storages = {name: {"s3": {"bucket": name, "region": "eu-central-1", "credentials": KEY}}
                    for name in self.life.buckets}  # fmt: skip
        houses = {name: self._house(name) | {"storage": self.random.choice(sorted(storages)), "plan": self._plan()}
                  for name in ("shop", "crm1")[: self.random.choice((1, 1, 2))]}  # fmt: skip
        targets = {name: self._house(name) for name in ("lab", "staging")}
        return {"version": 1, "installation": "sim", "storages": storages, "warehouses": houses | targets,
                "restores": [], "holds": []}  # fmt: skip

    def _house(self, name: str) -> dict[str, Any]:
        if name in ("shop", "lab"):
            return {"engine": "duckdb", "path": f"./{name}"}
        return {"engine": "doris", "hosts": ["127.0.0.1"], "user": "root", "tls": "off"}

    def _plan(self) -> dict[str, Any]:
        return {
            "periodic": {"backup_every": self._days(),
                         "start_time": self._time(), "time_zone": self._zone()},
            "objects": {"databases": ["*"]}, "retention_days": self.random.choice((1, 2, 3)),
            "keep_last": self.random.choice((0, 1, 1, 2)), "catch_up": self.random.choice(("2h", "12h", "36h")),
            "timeout": self.random.choice(("1h", "6h")),
        }  # fmt: skip

    def _days(self) -> list[str]:
        """Every day where local clocks change: none of those days may be left out."""
        often = (7,) if "local time changes" in self.chance.active else (1, 2, 3)
        return sorted(self.random.sample(DAYS, self.random.choice(often)))

    def _time(self) -> str:
        if "local time changes" in self.chance.active:
            return self.random.choice(("01:30", "01:45", "02:00", "02:30"))
        return f"{self.random.randrange(24):02}:{self.random.choice((0, 30)):02}"

    def _zone(self) -> str:
        return self.life.zone if self.chance.strikes("local time changes") else self.random.choice(STEADY)

    # ---- the file ----

    def write(self) -> None:
        """A file that names a target which is not declared is refused: nobody keeps such an entry."""
        targets = self.document["warehouses"]
        self.document["restores"] = [entry for entry in self.document["restores"] if entry["to"]["warehouse"] in targets]
        self.versions.append(copy.deepcopy(self.document))
        self.broken = False
        self._put(json.dumps(self.document, indent=1))

    def _put(self, text: str) -> None:
        self.life.paths.plans.write_text(text)
        self.life.files_changed()

    def hour(self) -> None:
        """An hour's opportunities."""
        if self.broken:
            if self.random.random() < 0.2:
                self.write()
            return
        for kind, act in (
            ("plan edited", self._edit), ("plan removed", self._remove), ("plan renamed", self._rename),
            ("plan disabled", self._disable), ("plans reverted", self._revert), ("restore asked", self._ask),
            ("restore edited", self._edit_restore), ("restore withdrawn", self._withdraw),
            ("hold set or taken away", self._hold),
        ):  # fmt: skip
            if self.chance.strikes(kind):
                act()
                self.write()
        if self.chance.strikes("plans broken"):
            whole = json.dumps(self.document, indent=1)
            self.broken = True
            self._put(whole[: self.random.randrange(1, len(whole) - 1)])
        elif self.chance.strikes("plans emptied"):
            self.broken = True
            kept = self.random.choice(({}, {"storages": self.document["storages"]}))
            self._put(self.random.choice(("", json.dumps({"version": 1, "installation": "sim"} | kept))))
        if self.chance.strikes("cancelled by command"):
            self._cancel()

    def _planned(self) -> list[str]:
        return [name for name, entry in self.document["warehouses"].items() if "plan" in entry]

    def _edit(self) -> None:
        names = [*self._planned(), *(() if self._grown else ("new",))]
        name = self.random.choice(names)
        if name == "new" and not self._grown:
            self._grown = True
            self.document["warehouses"]["new"] = self._house("new") | {
                "storage": self.random.choice(sorted(self.document["storages"])), "plan": self._plan(),
            }  # fmt: skip
            return
        plan, fresh = self.document["warehouses"][name]["plan"], self._plan()
        field = self.random.choice(("retention_days", "keep_last", "catch_up", "timeout", "periodic", "periodic", "one", "storage"))
        if field == "storage":
            self.document["warehouses"][name]["storage"] = self.random.choice(sorted(self.document["storages"]))
        elif field == "one":
            start = self.life.hub.now + timedelta(hours=self.random.randrange(2, 40))
            plan.pop("periodic", None)
            plan["one_time"] = {"start_time": instants.text(start.replace(minute=17, second=0, microsecond=0))}
        elif field == "periodic":
            plan.pop("one_time", None)
            plan["periodic"] = fresh["periodic"]
        else:
            plan[field] = fresh[field]

    def _remove(self) -> None:
        if len(self._planned()) > 1:
            del self.document["warehouses"][self.random.choice(self._planned())]

    def _rename(self) -> None:
        """One that is in force: of two renamings at once the first is known to nobody."""
        standing = [name for name in self._planned() if self.life.judge.in_force.is_in_force(name)]
        if not standing:
            return
        old = self.random.choice(standing)
        entry = self.document["warehouses"].pop(old)
        new = f"{old}x"
        self.document["warehouses"][new] = entry | {"previous_name": old}
        for request in self.document["restores"]:
            if request["to"]["warehouse"] == old:
                request["to"] = {"warehouse": new}
        self.life.judge.in_force.renamed(old, new)
        self.versions.clear()  # nobody reverts past a renaming: two names for one house cannot be judged

    def _disable(self) -> None:
        for name in self._planned():
            schedule = self.document["warehouses"][name]["plan"].get("periodic")
            if schedule is not None:
                schedule["enabled"] = not schedule.get("enabled", True)
                return

    def _revert(self) -> None:
        if self.versions:
            self.document = copy.deepcopy(self.random.choice(self.versions[-6:]))

    def ask_for(self, source: str, backup_set: str) -> None:
        """Somebody wants a set whose days are just over."""
        if not self.broken:
            self._ask(source, {"backup_set": backup_set})
            self.write()

    def _ask(self, source: str = "", which: dict[str, Any] | None = None) -> None:
        self._asked += 1
        source = source or self.random.choice([*self._planned(), *self.life.judge.evidence.homes] or ["shop"])
        own = self.random.random() < 0.3 and source in self.document["warehouses"]  # beside what it was made from
        target = source if own else "lab" if self.life.house_of(source).name == "shop" else "staging"
        databases = self.random.choice(({"sales": f"sales_{self._asked}"}, {"sales": "sales_copy", "crm": "crm_copy"}))
        entry = {
            "id": f"r-{self._asked}", "from": {"warehouse": source} | (which or self._which()), "to": {"warehouse": target},
            "databases": databases,
        }  # fmt: skip
        if self.random.random() < 0.5:
            entry["if_exists"] = {"replace": sorted(databases.values())}
        if self.random.random() < 0.2:
            entry["valid_until"] = instants.text(self.life.hub.now.replace(microsecond=0) + timedelta(hours=20))
        self.document["restores"].append(entry)
        self._think_again(entry)

    def _think_again(self, entry: dict[str, Any]) -> None:
        """Some take a request back, or change it, just after they have made it."""
        kind, act = (("restore withdrawn", self._withdraw), ("restore edited", self._edit_restore), ("", None))[self._asked % 3]
        if act is not None and kind in self.chance.active:
            self.chance.counts[kind] += 1
            self.life.hub.after(self.random.uniform(5, 120), lambda: self._on(entry, act))

    def _on(self, entry: dict[str, Any], act: Any) -> None:
        if entry in self.document["restores"] and not self.broken:
            act(entry)
            self.write()

    def _which(self) -> dict[str, str]:
        sets = sorted(self.life.judge.evidence.known)
        match self.random.randrange(3):
            case 0 if sets:
                return {"backup_set": self.random.choice(sets)}
            case 1:
                return {"backup_set": {"before": instants.text(self.life.hub.now.replace(microsecond=0))}}
            case _:
                return {"backup_set": "latest"}

    def _edit_restore(self, entry: dict[str, Any] | None = None) -> None:
        if self.document["restores"]:
            self._asked += 1
            entry = entry or self.random.choice(self.document["restores"])
            entry.pop("if_exists", None)
            entry["databases"] = {"crm": f"crm_{self._asked}"}

    def _withdraw(self, entry: dict[str, Any] | None = None) -> None:
        if self.document["restores"]:
            self.document["restores"].remove(entry or self.random.choice(self.document["restores"]))

    def _hold(self) -> None:
        held = {item["backup_set"] for item in self.document["holds"]}
        free = sorted(self.life.judge.evidence.known.keys() - held)
        if free and self.random.random() < 0.6:
            self.document["holds"].append({"backup_set": self.random.choice(free), "reason": "audit"})
        elif self.document["holds"]:
            self.document["holds"].remove(self.random.choice(self.document["holds"]))

    # ---- commands ----

    def _cancel(self) -> None:
        subjects = [*self.life.judge.rows.open_subjects]
        if subjects:
            subject = self.random.choice(sorted(subjects))
            self._command(lambda engine, now: wish_to_cancel(engine, subject, now))

    def attend(self) -> None:
        """Somebody looks at the status, and does what it says."""
        process = self.life.writer
        if process is None or process.step is None:
            return
        configuration = process.step.configuration
        meant = load(self.life.paths.plans).digest == configuration.digest and not self.broken
        if configuration.state == "refused" and meant:
            self._command(lambda engine, now: allow(engine, "removals", configuration.digest, now))
        for pause in process.pauses:
            if pause.allowed_by == "reconcile allow clock":
                self.life.set_clocks_right()
            elif pause.allowed_by == "reconcile allow ledger":
                self._command(lambda engine, now: allow(engine, "ledger", "storages", now))
        for restore in self.life.judge.waiting_for_approval:
            self._command(lambda engine, now, restore=restore: approve(engine, restore, now))

    def _command(self, act: Any) -> None:
        ledger = self.life.paths.ledger
        if not ledger.exists() or not ledger.stat().st_size:
            return
        engine = open_to_write(ledger, simulated=False)
        try:
            act(engine, self.life.hub.now.replace(microsecond=0))
        except NotInLedger:
            pass
        finally:
            engine.dispose()
        self.life.files_changed()

    def settle(self) -> None:
        """At the end of all faults the file is whole again."""
        self.write()
