"""Carries out actions, several at once, within the limits and one at a time in a warehouse (D3)."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from reconciler.core.actions import Actions
from reconciler.core.event import Event
from reconciler.core.model import LOCAL_ENGINES, Limits
from reconciler.core.ports import Clock
from reconciler.core.record import Note
from reconciler.effects import backup, look, removal, restore
from reconciler.effects.world import Progress, World
from reconciler.errors import ReconcilerError

RETRY = 30.0  # seconds between two tries at one piece of work
Spawn = Callable[[Callable[[], None], str], None]  # starts work under a name and does not wait for it


def in_a_thread(run: Callable[[], None], name: str) -> None:
    threading.Thread(target=run, name=name, daemon=True).start()


class Work(NamedTuple):
    """Something to do beside the rest; at most one at a time for each warehouse that it names."""

    subject: str
    warehouse: str | None
    local: bool
    run: Callable[[], object]


class Runner:
    """Runs work as limits allow; what must wait waits in order of arrival."""

    def __init__(self, clock: Clock, report: Callable[[Event], None], spawn: Spawn = in_a_thread) -> None:
        self.progress = Progress()
        self.failures: list[str] = []
        self._spawn = spawn
        self._clock = clock
        self._report = report
        self._limits = Limits()
        self._ended: dict[str, float] = {}
        self.ends = 0  # how many pieces of work have come to their end
        self._waiting: deque[Work] = deque()
        self._running: dict[str, Work] = {}
        self._changed = threading.Condition()

    def carry_out(self, actions: Actions, limits: Limits, world: World) -> None:
        """What runs already is left alone, and so is what ended a moment ago, which is not tried in a hot loop."""
        self._limits = limits
        self.progress.wish(actions.cancellations)
        self._wait_for(tuple(_wanted(actions, world, self.progress)))
        self._dispatch()

    @property
    def is_idle(self) -> bool:
        with self._changed:
            return not self._running and not self._waiting

    def drop_waiting(self) -> None:
        """What has not begun is not begun any more."""
        with self._changed:
            self._waiting.clear()

    def wait(self, seconds: float) -> bool:
        """Waits until something changes or the time is over; says whether anything is still to do."""
        with self._changed:
            if self._running or self._waiting:
                self._changed.wait(seconds)
            return bool(self._running or self._waiting)

    def _wait_for(self, wanted: tuple[Work, ...]) -> None:
        """What has not begun was decided on what stood then, and waits on, in its order, if it is wanted still.

        What runs holds its warehouse under the name that this has by now (D3, P8).
        """
        with self._changed:
            since = self._clock.monotonic() - RETRY
            self._ended = {subject: ended for subject, ended in self._ended.items() if ended > since}
            before = {work.subject: at for at, work in enumerate(self._waiting)}
            fresh: dict[str, Work] = {}
            for work in wanted:
                if work.subject in self._running:
                    self._running[work.subject] = work
                elif work.subject not in self._ended:
                    fresh.setdefault(work.subject, work)
            self._waiting = deque(sorted(fresh.values(), key=lambda work: before.get(work.subject, len(before))))

    def _dispatch(self) -> None:
        """Starts each waiting piece that fits; one that does not lets later ones pass."""
        with self._changed:
            for work in tuple(self._waiting):
                if self._fits(work):
                    self._waiting.remove(work)
                    self._running[work.subject] = work
                    self._spawn(partial(self._run, work), work.subject)

    def _fits(self, work: Work) -> bool:
        running = self._running.values()
        busy = {item.warehouse for item in running if item.warehouse}
        local = sum(item.local for item in running)
        return (
            len(self._running) < self._limits.running_tasks
            and work.warehouse not in busy
            and not (work.local and local >= self._limits.local_exports)
        )

    def _run(self, work: Work) -> None:
        """A failure here is one that could not be recorded as an outcome; it is said and the others go on."""
        try:
            work.run()
        except (ReconcilerError, OSError) as error:
            self._fail(work, str(error))
        except Exception as error:  # noqa: BLE001  a fault of ours in one action must not stop the others
            self._fail(work, f"{type(error).__name__}: {error}")
        finally:
            with self._changed:
                del self._running[work.subject]
                self._ended[work.subject] = self._clock.monotonic()
                self.ends += 1
                self.progress.touch()
                self._changed.notify_all()
            self._dispatch()

    def _fail(self, work: Work, message: str) -> None:
        self.failures.append(f"{work.subject}: {message}")
        self._report(Event("work", work.subject, "failed", message))


def _wanted(actions: Actions, world: World, progress: Progress) -> Iterator[Work]:
    """Restores come before removals, so that each finds its set (S3)."""
    for name in actions.looks:
        yield Work(f"look into storage {name}", None, False, partial(look.look_into, world, name))
    for ask, name in world.lookout.standing:
        again = partial(ask, world.desired, name, partial(world.storage, name))
        yield Work(f"ask storage {name} again", None, False, again)
    for start in actions.restores:
        run = partial(restore.run, world, start, progress)
        yield Work(start.task.id, start.task.entry.warehouse, _is_local(start.backup_set.engine), run)
    for task in actions.backups:
        run = partial(backup.run, world, task, progress)
        yield Work(task.task.id, task.entry.name, _is_local(task.entry.engine), run)
    for item in actions.removals:
        yield Work(f"removal of {item.id}", None, False, partial(removal.remove_set, world, item))
    for item in actions.spared:
        yield Work(f"removal of {item.id}", None, False, partial(removal.spare_set, world, item))
    for left in actions.leftovers:
        subject = f"removal of attempt {left.attempt} of {left.task_id}"
        yield Work(subject, None, False, partial(removal.remove_leftover, world, left))
    for note in actions.notes:
        yield Work(f"note {note.key} in {note.storage}", None, False, partial(_write_note, world, note))


def _is_local(engine: str) -> bool:
    return engine in LOCAL_ENGINES


def _write_note(world: World, note: Note) -> None:
    """Puts beside the sets what a rebuilt ledger must know of them (S2, P8)."""
    world.storage(note.storage).write_note(note.key, note.content)
    world.ledger.end_note(note)
