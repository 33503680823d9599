"""Asks, just before a removal or a restore, whether it may be: whose the storage is, what time it is (T5, S5)."""

import threading
from collections.abc import Callable
from datetime import timedelta

from reconciler.core import pause
from reconciler.core.model import Desired
from reconciler.core.pause import Clocks, Mark, Pause
from reconciler.core.ports import Clock, Storage
from reconciler.effects.ledger import Ledger

OLD = 30.0  # seconds after which a storage is asked again


Ask = Callable[[Desired, str, Callable[[], Storage]], Pause | None]


class Lookout:
    """One for the life of a process; `pauses` is what waits at the moment, for the status."""

    def __init__(self, clock: Clock, ledger: Ledger) -> None:
        self._clock = clock
        self._ledger = ledger
        self._lock = threading.Lock()
        self._trusted = (clock.now(), clock.monotonic())
        self._last_seen = ledger.moments()[0]  # what earlier processes saw; in this one only jumps count
        self._seen: dict[tuple[Ask, str], tuple[float, Pause | None]] = {}

    @property
    def pauses(self) -> tuple[Pause, ...]:
        found = (answer for _, answer in tuple(self._seen.values()) if answer is not None)
        return tuple(dict.fromkeys(found))

    @property
    def standing(self) -> tuple[tuple[Ask, str], ...]:
        """The questions whose last answer was a pause: to be asked again."""
        return tuple(key for key, (_, answer) in tuple(self._seen.items()) if answer is not None)

    def doubt(self, desired: Desired, found: Pause) -> None:
        """The clock cannot be trusted: every storage is asked for the time, though nothing is to be removed."""
        for name in desired.storages:
            asked, answer = self._seen.get((self.before_removal, name), (float("-inf"), None))
            self._seen[self.before_removal, name] = (asked, answer or found)

    def ask_anew(self) -> None:
        """A look has changed what the ledger knows: answers that let things go on are not relied on any more."""
        with self._lock:
            self._seen = {key: found for key, found in self._seen.items() if found[1] is not None}

    def before_removal(self, desired: Desired, name: str, open_storage: Callable[[], Storage]) -> Pause | None:
        """Why nothing may be removed from the storage now. Raises StorageFailed where it cannot be asked."""
        return self._answer(self.before_removal, name, lambda: self._removal_pause(desired, name, open_storage()))

    def before_restore(self, desired: Desired, name: str, open_storage: Callable[[], Storage]) -> Pause | None:
        """Why no restore may be begun from the storage now."""
        return self._answer(
            self.before_restore, name, lambda: self._ledger_pause("restores", desired, name, open_storage())
        )

    def _answer(self, question: Ask, name: str, ask: Callable[[], Pause | None]) -> Pause | None:
        """One at a time, so that a thousand removals ask once; a pause is asked about anew each time."""
        with self._lock:
            asked, answer = self._seen.get((question, name), (float("-inf"), None))
            fresh = self._clock.monotonic() - asked < OLD and not self._jumped()
            if answer is None and fresh:
                return None
            answer = ask()
            self._seen[question, name] = (self._clock.monotonic(), answer)
            return answer

    def _removal_pause(self, desired: Desired, name: str, storage: Storage) -> Pause | None:
        rebuilt_at = self._ledger.moments()[1]
        now = self._clock.now()
        other = None if self._ledger.is_simulated else storage.now()  # nobody else lives by --now
        clock = self._clock_pause(Clocks(now, self._drift(), self._last_seen, other))
        return (
            self._ledger_pause("removals", desired, name, storage)
            or pause.rebuild_pause(rebuilt_at, now)
            or clock
        )

    def _ledger_pause(self, what: str, desired: Desired, name: str, storage: Storage) -> Pause | None:
        """An allowance counts for the marks that stood when it was given, so that no two ledgers take turns."""
        own = Mark(self._ledger.id, self._clock.now())
        mark = storage.mark(desired.installation)
        found = pause.ledger_pause(what, name, mark, own.ledger)
        since = mark.marked_at if mark else self._ledger.marked_at(name)
        if found is not None and self._ledger.is_allowed("ledger", since):
            storage.set_mark(desired.installation, own, replace=True)
            self._ledger.note_mark(name, own.marked_at)
            return None
        return found

    def _clock_pause(self, clocks: Clocks) -> Pause | None:
        """Once the clock is right, or allowed as it is, it is what later jumps are measured from."""
        found = pause.clock_pause(clocks)
        allowed = self._ledger.is_allowed("clock")
        if found is not None and not allowed:
            return found
        self._trusted, self._last_seen = (clocks.now, self._clock.monotonic()), None
        self._ledger.trust_clock(clocks.now)
        if found is None and allowed:
            self._ledger.use_allowance("clock", clocks.now)
        return None

    def _jumped(self) -> bool:
        return abs(self._drift()) > pause.TOLERANCE

    def _drift(self) -> timedelta:
        wall, monotonic = self._trusted
        return (self._clock.now() - wall) - timedelta(seconds=self._clock.monotonic() - monotonic)
