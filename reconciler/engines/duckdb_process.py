"""Starts the DuckDB child, hands it one request and passes its words on; it never outlives its caller."""

import contextlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from reconciler.core.ports import Watch
from reconciler.errors import EngineFailed

LOOK_EVERY = 0.2  # seconds between two looks at the watch while the child is silent
NEEDED = frozenset({"PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER", "VIRTUAL_ENV"})
FAMILIES = ("PYTHON", "LC_", "LD_", "FAKETIME", "COVERAGE")
CHILD = (sys.executable, "-m", "reconciler.engines.duckdb_child")


def run(request: dict[str, Any], watch: Watch, span: tuple[float, float]) -> Any:
    """The child's answer. Its 0 to 100 becomes the part of the whole job that `span` names."""
    with _child() as child:
        assert child.stdin is not None  # noqa: S101  for the type checker: it is a pipe
        child.stdin.write(json.dumps(request) + "\n")
        child.stdin.flush()
        for message in _messages(child, watch):
            if "progress" in message:
                watch.progress(span[0] + (span[1] - span[0]) * message["progress"] / 100)
            elif "failed" in message:
                raise EngineFailed(message["failed"], passing=message["passing"])
            elif "done" in message:
                return message["done"]
        raise EngineFailed(f"the DuckDB process ended without an answer: {_ending(child)}", passing=True)


@contextlib.contextmanager
def _child() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        CHILD, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=_environment(),
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def _environment() -> dict[str, str]:
    """What a Python needs to start; no variable that may hold a secret, which the child has no use for."""
    return {name: value for name, value in os.environ.items() if name in NEEDED or name.startswith(FAMILIES)}


def _messages(child: subprocess.Popen[str], watch: Watch) -> Iterator[dict[str, Any]]:
    assert child.stdout is not None  # noqa: S101  for the type checker: it is a pipe
    noise: list[str] = []
    while True:
        watch.check()
        if not select.select([child.stdout], [], [], LOOK_EVERY)[0]:
            continue
        line = child.stdout.readline()
        if not line:
            break
        if line.startswith("{"):
            yield json.loads(line)
        else:
            noise.append(line.strip())
    if noise:
        raise EngineFailed(f"the DuckDB process failed: {noise[-1]}")


def _ending(child: subprocess.Popen[str]) -> str:
    code = child.wait()
    return f"signal {-code}, which is how Linux ends a process for want of memory" if code == -9 else f"code {code}"  # noqa: PLR2004
