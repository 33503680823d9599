"""The cases and the goals. A new case is a new value in CASES; its goals are new lines in GOALS."""

import sys
from pathlib import Path

import inputs
import ledger
import peers
from case import Case, Goal, Run, Side

BIN = Path(sys.executable).parent
SCHEMA = Path(__file__).parent.parent / "schemas" / "plans.schema.json"

PYTHON = Side("python -c pass", (sys.executable, "-c", "pass"))
RECONCILE = Side("reconcile", (f"{BIN}/reconcile", "-f", "{inputs}/plans-{size}.yaml", "--dry-run"))
WITH_LEDGER = Side("reconcile", (*ledger.command("{inputs}", "{size}", "changed"), "--dry-run"))
OCTODNS = Side(
    "octodns-sync", (f"{peers.BIN}/octodns-sync", "--config-file", "{inputs}/octodns-{size}/config.yaml")
)
CHECK_JSONSCHEMA = Side(
    "check-jsonschema", (f"{peers.BIN}/check-jsonschema", "--schemafile", str(SCHEMA), "{inputs}/plans-{size}.yaml")
)

DRY_RUN = Case(
    name="dry-run",
    group="Dry run of n plans, without a ledger",
    command=RECONCILE,
    peers=(OCTODNS, CHECK_JSONSCHEMA),
    floor=PYTHON,
    sizes=(1, 1_000, 10_000),
    quick_sizes=(1, 1_000),
    prepare=inputs.prepare,
)
DRY_RUN_WITH_LEDGER = Case(
    name="dry-run-with-ledger",
    group="Dry run of n plans beside a ledger of n, a tenth changed",
    command=WITH_LEDGER,
    peers=(OCTODNS,),
    floor=PYTHON,
    sizes=(1, 1_000),
    quick_sizes=(),
    prepare=ledger.prepare,
)
CASES = (DRY_RUN, DRY_RUN_WITH_LEDGER)


def dry_run(side: Side, size: int) -> Run:
    return Run(DRY_RUN.name, side.name, size)


GOALS = (
    Goal("GP1", "wall_s", dry_run(RECONCILE, 1), dry_run(OCTODNS, 1), 0.35),
    Goal("GP1", "wall_s", dry_run(RECONCILE, 1), dry_run(PYTHON, 1), 5),
    Goal("GP2", "wall_s", dry_run(RECONCILE, 1_000), dry_run(OCTODNS, 1_000), 0.16),
    Goal("GP3", "wall_s", dry_run(RECONCILE, 10_000), dry_run(OCTODNS, 10_000), 0.10),
    Goal("GP3", "wall_s", dry_run(RECONCILE, 10_000), dry_run(CHECK_JSONSCHEMA, 10_000), 0.04),
    Goal("GP4", "rss_mib", dry_run(RECONCILE, 10_000), dry_run(OCTODNS, 10_000), 0.6),
    Goal("GP5", "wall_s", dry_run(RECONCILE, 10_000), dry_run(RECONCILE, 1_000), 7),
)
