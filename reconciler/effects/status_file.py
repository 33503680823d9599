"""Replaces the status file in one step, so that nobody ever reads half of one (T4)."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from reconciler.errors import ReconcilerError


class StatusNotWritten(ReconcilerError):
    pass


def write(path: Path, document: dict[str, Any]) -> None:
    """The file that was there stays where the new one cannot be written. Raises StatusNotWritten."""
    hidden = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with hidden.open("w", encoding="utf-8") as file:
            file.write(json.dumps(document, indent=1) + "\n")  # in ASCII: no name turns a line round on a terminal
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o644)  # for readers; it holds no secret
        hidden.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            hidden.unlink()
        raise StatusNotWritten(
            f"status file {path} cannot be written: {error.strerror}; the one before it still stands"
        ) from error
