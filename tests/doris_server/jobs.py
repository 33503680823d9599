"""What backups and restores have in common: states over time, one a database, the history."""

from datetime import datetime, timedelta
from typing import Any

import duckdb

from . import clock, dialect
from .errors import Refused
from .layout import Repository, StorageError

CATALOGS = -1  # the id of the database that external catalogs' jobs run under in StarRocks


class Cancelled(Exception):
    """The job ends so; the Status' code and message."""

    def __init__(self, message: str, code: str = "COMMON_ERROR") -> None:
        super().__init__(message)
        self.status = (code, message)


class Job:
    kind = ""

    def __init__(
        self, warehouse: Any, database: Any, label: str, repository: Repository, properties: dict[str, str]
    ) -> None:
        self.warehouse, self.database, self.label, self.repository = warehouse, database, label, repository
        self.properties = properties
        self.states = warehouse.dialect.states(self.kind)
        self.id, self.state, self.journalled = -1, "PENDING", "PENDING"
        self.created: datetime = warehouse.clock.now
        self.now: datetime = self.created  # when the handler last looked
        self.timeout = timeout_of(properties)
        self.times: dict[str, datetime] = {}
        self.unfinished = self.progress = self.task_errors = ""
        self.status = ("OK", "")
        self.held = False  # somebody else's job that does not move

    @property
    def running(self) -> bool:
        return self.state not in {"FINISHED", "CANCELLED"}

    @property
    def database_name(self) -> str:
        return self.database.name if self.database else ""

    @property
    def status_text(self) -> str:
        """[OK], or [CODE, msg: text]."""
        code, message = self.status
        return "[OK]" if code == "OK" else f"[{code}, msg: {message}]"

    def time(self, name: str, zone: str) -> str:
        return clock.shown(self.times.get(name), zone)

    def catch_up(self, now: datetime) -> None:
        """The handler looks every three seconds, and each look moves the job by one state at most.

        Where a look moves nothing, the next ones would not either, until the timeout: they are left out."""
        pause = timedelta(seconds=clock.HANDLER)
        while self.running and not self.held and self.now + pause <= now:
            before = self.state
            self.now += pause
            self.step()
            if self.state == before:
                self.now = max(self.now, min(now, self.created + timedelta(seconds=self.timeout)))

    def step(self) -> None:
        """One look. A task's failure is kept in TaskErrMsg and tried again."""
        if self.now - self.created > timedelta(seconds=self.timeout):
            self.cancel("", "TIMEOUT")
            return
        if self._befallen():
            return
        try:
            getattr(self, f"_{self.state.lower()}")()
        except Cancelled as ended:
            self.cancel(ended.status[1], ended.status[0])
        except (KeyError, duckdb.Error) as error:  # a table went from under it
            self.cancel(f"{type(error).__name__}: {error}", "COMMON_ERROR")
        except StorageError as error:
            self.task_errors = f"[{self.id + 1}: {error}]"
        else:
            self._enter(self.states[self.states.index(self.state) + 1])

    def cancel(self, message: str, code: str) -> None:
        self.undo()
        self.status = (code, message)
        self.unfinished = ""
        self._enter("CANCELLED")

    def undo(self) -> None:
        """What a cancel takes back."""

    def lost_leader(self) -> None:
        """A new leader goes on from the last journalled state; a PENDING job gets a new number."""
        if self.running and self.state != self.journalled:
            if self.journalled == "PENDING":
                self.undo()
            self.state = self.journalled
        if self.state == "PENDING":
            self.id = -1

    def _befallen(self) -> bool:
        """Whether a fault of the test's keeps the job from its next step."""
        fault = self.warehouse.faults.of_job(self.kind, self.database_name, self.state)
        if fault is None:
            return False
        self.task_errors = f"[{self.id + 1}: {fault.note}]" if fault.note else self.task_errors
        if fault.action == "fail":
            self.cancel(fault.status[1], fault.status[0])
        return fault.action != "note"

    def _enter(self, state: str) -> None:
        self.state = state
        if state in dialect.JOURNALLED:
            self.journalled = state
        if not self.running:
            self.times["finished"] = self.now


def timeout_of(properties: dict[str, str]) -> int:
    text = properties.get("timeout", "86400")
    if not text.isdigit():
        raise Refused(f"Invalid timeout format: {text}", 1105)
    if int(text) < 600:
        raise Refused("timeout must be at least 10 min", 1105)
    return int(text)


def of(warehouse: Any, database: Any) -> list[Job]:
    return warehouse.jobs.setdefault(database.id if database else CATALOGS, [])


def current(warehouse: Any, database: Any) -> Job | None:
    """The job that runs in the database, if any."""
    jobs = of(warehouse, database)
    return jobs[-1] if jobs and jobs[-1].running else None


def submit(warehouse: Any, job: Job) -> Job:
    """Into the database's history, which has an end."""
    history = of(warehouse, job.database)
    history.append(job)
    del history[: -warehouse.dialect.history]
    return job


def check_free(warehouse: Any, database: Any, label: str) -> None:
    """One job a database."""
    running = current(warehouse, database)
    if running is None:
        return
    if database is None:
        raise Refused("Can only run one backup or restore job of external catalog at same time", 1064)
    text = "Can only run one backup or restore job of a database at same time"
    if warehouse.dialect.has("-names_running"):
        text += f", current running: label = {running.label} jobId = {running.id}, to run label = {label}"
    raise Refused(text)


def cancel(warehouse: Any, database: Any, kind: str) -> None:
    """Objects that are uploaded stay, so that the label stays taken."""
    jobs = of(warehouse, database)
    if not jobs or jobs[-1].kind != kind:
        raise Refused(f"No {kind} {'job ' if kind == 'backup' else ''}is currently running")
    job = jobs[-1]
    if not job.running:
        raise Refused(f"Failed to cancel job: Job with label {job.label} can not be cancelled. state: {job.state}")
    job.cancel("user cancelled", "CANCELLED")


def catch_up(warehouse: Any) -> None:
    for jobs in list(warehouse.jobs.values()):
        for job in jobs[-1:]:
            job.catch_up(warehouse.clock.now)
