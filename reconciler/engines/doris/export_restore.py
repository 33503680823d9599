"""A restore of an export: tables from their definitions, each loaded by one labelled statement, views after tables.

A load's label is that of this restore and table, so that a second one of it changes nothing; a table that has all
its rows is done. What is found half-way and cannot be explained so is left as it is, and said.
"""

from typing import Any, NamedTuple

from reconciler.core import naming
from reconciler.core.ports import ObjectLocation, RestoreOrder, SetReader, Watch
from reconciler.engines.doris import ddl, export_statements, statements, tables
from reconciler.engines.doris.columns import Column
from reconciler.engines.doris.session import Said, Session, Unanswered
from reconciler.errors import EngineFailed, OutcomeUnknown

USED = "has already been used"
UNDER_WAY = frozenset({"PREPARE", "PRECOMMITTED", "COMMITTED"})  # of a transaction that will be visible, or aborted
PAUSE = 1.0  # seconds between two looks at a load


class Part(NamedTuple):
    source: str
    target: str
    attempt: int
    inventory: dict[str, Any]


class Import:
    """The databases of a request that were made by export."""

    def __init__(
        self, session: Session, order: RestoreOrder, reader: SetReader, inventories: dict[str, dict[str, Any]]
    ) -> None:
        self._session, self._order, self._reader = session, order, reader
        attempts = {item.database: item.attempt for item in order.manifest.snapshots}
        self._parts = tuple(
            Part(source, target, attempts[source], inventories[source]) for source, target in order.databases
        )

    def check(self) -> None:
        """Everything that can be known before anything is changed (R4)."""
        existing = tables.databases(self._session)
        for part in self._parts:
            self._refuse_incomplete(part)
            if part.target in existing and tables.of(self._session, part.target):
                raise EngineFailed(
                    f"database {part.target} exists and is not empty; an export is restored into a new database: "
                    f"choose another name with `databases: {{…}}`, and rename it at the server afterwards"
                )

    def run(self, watch: Watch) -> None:
        if self._order.journal is None:
            self._order.claim("{}")
        amount = sum(len(part.inventory["tables"]) for part in self._parts) or 1
        done = 0
        for part in self._parts:
            self._session.tell(statements.create_database(part.target))
            for record in part.inventory["tables"]:
                watch.progress(100 * done / amount)
                self._load(part, record, watch)
                done += 1
            self._make_views(part)

    def _load(self, part: Part, record: dict[str, Any], watch: Watch) -> None:
        given = dict(self._order.request.restore_properties)
        self._session.tell(ddl.replayable(record["statement"], part.target, record["name"], given))
        present = self._count(part.target, record["name"])
        if present == 0 and record["rows"] > 0:
            self._insert(part, record, watch)
            present = self._count(part.target, record["name"])
        if present != record["rows"]:
            raise OutcomeUnknown(
                f"table {part.target}.{record['name']} has {present:,} rows, the set has {record['rows']:,}; look "
                f"at it, drop the database if nothing else writes to it, and restore again under a new id"
            )

    def _insert(self, part: Part, record: dict[str, Any], watch: Watch) -> None:
        """Once, whatever becomes of its answer: a label that is used has been loaded, or is being loaded."""
        place = self._order.manifest.place
        label = naming.stem(place, part.attempt, self._order.restore_id, part.target, record["name"])
        location = self._reader.location(part.attempt)
        kept = tuple(Column(*item) for item in record["columns"])
        statement = export_statements.load(
            part.target, record["name"], label, kept, _uri(location, record["files"]),
            self._session.about().storage_properties(location),
        )  # fmt: skip
        while not self._is_loaded(statement, part.target, label):
            watch.pause(PAUSE)

    def _is_loaded(self, statement: str, database: str, label: str) -> bool:
        """Sends the statement unless a load of the label runs or has run; a lost answer is asked by the label."""
        status = self._status(database, label)
        if status == "VISIBLE" or status in UNDER_WAY:
            return status == "VISIBLE"
        try:
            self._session.tell(statement)
        except Unanswered:
            return False
        except Said as refusal:
            if USED not in refusal.words:
                raise
            return status is None  # the server knows no more of it than that it is used: the rows are counted next
        return True

    def _status(self, database: str, label: str) -> str | None:
        """Of the newest load of the label; None where the server knows of none."""
        try:
            rows = self._session.ask(export_statements.show_transaction(database, label))
        except Said:
            return None
        return str(rows[-1]["TransactionStatus"]) if rows else None

    def _make_views(self, part: Part) -> None:
        """As often as one more could be made: views may need each other, in any order."""
        waiting = list(part.inventory["views"])
        while waiting:
            failed, last = [], ""
            for item in waiting:
                try:
                    self._session.tell(ddl.view(item["statement"], part.source, part.target, item["name"]))
                except Said as refusal:
                    failed.append(item)
                    last = str(refusal)
            if len(failed) == len(waiting):
                names = ", ".join(item["name"] for item in failed)
                raise EngineFailed(
                    f"database {part.target}: all rows are there, but views {names} cannot be made: {last}"
                )
            waiting = failed

    def _count(self, database: str, table: str) -> int:
        (row,) = self._session.ask(export_statements.count(database, table))
        return int(row["amount"])

    def _refuse_incomplete(self, part: Part) -> None:
        present = {entry.key: entry.size for entry in self._reader.entries(part.attempt, "data/")}
        for record in part.inventory["tables"]:
            missing = [name for name, size in record["files"] if present.get(name) != size]
            if missing:
                raise EngineFailed(
                    f"the backup of table {part.source}.{record['name']} is incomplete: {len(missing)} of its "
                    f"{len(record['files'])} files are gone or altered, the first is {missing[0]}; restore "
                    f"another set"
                )


def _uri(location: ObjectLocation, files: list[list[Any]]) -> str:
    """Exactly these files, by their names in one folder."""
    folder = files[0][0].rpartition("/")[0]
    names = ",".join(name.rpartition("/")[2].removesuffix(".parquet") for name, _ in files)
    return f"s3://{location.bucket}/{location.prefix}{folder}/{{{names}}}.parquet"
