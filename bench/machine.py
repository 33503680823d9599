"""What the figures were taken on: without it they cannot be compared with others."""

import importlib.metadata
import os
import platform
import resource
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import peers

OURS = ("reconciler", "click", "PyYAML", "SQLAlchemy", "duckdb")
QUIET = 0.05  # of a core: what others may use before a note says that the figures are noisy


def facts(seed: int) -> dict[str, str]:
    """Name and value of each fact, as text."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": _commit(),
        "cores": str(os.cpu_count()),
        "CPU": _first_line("/proc/cpuinfo", "model name"),
        "memory": _first_line("/proc/meminfo", "MemTotal"),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in OURS),
        "peers": ", ".join(peers.REQUIREMENTS),
        "seed": str(seed),
    }


class Others:
    """How busy others kept the machine since this was made, which no load average tells from our own work."""

    def __init__(self) -> None:
        self._began, self._used = time.monotonic(), _others_s()

    def told(self) -> str:
        cores = (_others_s() - self._used) / (time.monotonic() - self._began)
        return f"used {cores:.2f} cores meanwhile{' (wall times are noisy)' if cores > QUIET else ''}"


def _others_s() -> float:
    """CPU seconds of all processes since the start of the machine, without ours and those we waited for."""
    ours = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    user, nice, system = map(int, Path("/proc/stat").read_text(encoding="utf-8").split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK") - sum(used.ru_utime + used.ru_stime for used in ours)


def _commit() -> str:
    git = ["git", "-C", Path(__file__).parent, "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(git, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _first_line(file: str, name: str) -> str:
    lines = Path(file).read_text(encoding="utf-8").splitlines() if Path(file).exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "unknown")
