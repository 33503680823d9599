"""What the actions work with: the ledger, the clock, and the doors to warehouses and storages."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from reconciler.core.event import Event
from reconciler.core.model import Desired, Warehouse
from reconciler.core.ports import Clock, Engine, Storage
from reconciler.effects.guarded import GuardedStorage
from reconciler.effects.ledger import Ledger
from reconciler.effects.lookout import Lookout
from reconciler.errors import Cancelled, DeadlinePassed, LeaseLapsed, StorageFailed

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 300.0  # seconds between two tries, doubled from the one to the other


class Doors(NamedTuple):
    """Opens an engine or a storage by its declaration; wired where drivers are known. Both may raise StepFailed
    or SecretUnresolved, which fail one task and no other.
    """

    engine: Callable[[Warehouse], Engine]
    storage: Callable[[Desired, str], Storage]


class World(NamedTuple):
    """`look` is how many seconds lie between two looks, in a pause, at whether work shall stop."""

    desired: Desired
    ledger: Ledger
    clock: Clock
    doors: Doors
    lookout: Lookout
    report: Callable[[Event], None]
    look: float = 1.0

    def storage(self, name: str | None) -> Storage:
        if name is None or name not in self.desired.storages:
            raise StorageFailed(f"storage {name} is not declared any more; declare it again under its name")
        return GuardedStorage(self.doors.storage(self.desired, name), self.ledger.check_lease)


class Progress:
    """What runs now and how far each is, in per cent; shared between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._percent: dict[str, int] = {}
        self._wishes: frozenset[str] = frozenset()
        self.version = 0

    def set(self, subject: str, percent: int | None) -> None:
        """None when it ended."""
        with self._lock:
            if self._percent.get(subject, -1) == percent:
                return
            self.version += 1
            if percent is None:
                self._percent.pop(subject, None)
            else:
                self._percent[subject] = percent

    def touch(self) -> None:
        """Something changed that the ledger knows."""
        with self._lock:
            self.version += 1

    def snapshot(self) -> dict[str, int]:
        with self._lock:
            return dict(self._percent)

    def wish(self, subjects: frozenset[str]) -> None:
        """The ids that somebody wants stopped."""
        with self._lock:
            self._wishes = subjects

    def is_unwanted(self, subject: str) -> bool:
        with self._lock:
            return subject in self._wishes


class TaskWatch:
    """The Watch port for one task. Its time is counted by the monotonic clock from here on: nobody's setting of
    the wall clock ends a backup. A start that is still to come was written by a clock that was ahead, and counts
    as made now.
    """

    def __init__(
        self, world: World, subject: str, progress: Progress, started_at: datetime | None, timeout: timedelta
    ) -> None:
        self._subject, self._progress = subject, progress
        self._clock, self._look, self._check_lease = world.clock, world.look, world.ledger.check_lease
        now = world.clock.now()
        passed = now - min(now, started_at or now)
        self._deadline = world.clock.monotonic() + (timeout - passed).total_seconds()

    def progress(self, percent: float) -> None:
        self._progress.set(self._subject, min(99, int(percent)))
        self.check()

    def check(self) -> None:
        """Raises LeaseHeld as well, where another reconciler has come to do the work."""
        self._wait_for_lease()
        if self._progress.is_unwanted(self._subject):
            raise Cancelled("cancelled on request")
        if self._clock.monotonic() > self._deadline:
            raise DeadlinePassed("ran past its `timeout`")

    def pause_before_another_try(self, seconds: float) -> None:
        """As `pause`. Raises DeadlinePassed at once where the time would be over then."""
        if self._clock.monotonic() + seconds > self._deadline:
            raise DeadlinePassed("its `timeout` leaves no time for another try")
        self.pause(seconds)

    def _wait_for_lease(self) -> None:
        """While it is not sure that we hold it nothing more is begun; what runs already at a warehouse goes on."""
        while True:
            try:
                return self._check_lease()
            except LeaseLapsed:
                self._clock.pause(self._look)

    def rest(self, seconds: float) -> None:
        self._clock.pause(seconds)

    def pause(self, seconds: float) -> None:
        """Waits, but no longer than until it shall stop."""
        while seconds > 0:
            self.check()
            self._clock.pause(min(self._look, seconds))
            seconds -= self._look


def pause_before(attempt: int) -> float:
    """Seconds to wait after the attempt-th failure in a row, counted from 1."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (attempt - 1))
