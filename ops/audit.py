"""Looks every package of the lock files up among the known holes (pip-audit): `make audit`.

Ends with 0 when all were looked up and none is known, 1 when one is, and 2 when something could not be looked up:
a missing network is not a clean bill.
"""

import json
import subprocess
import sys
from pathlib import Path

CLEAN, HOLES, NOT_ASKED = 0, 1, 2


def main(locks: list[str]) -> int:
    worst = CLEAN
    for lock in locks:
        worst = max(worst, audit(lock))
    return worst


def audit(lock: str) -> int:
    tool = Path(sys.executable).with_name("pip-audit")
    words = [tool, "--requirement", lock, "--require-hashes", "--disable-pip", "--format", "json",
             "--progress-spinner", "off"]  # fmt: skip
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(found.stdout)["dependencies"]
    except ValueError:
        print(f"{lock}: NOT AUDITED: {found.stderr.strip().splitlines()[-1:]}; this needs PyPI's JSON service")
        return NOT_ASKED
    unasked = [package["name"] for package in packages if "skip_reason" in package]
    holes = [(package, hole) for package in packages for hole in package.get("vulns", ())]
    for package, hole in holes:
        fixed = ", ".join(hole["fix_versions"]) or "no release yet"
        print(f"{lock}: {package['name']} {package['version']}: {hole['id']}, fixed in {fixed}")
    if unasked:
        print(f"{lock}: NOT AUDITED: {len(unasked)} of {len(packages)} packages: {', '.join(unasked)}; "
              f"this needs PyPI's JSON service, which does not answer for them here")  # fmt: skip
    else:
        print(f"{lock}: {len(packages)} packages looked up, {len(holes)} known holes")
    if holes:
        return HOLES
    return NOT_ASKED if unasked else CLEAN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
