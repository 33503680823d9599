"""The verbs of what is known of each storage: what was found there, the ledger's mark, and notes on their way."""

from datetime import datetime

from sqlalchemy import select, update

from reconciler.core import instants, rebuild
from reconciler.core.rebuild import Adoption
from reconciler.core.record import Note
from reconciler.effects.ledger import adopting, steps, tables
from reconciler.effects.ledger.transactions import Transactions


class Storages(Transactions):
    """A storage is looked into before anything else of it is touched (T2)."""

    def adopt(self, found: Adoption, location: str, now: datetime, begins: datetime) -> Adoption:
        """Adds what the ledger did not know of a storage, and gives back just that (T2). `begins` is when the day
        begins in which nothing is removed.
        """
        with self._writing() as connection:
            found = rebuild.renamed(found, steps.former_names(connection), begins)
            fresh = adopting.adopt(connection, found, now)
            tables.save(connection, tables.notes, [item._asdict() | {"written": False} for item in found.notes])
            tables.save(connection, tables.storages, [
                {"name": found.storage, "location": location, "looked_at": now}
            ])  # fmt: skip
            if fresh.is_rebuild:
                steps.set_meta(connection, "rebuilt_at", instants.text(begins))
                adopting.ask_approval(connection)
                detail = f"{len(fresh.sets)} sets, {len(fresh.restores)} claims"
                steps.log(connection, now, "rebuilt", found.storage, detail)
            return fresh

    def marked_at(self, storage: str) -> datetime | None:
        """When the storage was last given this ledger's mark."""
        with self._reading() as connection:
            table = tables.storages
            return connection.execute(select(table.c.looked_at).where(table.c.name == storage)).scalar()

    def note_mark(self, storage: str, now: datetime) -> None:
        with self._writing() as connection:
            table = tables.storages
            connection.execute(update(table).where(table.c.name == storage).values(looked_at=now))
            steps.log(connection, now, "marked", storage, None)

    def end_note(self, note: Note) -> None:
        """It stands in storage, unless a newer one has taken its place meanwhile."""
        with self._writing() as connection:
            table = tables.notes
            connection.execute(
                update(table)
                .where(table.c.storage == note.storage, table.c.key == note.key, table.c.content == note.content)
                .values(written=True)
            )
