"""The verbs of a backup task's attempts: each is numbered before anything is begun for it (T1)."""

from datetime import datetime, timedelta

from sqlalchemy import insert, update

from reconciler.core.record import OPEN, BackupSet, Task
from reconciler.effects.ledger import steps, tables
from reconciler.effects.ledger.transactions import Transactions

LOST = timedelta(days=1)  # a server's own job timeout (Doris: backup_job_default_timeout_ms)


class Backups(Transactions):
    """What becomes of a task, from the beginning of an attempt to its outcome."""

    def begin_task(
        self, task_id: str, home: str, storage: str, now: datetime, *, go_on: bool
    ) -> Task | None:
        """The task, now running, with the number of its next attempt; None where it has ended.

        With `go_on` an attempt that is still open is gone on with under its own number.
        """
        with self._writing() as connection:
            row = steps.row(connection, tables.tasks, task_id)
            if row["state"] not in OPEN:
                return None
            task = tables.value_of(Task, row)
            if go_on and steps.is_open(connection, task):
                task = task._replace(state="running", reason=None)
                tables.save(connection, tables.tasks, [task._asdict()])
                return task
            steps.retire_attempts(connection, task_id, now)
            task = task._replace(
                state="running", attempt=steps.last_attempt(connection, task_id) + 1,
                started_at=task.started_at or now, reason=None,
            )  # fmt: skip
            tables.save(connection, tables.tasks, [task._asdict()])
            connection.execute(insert(tables.attempts), {
                "task_id": task_id, "attempt": task.attempt, "home": home, "storage": storage,
                "state": "open", "begun_at": now,
            })  # fmt: skip
            return task

    def fail_attempt(self, task: Task, reason: str, spoiled_at: datetime | None) -> None:
        """A try that may be followed by another; `spoiled_at` where its attempt is left over from then on."""
        with self._writing() as connection:
            if spoiled_at is not None:
                steps.retire_attempts(connection, task.id, spoiled_at)
            steps.change(connection, tables.tasks, task.id, reason=reason)
            connection.execute(
                update(tables.attempts)
                .where(tables.attempts.c.task_id == task.id, tables.attempts.c.attempt == task.attempt)
                .values(reason=reason)
            )

    def disown_attempt(self, task: Task, reason: str) -> None:
        """Another run has begun this attempt: its prefix is not ours to remove."""
        with self._writing() as connection:
            connection.execute(
                update(tables.attempts)
                .where(tables.attempts.c.task_id == task.id, tables.attempts.c.attempt == task.attempt)
                .values(state="foreign", reason=reason)
            )

    def end_task(self, task: Task, now: datetime, made: BackupSet | None, attempts: frozenset[int]) -> None:
        """The outcome of a task; `attempts` are those whose files the set is made of, the others are left over.

        What a `lost` one left is removable when the server's own job is sure to have ended.
        """
        later = LOST if task.state == "lost" else timedelta(0)
        with self._writing() as connection:
            name = steps.row(connection, tables.tasks, task.id)["warehouse"]  # it may have another by now (P8)
            tables.save(connection, tables.tasks, [task._replace(warehouse=name)._asdict()])
            good = tables.attempts.c.attempt.in_(attempts)
            connection.execute(
                update(tables.attempts).where(tables.attempts.c.task_id == task.id, good).values(state="good")
            )
            steps.retire_attempts(connection, task.id, steps.noted_at(connection, now) + later)
            if made is not None:
                tables.save(connection, tables.sets, [made._replace(warehouse=name)._asdict()])
            steps.forget_wish(connection, task.id)
            steps.log(connection, now, f"backup {task.state}", task.id, task.reason)
