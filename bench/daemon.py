"""The daemon where nothing is to do, and where a thousand slots fall due at once.

`make bench-daemon`. An idle beat beside a scan of as many next runs in memory; claims beside APScheduler's SQLite
store; memory and processor of a real idle daemon with 1,000 plans.
"""

import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import inputs  # noqa: E402
import peers  # noqa: E402

from reconciler.cli.clock import ShiftedClock  # noqa: E402
from reconciler.config.load import load  # noqa: E402
from reconciler.daemon import Beat, Rhythm  # noqa: E402
from reconciler.effects.ledger import Lease, Ledger, open_to_write  # noqa: E402
from reconciler.once import Pass, Paths  # noqa: E402

START = datetime(2026, 11, 23, 12, 30, 10, tzinfo=UTC)
BEATS = 2_000
DUE = 1_000
APSCHEDULER = """
import sys, time, datetime as d
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.executors.pool import ThreadPoolExecutor
sys.modules["__main__"].ran = ran = []
def job(): ran.append(time.time())
s = BackgroundScheduler(jobstores={"default": SQLAlchemyJobStore(url="sqlite:///" + sys.argv[1])},
                        executors={"default": ThreadPoolExecutor(50)}, job_defaults={"misfire_grace_time": 60})
s.start(paused=True)
at = d.datetime.now(d.UTC) + d.timedelta(seconds=6)
for n in range(int(sys.argv[2])): s.add_job(job, "date", run_date=at, id=str(n))
s.resume()
while len(ran) < int(sys.argv[2]): time.sleep(0.01)
print(max(ran) - at.timestamp())
"""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch)
        print("| plans | idle beat µs | scan of as many next runs µs | ratio |\n|---|---|---|---|")
        for plans in (1_000, 10_000, *([100_000] if os.environ.get("ALL") else [])):
            print(idle(folder, plans), flush=True)
        print(f"\n{claims(folder)}", flush=True)
        print(f"\n{resident(folder)}", flush=True)


def paths(folder: Path, plans: int) -> Paths:
    """Plans that are all due at 13:00 UTC, half an hour after the bench's own time."""
    own = Path(tempfile.mkdtemp(dir=folder))
    days = "monday, tuesday, wednesday, thursday, friday, saturday, sunday"
    said = {"start_time": '"13:00"', "time_zone": "UTC", "backup_every": f"[{days}]"}
    lines = []
    for line in inputs.plans(plans).splitlines():
        key, colon, _ = line.partition(":")
        lines.append(f"{key}: {said[key.strip()]}" if colon and key.strip() in said else line)
    (own / "plans.yaml").write_text("\n".join(lines) + "\n")
    return Paths(own / "plans.yaml", own / "ledger.sqlite", own / "status.json")


def idle(folder: Path, plans: int) -> str:
    where = paths(folder, plans)
    ledger = Ledger(open_to_write(where.ledger, simulated=True), where.ledger, Lease(where.ledger))
    clock = ShiftedClock(START)
    passing = Pass(where, clock, ledger, lambda _: None)
    beat = Beat(passing, Rhythm(reload=1e9, status=1e9))
    beat.once(reload=False)
    settle = time.monotonic() + 15
    while time.monotonic() < settle:
        beat.once(reload=False)
        time.sleep(0.05)
    ours = lap(lambda: beat.once(reload=False))
    runs = [START + timedelta(seconds=number) for number in range(plans)]
    scan = lap(lambda: [run for run in runs if run <= START - timedelta(days=1)])
    ledger.close()
    return f"| {plans:,} | {ours * 1e6:.1f} | {scan * 1e6:.1f} | {ours / scan:.4f} |"


def lap(work: object) -> float:
    """Seconds of one, the least of five rounds."""
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(BEATS // 5):
            work()  # type: ignore[operator]
        best = min(best, (time.perf_counter() - began) / (BEATS // 5))
    return best


def claims(folder: Path) -> str:
    """From the slot to the last claim being durable."""
    where = paths(folder, DUE)
    ledger = Ledger(open_to_write(where.ledger, simulated=True), where.ledger, Lease(where.ledger))
    begun = Pass(where, ShiftedClock(START), ledger, lambda _: None)
    loaded = load(where.plans)
    begun.step(loaded)
    time.sleep(2)
    due = Pass(where, ShiftedClock(START + timedelta(hours=1)), ledger, lambda _: None)
    due.runner.carry_out = lambda *_: None
    began = time.perf_counter()
    step = due.step(loaded)
    ours = time.perf_counter() - began
    assert len(step.decision.rows.tasks) == DUE
    ledger.close()
    peers.install_more("apscheduler==3.11.0", "sqlalchemy")
    done = subprocess.run([peers.BIN / "python", "-c", APSCHEDULER, str(folder / "aps.sqlite"), str(DUE)],
                          capture_output=True, text=True, check=True)  # fmt: skip
    other = float(done.stdout)
    return (f"{DUE:,} slots due at once: all claimed durably after {ours * 1e3:.0f} ms; APScheduler's SQLite store "
            f"started the last one {other * 1e3:.0f} ms late; ratio {ours / other:.3f}")  # fmt: skip


def resident(folder: Path) -> str:
    """A real daemon with 1,000 plans and nothing due, over half a minute."""
    where = paths(folder, 1_000)
    command = [Path(sys.executable).with_name("reconcile"), "--now", "2026-11-23T12:30:10Z", "run"]
    daemon = subprocess.Popen(command, cwd=where.plans.parent, stderr=subprocess.DEVNULL,
                              env=os.environ | {"RECONCILE_FILE": "plans.yaml"})  # fmt: skip
    try:
        time.sleep(20)
        before = cpu(daemon.pid)
        time.sleep(30)
        share = (cpu(daemon.pid) - before) / 30 * 100
        return f"idle daemon, 1,000 plans: {memory(daemon.pid)} MiB resident, {share:.2f} % of a core over 30 s"
    finally:
        daemon.kill()
        daemon.wait()


def cpu(pid: int) -> float:
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main()
