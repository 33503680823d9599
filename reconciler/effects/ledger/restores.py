"""The verbs of restores: an id that has begun is used, whatever comes of it (R1)."""

from datetime import datetime

from sqlalchemy import select

from reconciler.core.record import RestoreTask
from reconciler.effects.ledger import steps, tables
from reconciler.effects.ledger.transactions import Transactions


class Restores(Transactions):
    """What becomes of a request, from its beginning to its outcome."""

    def begin_restore(self, task: RestoreTask, now: datetime) -> bool:
        """Records that it runs, unless its set has begun to go since it was chosen (S3), its entry was edited or
        taken out (R5), or another has not ended in its warehouse (R1).
        """
        with self._writing() as connection:
            if steps.row(connection, tables.sets, task.backup_set or "")["state"] != "present":
                return False
            known = steps.row(connection, tables.restores, task.id)
            if (known["state"], known["digest"]) != ("pending", task.digest):
                return False
            table, sets = tables.restores, tables.sets
            others = connection.execute(
                select(table.c.entry).join(sets, sets.c.id == table.c.backup_set).where(table.c.state == "running")
            ).scalars()
            if any(entry.warehouse == task.entry.warehouse for entry in others):
                return False
            tables.save(connection, tables.restores, [task._asdict()])
            steps.log(connection, now, "restore begun", task.id, task.backup_set)
            return True

    def save_restore(self, task: RestoreTask, now: datetime) -> None:
        """What has ended meanwhile stays as it ended, and what a renaming has made of the entry stays so (P8)."""
        with self._writing() as connection:
            known = steps.row(connection, tables.restores, task.id)
            if known["ended_at"] is not None:
                return
            task = task._replace(entry=known["entry"], digest=known["digest"])
            tables.save(connection, tables.restores, [task._asdict()])
            if task.ended_at is not None:
                steps.forget_wish(connection, task.id)
                steps.log(connection, now, f"restore {task.state}", task.id, task.reason)
