"""The verbs of what goes from a storage: sets that are past their time, and what attempts have left over."""

from datetime import datetime

from sqlalchemy import func, select

from reconciler.core.record import BackupSet, Leftover
from reconciler.effects.ledger import steps, tables
from reconciler.effects.ledger.transactions import Transactions


class Removals(Transactions):
    """Each is marked as going before the first of its objects is removed (S3)."""

    def begin_removal(self, backup_set: BackupSet, now: datetime) -> bool:
        """Marks a set as going, unless a restore has come to need it (S3)."""
        with self._writing() as connection:
            table = tables.restores
            needed = select(func.count()).where(
                table.c.backup_set == backup_set.id, table.c.state == "running"
            )
            if connection.execute(needed).scalar():
                return False
            steps.change(connection, tables.sets, backup_set.id, state="removing")
            steps.log(connection, now, "removal begun", backup_set.id, None)
            return True

    def spare(self, backup_set: BackupSet, now: datetime) -> None:
        """Nothing of it is gone, and something protects it now: it is as good as before (S3)."""
        with self._writing() as connection:
            steps.change(connection, tables.sets, backup_set.id, state="present", tried_at=None)
            steps.log(connection, now, "removal taken back", backup_set.id, None)

    def end_removal(self, backup_set: BackupSet, state: str, now: datetime) -> None:
        with self._writing() as connection:
            tried_at = now if state == "retained_by_lock" else None
            steps.change(connection, tables.sets, backup_set.id, state=state, tried_at=tried_at)
            steps.log(connection, now, f"set {state}", backup_set.id, None)

    def end_leftover(self, leftover: Leftover) -> None:
        with self._writing() as connection:
            steps.change_attempt(connection, leftover, state="removed")

    def keep_attempt(self, leftover: Leftover, made: BackupSet) -> None:
        """It is no leftover: a manifest names it, and its set was not known."""
        with self._writing() as connection:
            steps.change_attempt(connection, leftover, state="good")
            warehouse = steps.row(connection, tables.tasks, leftover.task_id)["warehouse"]
            if not tables.known_keys(connection, tables.sets, [made.id]):
                tables.save(connection, tables.sets, [made._replace(warehouse=warehouse)._asdict()])

    def postpone_leftover(self, leftover: Leftover, until: datetime) -> None:
        """The storage's lock retains it."""
        with self._writing() as connection:
            steps.change_attempt(connection, leftover, removable_at=until)
