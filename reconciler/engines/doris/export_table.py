"""One table of an export, in rounds: a look before, its portions, a look after.

A round is void where the definition changed meanwhile, since rows of two shapes would lie side by side. What is
kept of it is documents of the attempt, each written once, so that a run that ended goes on with what is missing.
"""

import json
from typing import Any, NamedTuple

from reconciler.core.ports import AttemptFolder
from reconciler.engines.doris import columns, ddl, ddl_text, export_portions, export_statements
from reconciler.engines.doris.columns import Column
from reconciler.engines.doris.export_contents import Subject
from reconciler.engines.doris.export_portions import Partition
from reconciler.engines.doris.export_unload import Portion
from reconciler.engines.doris.session import Said, Session
from reconciler.errors import EngineFailed

ROUNDS = 3  # in one run; then the attempt pauses


class Round(NamedTuple):
    """`begun` is the document of the look before."""

    subject: Subject
    number: int
    begun: dict[str, Any]

    @property
    def path(self) -> str:
        return f"{self.subject.number:05}/{self.number}"

    @property
    def chosen(self) -> tuple[Column, ...]:
        extra = self.begun["sequence"]
        return self.subject.columns if extra is None else (*self.subject.columns, Column(*extra))

    @property
    def portions(self) -> tuple[Portion, ...]:
        subject = self.subject
        return tuple(
            Portion(f"table {subject.title}", f"{self.path}/{at:05}", subject.database, subject.table,
                    None if names is None else tuple(names), self.chosen)
            for at, names in enumerate(self.begun["portions"], 1)
        )  # fmt: skip


