"""When: the heartbeat of `reconcile run`, signals, and the reload of the configuration.

`schedule` gives the beat and nothing else: what is due is decided from the ledger at each pass, so a beat that is
missed, doubled or late changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import schedule

from reconciler import doors
from reconciler.config import load as configuration
from reconciler.core import wake
from reconciler.core.event import Event
from reconciler.core.pause import TOLERANCE
from reconciler.errors import LeaseHeld, LeaseLapsed, LedgerAway, LedgerUnusable
from reconciler.once import Pass

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import FrameType

    from reconciler.config.load import Loaded
    from reconciler.core.plan import Decision
    from reconciler.core.ports import Clock
    from reconciler.effects.ledger import Ledger
    from reconciler.effects.serve import Health
    from reconciler.once import Paths, Step

STAND_BY = 1.0  # seconds between two tries to take the lease over


class Rhythm(NamedTuple):
    """Seconds: between beats, between looks at the configuration, between status files at the most, and how long
    running work is given at a stop; `patience` is between passes.
    """

    beat: float = 1.0
    reload: float = 10.0
    status: float = 60.0
    grace: float = 25.0
    patience: wake.Patience = wake.Patience()


class Daemon:
    """`run` returns after SIGTERM or SIGINT; a second one ends the process at once."""

    def __init__(
        self, paths: Paths, clock: Clock, rhythm: Rhythm, say: Callable[[Event], None], health: Health, *,
        simulated: bool,
    ) -> None:  # fmt: skip
        self._paths, self._clock, self._rhythm, self._say, self._health = paths, clock, rhythm, say, health
        self._simulated = simulated
        self._stop = threading.Event()
        self._hang_up = threading.Event()
        self._ledger_state = ""  # what was said of it last

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, lambda *_: self._hang_up.set())
        with contextlib.ExitStack() as stack:
            ledger = self._opened(stack)
            if ledger is not None:
                passing = Pass(self._paths, self._clock, ledger, self._say)
                self._beat_until_stopped(Beat(passing, self._rhythm))

    def _opened(self, stack: contextlib.ExitStack) -> Ledger | None:
        """The ledger once its lease is ours, after as long as another holds it or its server is away; None when
        stopped meanwhile.
        """
        while not self._stop.is_set():
            try:
                opened = doors.ledger_to_write(self._paths.ledger, self._clock, simulated=self._simulated)
                return stack.enter_context(opened)
            except LedgerAway as error:
                self._say_ledger("away", str(error))
            except LeaseHeld as held:
                self._say_ledger("stands by", str(held))
            self._health.beat()
            self._stop.wait(STAND_BY)
        return None

    def _say_ledger(self, state: str, detail: str | None = None) -> None:
        """Once for each change, not at each beat."""
        if state != self._ledger_state:
            self._ledger_state = state
            subject = "lease" if state in ("stands by", "taken", "lost", "given back") else "ledger"
            self._say(Event("daemon", subject, state, detail))

    def _beat_until_stopped(self, beat: Beat) -> None:
        self._say_ledger("taken")
        heart = schedule.Scheduler()
        self._beat_once(beat)
        while not self._stop.is_set():
            if not heart.jobs or (heart.idle_seconds or 0) > 2 * self._rhythm.beat:
                heart.clear()  # it goes by the wall clock, and would wait as long as that was set back
                heart.every(1).seconds.do(self._beat_once, beat)
            self._stop.wait(self._rhythm.beat)
            heart.run_pending()
        try:
            beat.wind_down(self._rhythm.grace)
        except LedgerUnusable as error:
            self._say(Event("daemon", "status", "not written", str(error)))
        self._say_ledger("given back")

    def _beat_once(self, beat: Beat) -> None:
        """One beat; whatever goes wrong in it is said, and the next one comes all the same."""
        try:
            hung_up = self._hang_up.is_set()
            self._hang_up.clear()
            beat.once(reload=hung_up)
            self._health.ready = beat.is_ready
            if self._ledger_state == "away":
                self._say_ledger("back")
        except (LedgerAway, LeaseLapsed) as error:
            self._say_ledger("away", str(error))
        except LeaseHeld as error:
            self._say_ledger("lost", str(error))
            raise
        except (LedgerUnusable, OSError) as error:
            self._say(Event("daemon", "beat", "failed", str(error)))
        self._health.beat()

    def _on_stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  the handler's form
        if self._stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
            os._exit(128 + number)  # process 1, as in a container, does not die of a signal's default
        self._stop.set()


class Beat:
    """What happens at a beat: nothing, unless time, the configuration, a wish or running work calls for a pass."""

    def __init__(self, passing: Pass, rhythm: Rhythm) -> None:
        self._pass, self._clock, self._rhythm = passing, passing.clock, rhythm
        self._loaded: Loaded | None = None
        self._step: Step | None = None
        self._wake: datetime | None = None
        self._awake = float("-inf")  # the same, by the monotonic clock
        self._looked = self._written = float("-inf")
        self._progress = -1  # version of the running work when the status was written
        self._owed = False  # whether the last pass did not come to its end
        self._ends = 0  # how much work had come to its end at the last pass
        self._words: tuple[frozenset[str], int] | None = None  # what others had left word of by then
        self._candidate: tuple[str, str | None] | None = None  # a configuration seen once

    @property
    def is_ready(self) -> bool:
        """True once a configuration was in force."""
        return self._step is not None and self._step.decision is not None

    @property
    def next_pass(self) -> tuple[datetime, float] | None:
        """By either clock, when the next pass is due if nothing happens before; None before the first."""
        return None if self._wake is None else (self._wake, self._awake)

    def once(self, *, reload: bool) -> None:
        """Work that came to its end may free a cap, or give a waiting restore its set."""
        self._pass.ledger.check_lease()
        self._owed = self._reloaded(force=reload) or self._owed
        words, ends = self._pass.ledger.words(), self._pass.runner.ends
        stepping = self._owed or self._is_due() or words != self._words or ends != self._ends
        if stepping:
            self._words, self._ends, self._owed = words, ends, True
            self._take_step()
            self._owed = False
        if stepping or self._pass.runner.progress.version != self._progress or self._is_stale():
            self._write(just_now=stepping)

    def wind_down(self, grace: float) -> None:
        """Starts nothing more, gives what runs its time, and writes the last status."""
        self._pass.runner.drop_waiting()
        end = self._clock.monotonic() + grace
        while self._pass.runner.wait(0.2) and self._clock.monotonic() < end:
            pass
        if self._step is not None:
            self._write(last=True)

    def _reloaded(self, *, force: bool) -> bool:
        """Whether the configuration is another one; looked at by content, every few seconds.

        A change is taken when two looks, a beat apart, see the same: a file that is being written is left alone.
        """
        now = self._clock.monotonic()
        if not force and self._candidate is None and now - self._looked < self._rhythm.reload:
            return False
        self._looked = now
        found = configuration.fingerprint(self._pass.paths.plans)
        if self._loaded is not None and found == self._loaded.fingerprint:
            self._candidate = None
            return False
        if self._loaded is not None and not force and found != self._candidate:
            self._candidate = found
            return False
        self._candidate = None
        self._loaded = configuration.load(self._pass.paths.plans)
        return True

    def _is_due(self) -> bool:
        """By either clock: one that was set back must not put a pass off, and one that was set is looked at."""
        if self._wake is None:
            return True
        by_wall = (self._wake - self._clock.now()).total_seconds()
        by_monotonic = self._awake - self._clock.monotonic()
        return min(by_wall, by_monotonic) <= 0 or abs(by_wall - by_monotonic) > TOLERANCE.total_seconds()

    def _is_stale(self) -> bool:
        return self._clock.monotonic() - self._written >= self._rhythm.status

    def _take_step(self) -> None:
        assert self._loaded is not None  # noqa: S101  the first beat loads
        # What falls due while the pass is under way is found by the next one.
        now, monotonic = self._clock.now(), self._clock.monotonic()
        before = self._step.configuration if self._step else None
        self._step = self._pass.step(self._loaded)
        if self._step.configuration != before:
            self._say_configuration(self._step)
        self._wake = self._next_wake(self._step.decision, now)
        self._awake = monotonic + (self._wake - now).total_seconds()
        self._pass.pass_wishes_on(self._step)

    def _next_wake(self, decision: Decision | None, now: datetime) -> datetime:
        """Soon where something waits to be asked again, and never later than the next slot."""
        soon = now + self._rhythm.patience.again
        if decision is None:
            return soon
        expected = wake.next_wake(decision, now, self._rhythm.patience)
        return min(soon, expected) if self._pass.lookout.pauses else expected

    def _say_configuration(self, step: Step) -> None:
        state = step.configuration
        self._pass.say(Event("configuration", state.path, state.state, "; ".join(state.messages) or None))

    def _write(self, *, last: bool = False, just_now: bool = False) -> None:
        if self._step is None:
            return
        version = self._pass.runner.progress.version
        by = None if last else self._clock.now() + timedelta(seconds=2 * self._rhythm.status)
        self._pass.write_status(self._step, self._pass.runner.progress.snapshot(), by, just_now=just_now)
        self._progress, self._written = version, self._clock.monotonic()
