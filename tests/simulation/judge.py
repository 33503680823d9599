"""The independent model: what may be in storage, what may go, what must have happened. It believes objects, not rows.

Everything is judged by the objects in the buckets, by what the warehouses really did, and by the YAML that was in
force; the ledger is only read to see that what has ended stays as it ended.
"""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
from evidence import Evidence
from in_force import InForce
from rows import Rows
from verdict import Verdict

VALID = jsonschema_rs.validator_for(
    json.loads((Path(__file__).parents[2] / "schemas/status.schema.json").read_text())
)


class Judge:
    def __init__(self, life: Any) -> None:
        self.life, self.verdict = life, Verdict()
        self.in_force = InForce(life)
        self.evidence = Evidence(life, self.verdict, self.in_force)
        self.rows = Rows(life, self.verdict, self.evidence, self.in_force)
        self.waiting_for_approval: set[str] = set()
        self._seen_plans_by = ""  # the ledger

    def after_beat(self, process: Any) -> None:
        step = process.step
        if step is not None and step.configuration.state == "accepted":
            self.in_force.accept(process, step)
        self._check_plans(process, step)
        self._check_status()
        self.rows.look(process)

    def _check_plans(self, process: Any, step: Any) -> None:
        """P7: a ledger that has seen a plan never goes on without any; people always mean some."""
        if step is not None and step.decision is not None:
            if step.recorded.configuration.planned:
                self._seen_plans_by = process.ledger.id
            else:
                self.verdict.hold_true("P7", self._seen_plans_by != process.ledger.id, "a file without plans is in force")

    def died(self, process: Any) -> None:
        self.rows.died(process)
        self.in_force.died(process)

    def ledger_lost(self) -> None:
        self.rows.ledger_lost()
        self.evidence.ledger_lost()
        self.in_force.ledger_lost()

    def _check_status(self) -> None:
        if self.life.paths.status.exists():
            document = json.loads(self.life.paths.status.read_text())
            errors = [str(error) for error in VALID.iter_errors(document)]
            self.verdict.hold_true("T4", not errors, f"the status file is not valid: {errors[:1]}")
            self.waiting_for_approval = {item["id"] for item in document["restore_tasks"] if item["state"] == "needs_approval"}