class Tables:
    """Opens rounds and closes them."""

    def __init__(self, session: Session, folder: AttemptFolder, *, check_row_counts: bool) -> None:
        self._session, self._folder, self._counts = session, folder, check_row_counts

    def begin(self, subject: Subject) -> Round:
        """The round that is not void, gone on with or begun now."""
        number = 1
        while self._folder.read(f"tables/{subject.number:05}/{number}/void.json") is not None:
            number += 1
        name = f"tables/{subject.number:05}/{number}/begun.json"
        standing = self.document(name)
        return Round(subject, number, standing or self._folder.remember(name, self._look_before(subject)))

    def void(self, round_: Round, reason: str) -> None:
        self._folder.remember(f"tables/{round_.path}/void.json", {"format": 1, "reason": reason})

    def document(self, name: str) -> dict[str, Any] | None:
        content = self._folder.read(name)
        return None if content is None else dict(json.loads(content))

    def end(self, round_: Round, records: list[dict[str, Any]]) -> dict[str, Any] | None:
        """The table's entry in the inventory; None where the round is void now."""
        name = f"tables/{round_.path}/ended.json"
        ended = self.document(name)
        if ended is None:
            ended = self._look_after(round_, records)
            if ended is None:
                return None
            ended = self._folder.remember(name, ended)
        return _entry(round_, ended, records)

    def _look_before(self, subject: Subject) -> dict[str, Any]:
        printed = self._printed(subject)
        partitions = self._partitions(subject)
        kind = ddl.property_of(printed, "function_column.sequence_type")
        return {
            "format": 1, "statement": printed, "began": self._time(), "sequence": self._sequence(subject, kind),
            "has_sequence": kind is not None, "rollups": self._rollups(subject),
            "partitions": [list(item) for item in partitions],
            "portions": [None if names is None else list(names) for names in export_portions.portions(partitions)],
        }  # fmt: skip

    def _look_after(self, round_: Round, records: list[dict[str, Any]]) -> dict[str, Any] | None:
        subject, begun = round_.subject, round_.begun
        counted = self._counted(subject) if self._counts else None
        partitions = self._partitions(subject)
        printed = self._printed(subject)
        if ddl_text.without_partitions(printed) != ddl_text.without_partitions(begun["statement"]):
            self.void(round_, "its definition changed")
            return None
        before = tuple(Partition(*item) for item in begun["partitions"])
        moving = export_portions.is_moving(before, partitions)
        rows = sum(record["rows"] for record in records)
        if counted not in (None, rows) and not moving:
            self.void(round_, f"{rows:,} rows were exported, {counted:,} counted")
            return None
        return {
            "format": 1, "ended": self._time(), "moving": moving, "partitions": [list(item) for item in partitions],
            "not_included": export_portions.appeared(before, partitions) if begun["portions"] != [None] else (),
            "counted": counted, "next_id": self._next_id(subject, printed),
        }  # fmt: skip

    def _printed(self, subject: Subject) -> str:
        (row,) = self._session.ask(export_statements.show_create("TABLE", subject.database, subject.table))
        printed = str(row["Create Table"])
        try:
            ddl.replayable(printed, subject.database, subject.table, {})
        except ValueError as error:
            raise EngineFailed(f"the definition of table {subject.title} cannot be kept: {error}") from None
        return printed

    def _partitions(self, subject: Subject) -> tuple[Partition, ...]:
        rows = self._session.ask(export_statements.show_partitions(subject.database, subject.table))
        return tuple(map(export_portions.partition, rows))

    def _sequence(self, subject: Subject, kind: str | None) -> list[Any] | None:
        """The hidden column, as one of the columns; None where there is none, or the server keeps it to itself.

        Without it, later loads that come out of order may win over newer rows.
        """
        if kind is None:
            return None
        try:
            self._session.ask(export_statements.no_row(subject.database, subject.table, ddl.SEQUENCE))
        except Said as refusal:
            if refusal.passing:
                raise
            return None
        return list(columns.column(ddl.SEQUENCE, kind))

    def _next_id(self, subject: Subject, printed: str) -> int | None:
        column = ddl.counting_column(printed)
        if column is None:
            return None
        (row,) = self._session.ask(export_statements.largest(subject.database, subject.table, column))
        return int(row["largest"] or 0) + 1

    def _counted(self, subject: Subject) -> int:
        (row,) = self._session.ask(export_statements.count(subject.database, subject.table))
        return int(row["amount"])

    def _rollups(self, subject: Subject) -> list[dict[str, Any]]:
        """Those of Doris; StarRocks tells them among the materialized views."""
        if self._session.about().is_starrocks:
            return []
        indexes: dict[str, list[str]] = {}
        current = subject.table
        for row in self._session.ask(export_statements.describe_all(subject.database, subject.table)):
            current = str(row["IndexName"] or current)
            if row["Field"]:
                indexes.setdefault(current, []).append(str(row["Field"]))
        return [{"name": name, "columns": fields, "statement": self._rollup(subject, name)}
                for name, fields in sorted(indexes.items()) if name != subject.table]  # fmt: skip

    def _rollup(self, subject: Subject, name: str) -> str | None:
        try:
            rows = self._session.ask(export_statements.show_create_rollup(subject.database, subject.table, name))
        except Said as refusal:
            if refusal.passing:
                raise
            return None
        return str(rows[0]["CreateStmt"] or "") or None if rows else None

    def _time(self) -> str:
        """By the server's clock, in UTC."""
        (row,) = self._session.ask(export_statements.SERVER_TIME)
        return str(row["at"])[:19]


def _entry(round_: Round, ended: dict[str, Any], records: list[dict[str, Any]]) -> dict[str, Any]:
    """All that a restore must know of the table, and what can be said of its consistency."""
    begun = round_.begun
    return {
        "name": round_.subject.table, "statement": begun["statement"],
        "columns": [list(item) for item in round_.chosen], "generated": list(round_.subject.generated),
        "has_sequence": begun["has_sequence"], "next_id": ended["next_id"], "rollups": begun["rollups"],
        "rows": sum(record["rows"] for record in records), "counted": ended["counted"],
        "began": begun["began"], "ended": ended["ended"], "moving": ended["moving"],
        "partitions_not_included": list(ended["not_included"]),
        "versions": {"before": _versions(begun["partitions"]), "after": _versions(ended["partitions"])},
        "portions": records,
    }  # fmt: skip


def _versions(partitions: list[list[Any]]) -> list[list[Any]]:
    return [item[:3] for item in partitions]
