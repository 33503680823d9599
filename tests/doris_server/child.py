"""The stand-in as a process of its own, for what a thread cannot show: its death, its port gone. Switches by STAND_IN."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Child(NamedTuple):
    process: subprocess.Popen[str]
    ports: list[int]


@contextlib.contextmanager
def running(*words: str) -> Iterator[Child]:
    """`running("--product", "starrocks", "--speed", "100")`: ready when it comes back, killed at the end."""
    command = [sys.executable, "-m", "doris_server", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) as process:
        try:
            yield Child(process, json.loads(process.stdout.readline())["ports"])
        finally:
            process.kill()
