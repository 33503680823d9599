"""A daemon of the tests: a real process whose log is read as it comes."""

import json
import os
import signal
import subprocess
import threading
from pathlib import Path

BEFORE = "2026-11-23T01:59:57Z"
FAST = ("run", "--reload-every", "1s", "--log-format", "json")


class Running:
    """A daemon whose log is read as it comes."""

    def __init__(self, site, *words: str, now: str = BEFORE, process: subprocess.Popen | None = None) -> None:
        self.site = site
        self.process = process or site.start(*FAST, *words, now=now)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stderr:
            self.lines.append(line)

    @property
    def events(self) -> list[tuple[str, str, str]]:
        found = [json.loads(line) for line in self.lines if line.startswith("{")]
        return [(item["action"], item["subject"], item["outcome"]) for item in found]

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(40)
        self._reader.join(5)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


def status(site) -> dict:
    try:
        return json.loads(site.paths.status.read_text())
    except FileNotFoundError:
        return {"warehouses": [], "configuration": {"state": None}, "restore_tasks": [], "written_at": None}


def duckdb_children(process: subprocess.Popen) -> list[int]:
    """Those that have become what they are: one just forked still is a copy of the daemon, and holds its pipes."""
    found = []
    for thread in os.listdir(f"/proc/{process.pid}/task"):
        with open(f"/proc/{process.pid}/task/{thread}/children") as children:
            found += map(int, children.read().split())
    return [child for child in found if _is_duckdb_child(child)]


def _is_duckdb_child(number: int) -> bool:
    try:
        return b"duckdb_child" in Path(f"/proc/{number}/cmdline").read_bytes()
    except FileNotFoundError:
        return False
