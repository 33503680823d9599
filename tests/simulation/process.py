"""One reconciler process: the real lease, ledger, pass and beat, on a clock and a network that are not real."""

import contextlib
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from bucket import Client
from engines import open_engine
from hub import Killed, MachineClock, Turnstile
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from reconciler.core.model import Desired
from reconciler.core.wake import Patience
from reconciler.daemon import Beat, Rhythm
from reconciler.effects.ledger import Ledger, lease_row, open_to_write
from reconciler.effects.world import Doors
from reconciler.errors import LeaseHeld, LedgerUnusable
from reconciler.once import Pass
from reconciler.storage.s3 import S3Store
from reconciler.storage.sets import SetStorage

RHYTHM = Rhythm(status=6 * 3600.0, patience=Patience(timedelta(hours=24), timedelta(hours=2)))
LOOK = 60.0  # a life has few stops, and most of its time is pauses
STAND_BY = 30.0  # seconds between two tries to take the lease


class Process:
    """`dead` from the moment it is killed; nothing that it would still do has an effect."""

    def __init__(self, life: Any, skew: timedelta) -> None:
        self.life = life
        self.clock = MachineClock(life.hub, self)
        self.clock.skew = skew
        self.dead = self.paused = False
        self.work: set[Any] = set()
        self.frozen: list[Callable[[], None]] = []
        self.ledger: Ledger | None = None
        self.heart: Beat | None = None
        self.silent_since = 0.0  # true time since which nothing is heard of it
        self.stumbles = 0  # beats that failed, pauses, clocks that were set
        self._doomed = self._stood_by = False
        self._engine: Any = None
        self._passing: Any = None
        self._ends = 0
        self._next = float("inf")
        self._storages: dict[Any, SetStorage] = {}

    # ---- life and death ----

    def begin(self) -> None:
        """Takes the lease, or stands by and tries again."""
        if not self.life.lease.take(self):
            self._stood_by = True
            self.life.hub.after(STAND_BY, self.begin, self)
            return
        self.life.chance.counts["stand-by takes over"] += self._stood_by
        try:
            self._open()
        except Killed:
            return
        except LedgerUnusable:
            return self.die()
        self.nudge(0.5)

    def _open(self) -> None:
        life = self.life
        self._engine = open_to_write(life.paths.ledger, simulated=False)
        event.listen(self._engine, "begin", lambda _: self.touch(None))
        event.listen(self._engine, "commit", lambda _: self._committing())
        self.ledger = Ledger(self._engine, life.paths.ledger, self)
        opened = Doors(partial(open_engine, self), self.storage)
        self._passing = Pass(
            life.paths, self.clock, self.ledger, life.said, opened=opened, spawn=self._spawn, look=LOOK
        )
        self._passing.lookout._lock = Turnstile(life.hub, self)  # a thread may wait in it, a greenlet must not
        self.heart = Beat(self._passing, RHYTHM)

    def die(self) -> None:
        if not self.dead:
            self.dead, self.silent_since = True, self.life.hub.time
            self.life.hub.after(0.0, lambda: self.life.bury(self))

    def clear_away(self) -> None:
        """What the kernel does: open files are closed, locks are free."""
        for work in tuple(self.work):
            with contextlib.suppress(Killed):  # one that never ran has nobody to catch it
                work.throw(Killed)
        if self.ledger is not None:
            self.ledger.close()
        elif self._engine is not None:
            self._engine.dispose()

    def check(self) -> None:
        """The lease, as its ledger and the guard of its storages ask: raises LeaseHeld once another has it."""
        if self.life.lease.holder is not self:
            raise LeaseHeld("another reconciler has come to hold the lease")

    def number(self, connection: Any) -> int:
        return lease_row.next_number(connection)

    def pause(self, seconds: float) -> None:
        """As by SIGSTOP: nothing of it goes on for a while, and then all of it does."""
        self.paused, self.silent_since = True, self.life.hub.time
        self.stumbles += 1
        self.life.hub.after(seconds, self._go_on)

    def _go_on(self) -> None:
        self.paused = False
        for act in self.frozen:
            self.life.hub.after(0.0, act, self)
        self.frozen.clear()

    def stop(self) -> None:
        """SIGTERM: starts nothing more, and ends when what runs has had its grace."""
        if self._passing is not None:
            self._passing.runner.drop_waiting()
        self._next = float("-inf")
        self.life.hub.after(RHYTHM.grace, self.die, self)

    def touch(self, kind: str | None) -> None:
        """A moment at which the process may be killed; a dead one gets no further."""
        if self._doomed or self.dead or (kind is not None and self.life.chance.strikes(kind)):
            self.die()
            raise Killed

    def _committing(self) -> None:
        """Just before a transaction is made durable; a kill just after it shows at the next touch."""
        self.touch("kill before a ledger write")
        if self.life.chance.strikes("ledger disk full"):
            raise OperationalError("COMMIT", {}, sqlite3.OperationalError("database or disk is full"))
        self.life.commits += 1
        self._doomed = self.life.commits == self.life.lose_at or self.life.chance.strikes("kill after a ledger write")
        if self._doomed:
            self.life.hub.after(0.0, self.die, self)

    # ---- beats ----

    def nudge(self, seconds: float) -> None:
        """A beat comes in so many seconds, unless one comes before."""
        due = self.life.hub.time + max(0.0, seconds)
        if self.heart is not None and due < self._next:
            self._next = due
            self.life.hub.after(max(0.0, seconds), lambda: self._beat(due), self)

    def _beat(self, due: float) -> None:
        if due != self._next:
            return
        self._next = float("inf")
        try:
            self.heart.once(reload=False)
        except Killed:
            return
        except LeaseHeld:
            return self.die()
        except (LedgerUnusable, OSError) as error:
            if "holds what no release writes" in str(error) or "constraint" in str(error):
                self.life.judge.verdict.fail(str(error))
            self.stumbles += 1
            self.nudge(10.0)
        else:
            self.life.judge.after_beat(self)
        self._schedule()

    def _schedule(self) -> None:
        at = self.heart.next_pass if self.heart else None
        if at is not None:
            wall, monotonic = at
            self.nudge(max(1.0, min((wall - self.clock.now()).total_seconds(), monotonic - self.clock.monotonic())))
        self.settle()

    def settle(self) -> None:
        """After a piece of work went on: one that ended calls for a beat."""
        if self._passing is not None and self._passing.runner.ends != self._ends:
            self._ends = self._passing.runner.ends
            self.nudge(1.0)

    def _spawn(self, run: Callable[[], None], name: str) -> None:
        self.life.hub.spawn(self, run)

    # ---- what it reaches ----

    @property
    def step(self) -> Any:
        return self.heart._step if self.heart else None

    @property
    def pauses(self) -> tuple:
        return self._passing.lookout.pauses if self._passing else ()

    def storage(self, desired: Desired, name: str) -> SetStorage:
        declared = desired.storages[name]
        if declared not in self._storages:
            store = S3Store(declared, lambda: ("key", "secret"), lambda *_: Client(self.life.buckets, self))
            self._storages[declared] = SetStorage(store)
        return self._storages[declared]
