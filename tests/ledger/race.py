"""Eight processes race for slots on one ledger, and none may be claimed twice.

`python tests/ledger/race.py [CLAIMS]` does it in each kind of database and prints what came of it (`make race`).
"""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "servers"))
import database

from reconciler import doors
from reconciler.cli.clock import SystemClock
from reconciler.core import ledger_place
from reconciler.core.plan import Rows
from reconciler.core.record import Task

KINDS = ("sqlite", "postgresql", "mariadb")
NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
RACER = Path(__file__).with_name("racer.py")


def task(name: str, hour: int = 0) -> Task:
    return Task(name, "shop", NOW + timedelta(hours=hour), "waiting", 1, created_at=NOW)


def race(address: str, claims: int, seconds: float) -> Counter[str]:
    """How many each process was granted; fails where one was granted twice, or not at all."""
    wanted = {f"t-{number}" for number in range(claims)}
    with doors.ledger_to_write(ledger_place.parse(address), SystemClock(), simulated=False) as ledger:
        ledger.record(Rows(tasks=tuple(task(f"t-{number}", number) for number in range(claims))), NOW)
    racers = [
        subprocess.Popen([sys.executable, RACER, address], stdout=subprocess.PIPE, text=True) for _ in range(8)
    ]
    try:
        said = [racer.communicate(timeout=seconds)[0].split("\n")[:-1] for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()
    granted = [line.split() for lines in said for line in lines]
    assert [racer.returncode for racer in racers] == [0] * len(racers)
    assert Counter(name for _, name, _ in granted) == Counter(wanted), "each slot exactly once"
    assert {attempt for _, _, attempt in granted} == {"1"}
    return Counter(racer for racer, _, _ in granted)


def main(claims: int) -> None:
    for kind in KINDS:
        began = time.monotonic()
        if kind == "sqlite":
            with tempfile.TemporaryDirectory(prefix="race-") as folder:
                granted = race(str(Path(folder) / "ledger.sqlite"), claims, 3600)
        else:
            with database.database(kind) as server:
                granted = race(server.url(server.create()), claims, 3600)
        shares = ", ".join(f"{share:,}" for share in sorted(granted.values()))
        print(f"{kind}: {granted.total():,} claims by 8 processes ({shares}), 0 twice, "
              f"{time.monotonic() - began:.0f} s", flush=True)  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
