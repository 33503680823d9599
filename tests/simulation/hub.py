"""Virtual time: one queue of what happens next, and work that waits in it as greenlets. Nothing runs at once.

Seconds since the life began are the true time; a machine's wall clock is that plus its own error.
"""

import contextlib
import heapq
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import greenlet


class Killed(BaseException):
    """The process is no more: nothing that it would still do has an effect. No handler of Exception sees it."""


class Hub:
    def __init__(self, start: datetime) -> None:
        self.start = start
        self.time = 0.0
        self._queue: list[tuple[float, int, Any, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._main = greenlet.getcurrent()

    @property
    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.time)

    def after(self, seconds: float, act: Callable[[], None], owner: Any = None) -> None:
        """`owner` is the process that it happens in; nothing happens in a dead one."""
        heapq.heappush(self._queue, (self.time + seconds, next(self._numbers), owner, act))

    def run_until(self, end: float) -> None:
        while self._queue and self._queue[0][0] <= end:
            when, _, owner, act = heapq.heappop(self._queue)
            if owner is not None and owner.dead:
                continue
            self.time = max(self.time, when)
            if owner is not None and owner.paused:
                owner.frozen.append(act)
                continue
            act()
        self.time = max(self.time, end)

    def spawn(self, owner: Any, run: Callable[[], None]) -> None:
        """Work beside the rest, as a thread would do it."""
        work = greenlet.greenlet(lambda: self._survived(run), parent=self._main)
        owner.work.add(work)
        self.after(0.0, lambda: self.resume(owner, work), owner)

    def pause(self, owner: Any, seconds: float) -> None:
        """In spawned work: lets others go on meanwhile. Elsewhere time passes for all."""
        own = greenlet.getcurrent()
        if own is self._main:
            self.time += seconds
            return
        self.after(seconds, lambda: self.resume(owner, own), owner)
        self._main.switch()
        if owner.dead:
            raise Killed

    def resume(self, owner: Any, work: greenlet.greenlet) -> None:
        work.switch()
        if work.dead:
            owner.work.discard(work)
        owner.settle()

    @staticmethod
    def _survived(run: Callable[[], None]) -> None:
        with contextlib.suppress(Killed):
            run()


class Turnstile:
    """A lock for greenlets: who must wait lets others go on."""

    def __init__(self, hub: Hub, owner: Any) -> None:
        self._hub, self._owner, self._taken = hub, owner, False

    def __enter__(self) -> None:
        pause = 0.01
        while self._taken:
            self._hub.pause(self._owner, pause)
            pause = min(2 * pause, 1.0)
        self._taken = True

    def __exit__(self, *words: object) -> None:
        self._taken = False


class MachineClock:
    """The Clock port of a process; `skew` is how far its machine's wall clock is off."""

    def __init__(self, hub: Hub, owner: Any) -> None:
        self._hub, self._owner = hub, owner
        self.skew = timedelta()

    def now(self) -> datetime:
        return self._hub.now + self.skew

    def monotonic(self) -> float:
        return self._hub.time

    def pause(self, seconds: float) -> None:
        self._hub.pause(self._owner, seconds)
