"""A ledger that has taken over all plans, for dry runs that compare with something."""

import subprocess
import sys
from pathlib import Path

import inputs


def command(folder: str, size: str, plans: str) -> tuple[str, ...]:
    """`reconcile` on plans-SIZE.yaml or changed-SIZE.yaml, with the ledger of that size."""
    options = (f"--ledger={folder}/ledger-{size}.sqlite", f"--status-file={folder}/status-{size}.json")
    return (str(Path(sys.executable).parent / "reconcile"), "-f", f"{folder}/{plans}-{size}.yaml", *options)


def prepare(folder: Path, size: int) -> None:
    """The files of a dry run, and one real pass over the plans; nothing is due in it, so no warehouse is opened."""
    inputs.prepare(folder, size)
    subprocess.run([*command(str(folder), str(size), "plans"), "apply"], check=True, capture_output=True)
