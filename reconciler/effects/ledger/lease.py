"""One writer at a time (T3), beside a ledger in a file: an operating system lock, free at once after a kill.

The lock file lies beside the ledger and stays there; only the kernel's lock on it counts, never its content.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from sqlalchemy import Connection

from reconciler.effects.ledger import lease_row
from reconciler.errors import LeaseHeld


class Held(Protocol):
    """What a ledger and the guard of its storages ask of a lease."""

    def check(self) -> None:
        """Raises LeaseHeld where another has it, LeaseLapsed where it is not sure that we still have it."""

    def number(self, connection: Connection) -> int:
        """The fencing number under which its holder writes."""


class Lease:
    """Held from `__enter__` to `__exit__`, or to the end of the process."""

    def __init__(self, ledger: Path) -> None:
        self._path = ledger.with_name(ledger.name + ".lock")
        self._descriptor = -1

    def __enter__(self) -> Self:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise LeaseHeld(
                f"another reconciler (process {holder}) writes this ledger ({self._path}); "
                f"try again when it has ended"
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def check(self) -> None:
        """Nobody can take it while this process lives."""

    def number(self, connection: Connection) -> int:
        return lease_row.next_number(connection)
