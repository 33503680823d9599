"""F45: what is state is its owner's alone, what others are to read they can read, under any umask."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

UMASKS = (0o000, 0o002, 0o022, 0o077, 0o027)


def run(site, umask: int, now: str, *words: str) -> None:
    done = subprocess.run(
        [Path(os.sys.executable).with_name("reconcile"), "--now", now, *words], cwd=site.folder, capture_output=True, text=True,
        check=False, timeout=60, umask=umask, env=os.environ | {"RECONCILE_FILE": "plans.yaml"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def modes(site) -> dict[str, set[str]]:
    """Of every kind of file and folder of ours. A restored database is the warehouse's: its umask is the operator's word."""
    found: dict[str, set[str]] = {}
    for path in site.folder.rglob("*"):
        name = str(path.relative_to(site.folder))
        kind = ("storage folder" if path.is_dir() else "storage file") if name.startswith("backups") else (
            "ledger" if name.startswith("ledger.sqlite") else "status" if name.startswith("status.json") else None)  # fmt: skip
        if kind:
            found.setdefault(kind, set()).add(oct(stat.S_IMODE(path.stat().st_mode)))
    return found


@pytest.mark.parametrize("umask", UMASKS, ids=oct)
def test_state_is_its_owner_s_alone_and_the_status_is_for_all(site, umask):
    site.database()
    run(site, umask, "2026-11-23T00:00:00Z", "apply")
    run(site, umask, "2026-11-23T02:00:00Z", "apply")

    assert modes(site) == {
        "ledger": {"0o600"}, "status": {"0o644"}, "storage folder": {"0o700"}, "storage file": {"0o600"},
    }  # fmt: skip


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664], ids=oct)
def test_a_database_that_is_replaced_keeps_its_rights(site, mode):
    """A private one once became readable for all, by the umask of the reconciler."""
    site.database()
    target = site.database("copy", rows=1, warehouse="other")
    target.chmod(mode)
    site.restore("r-1", databases={"sales": "copy"}, if_exists={"replace": ["copy"]})
    for now in ("2026-11-23T00:00:00Z", "2026-11-23T02:00:00Z", "2026-11-23T02:01:00Z"):
        site.apply(now)

    assert oct(stat.S_IMODE(target.stat().st_mode)) == oct(mode)
    assert target.stat().st_size > 300_000
