"""A backup by export: each table to Parquet in the attempt's prefix, portion by portion, run by the backup cluster.

One statement is one snapshot; several portions, and several tables, are not at the same instant. A portion is done
when its record is kept in the attempt: after a crash the ones that are missing are exported. At the end whatever
lies under `data/` and is in no record is removed.
"""

import json
from pathlib import Path
from typing import Any

from reconciler.core.manifest import Snapshot
from reconciler.core.ports import AttemptFolder, BackupOrder, Watch
from reconciler.engines.doris import ddl, export_contents, export_definitions
from reconciler.engines.doris.crew import Crew
from reconciler.engines.doris.export_contents import Contents, Subject
from reconciler.engines.doris.export_rounds import Rounds
from reconciler.engines.doris.export_table import FORMAT, Tables
from reconciler.engines.doris.export_unload import Unload
from reconciler.engines.doris.session import Session
from reconciler.engines.doris.understood import understood
from reconciler.errors import STEP_ERRORS, Cancelled, DeadlinePassed, JobLost, may_pass


class Export:
    """One attempt at all chosen databases."""

    def __init__(
        self, session: Session, order: BackupOrder, folder: AttemptFolder, number: int, watch: Watch
    ) -> None:
        self._session, self._order, self._folder = session, order, folder
        self._number, self._watch = number, watch
        self._tables = Tables(session, folder, check_row_counts=order.plan.check_row_counts)

    def run(self, databases: tuple[str, ...]) -> tuple[tuple[Snapshot, ...], tuple[str, ...]]:
        """The snapshots, and what they leave out."""
        contents = export_contents.found(
            self._session, self._folder, databases, may_skip=self._order.plan.skip_unsupported
        )
        rounds = self._exported(contents.subjects)
        self._sweep(rounds.entries)
        staging = self._folder.staging()
        skipped = [*contents.skipped, *rounds.left_out, *_notes(rounds.entries)]
        snapshots = tuple(
            self._record(at, name, contents, rounds.entries, staging, skipped)
            for at, name in enumerate(contents.objects, 1)
        )
        return snapshots, tuple(skipped)

    def _exported(self, subjects: tuple[Subject, ...]) -> Rounds:
        """A few statements at once. One that is not wanted any more is ended at the server."""
        crew = Crew(self._session, self._order.plan.timeout)
        unload = Unload(self._folder, self._order.place, self._number, crew.marks)
        may_skip = self._order.plan.skip_unsupported
        rounds = Rounds(self._tables, unload, self._folder, subjects, may_skip=may_skip)
        unload.end_earlier(self._session)
        self._watch.check()
        try:
            with understood(self._session.warehouse), crew:
                for (round_, at), record in crew.run(rounds, self._watch):
                    rounds.take(round_, at, record)
                    self._watch.progress(100 * len(rounds.entries) / len(subjects))
        except (Cancelled, DeadlinePassed, *STEP_ERRORS) as error:
            if crew.left and not may_pass(error):
                raise JobLost(f"{error}; {crew.left}") from error
            raise
        return rounds

    def _sweep(self, entries: dict[Subject, dict[str, Any]]) -> None:
        """Broken tries, void rounds, and what the server wrote twice inside one statement."""
        records = [record for entry in entries.values() for record in entry["portions"]]
        kept = {name for record in records for name, _, _ in record["files"]}
        self._folder.remove(tuple(
            found.key for found in self._folder.entries("data/") if found.key not in kept
        ))  # fmt: skip

    def _record(
        self, at: int, database: str, contents: Contents, entries: dict[Subject, dict[str, Any]], staging: Path,
        skipped: list[str],
    ) -> Snapshot:  # fmt: skip
        """The inventory of one database; objects that are gone by now are added to what is left out."""
        kept = [entry for subject, entry in sorted(entries.items()) if subject.database == database]
        others = export_definitions.of(self._session, database, contents, skipped)
        about = self._session.about()
        document = {
            "format": FORMAT, "method": "export", "product": about.product, "server": about.text,
            "database": database, "tables": kept, **others,
        }  # fmt: skip
        path = staging / f"{at}.json"
        path.write_text(json.dumps(document, indent=1))
        stored = self._folder.put(path, f"{at:05}/inventory.json")
        files = (size for entry in kept for record in entry["portions"] for _, size, _ in record["files"])
        amount = len(kept) + len(others["views"]) + len(others["materialized_views"])
        return Snapshot(
            database, self._number, stored, stored.size + sum(files), amount, sum(entry["rows"] for entry in kept)
        )


def _notes(entries: dict[Subject, dict[str, Any]]) -> list[str]:
    """What the set does not have of tables that it does have."""
    found = []
    for subject, entry in sorted(entries.items()):
        if entry["partitions_not_included"]:
            found.append(f"{subject.title}: partitions {', '.join(entry['partitions_not_included'])} "
                         f"(they appeared while it was exported)")  # fmt: skip
        if entry["has_sequence"] and not any(name == ddl.SEQUENCE for name, *_ in entry["columns"]):
            found.append(f"{subject.title}: its hidden sequence column (the server does not let it be read)")
    return found
