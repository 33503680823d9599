"""Simulated warehouses: databases whose content changes with time, and servers that work on by themselves.

A server's jobs live by label: an answer may be lost before or after the effect, a job may be slow, stuck, fail, or be
forgotten in a restart. What was really done is written down, for the judge.
"""

import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

DATABASES = ("sales", "crm")
STEP = 1800  # seconds after which a database has other content


def content(house: str, database: str, time: float) -> bytes:
    return f"{house}/{database}/{int(time // STEP)}\n".encode() * 3


def described(house: str, database: str, time: float, data: str) -> tuple[bytes, bytes]:
    """The data of a database at a time, and the inventory that names it."""
    body = content(house, database, time)
    listed = {"database": database, "read_at": time, "house": house,
              "files": [[data, len(body), hashlib.sha256(body).hexdigest()]]}  # fmt: skip
    return body, json.dumps(listed).encode()


class Placed(NamedTuple):
    content: bytes
    by: str


class Job:
    """`task` is the backup task that it works for, empty for a restore's."""

    def __init__(self, task: str, stuck: bool, effect: Callable[[], None]) -> None:
        self.task, self.stuck, self.effect = task, stuck, effect
        self.state = "RUNNING"


class House:
    """One warehouse under its first name, which a renaming in the YAML does not change."""

    def __init__(self, name: str, life: Any) -> None:
        self.name, self.life = name, life
        self.restored: dict[str, Placed] = {}
        self.jobs: dict[str, Job] = {}
        self.placements: Counter[tuple[str, str]] = Counter()
        self._worked_on: set[Any] = set()

    @contextlib.contextmanager
    def worked_on(self, process: Any) -> Iterator[None]:
        """By one backup or restore of a process at a time; another process may be gone, and not know it yet."""
        if process in self._worked_on:
            self.life.judge.verdict.fail(f"D3: two things are done at once in {self.name}")
        self._worked_on.add(process)
        try:
            yield
        finally:
            self._worked_on.discard(process)

    def place(self, target: str, data: bytes, by: str) -> None:
        """One restore's result appears under its name, in one step."""
        self.placements[by, target] += 1
        self.life.judge.evidence.placed(self, target, data, by)
        self.restored[target] = Placed(data, by)

    def submit(self, label: str, seconds: float, effect: Callable[[], None], task: str = "") -> None:
        chance, hub = self.life.chance, self.life.hub
        if chance.strikes("job slow"):
            seconds *= chance.random.choice((3, 20))
        job = Job(task, chance.strikes("job stuck"), effect)
        self.jobs[label] = job
        hub.after(12 * 3600.0 if job.stuck else seconds, lambda: self._end(job))

    def restart(self) -> None:
        """Running jobs are cancelled; half of the time nothing is known of them afterwards."""
        forgets = self.life.chance.random.random() < 0.5
        for label, job in tuple(self.jobs.items()):
            if job.state == "RUNNING":
                job.state = "CANCELLED"
            if forgets:
                del self.jobs[label]

    def _end(self, job: Job) -> None:
        """A stuck job is given up by the server itself after half a day."""
        if job.state != "RUNNING":
            return
        if job.stuck or self.life.chance.strikes("job fails"):
            job.state = "CANCELLED"
            return
        job.effect()
        job.state = "FINISHED"
