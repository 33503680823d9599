"""Loads of one restore: labelled statements for each portion, sent again only where its label says that it may be.

A label belongs to a restore, a table, a part of a portion and a round. A new round begins, after a TRUNCATE, where
labels may have been forgotten: then nothing tells what was loaded from what was not.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from reconciler.core import naming
from reconciler.core.naming import TaskPlace
from reconciler.core.ports import SetReader, Watch
from reconciler.engines.doris import columns, crew, export_portions, export_statements
from reconciler.engines.doris.columns import Column
from reconciler.engines.doris.session import Said, Session, Unanswered
from reconciler.errors import EngineFailed

USED = "has already been used"
STATUS = re.compile(r"status \[(\w+)\]")  # … of the load that has it, at the end of the same text
UNKNOWN = "does not exist"  # transaction with label … (Doris, ShowTransactionCommand.java)
LOADED = "VISIBLE"
VISIBLE = frozenset({"VISIBLE", "FINISHED"})
UNDER_WAY = frozenset({"PREPARE", "PRECOMMITTED", "COMMITTED", "PENDING", "QUEUEING", "LOADING", "PREPARED"})
PAUSE = 1.0  # seconds between two looks at a load
# Servers keep labels of loads by INSERT for 12 hours (Doris, streaming_label_keep_max_second); less to be sure.
REMEMBERED = 11 * 3600


class Table(NamedTuple):
    """A table to be filled: `database` is where it is now, `record` its entry in the inventory."""

    database: str
    attempt: int
    record: dict[str, Any]

    @property
    def title(self) -> str:
        return f"{self.database}.{self.record['name']}"

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(Column(*item) for item in self.record["columns"])


class Loads:
    """`strict_casts`: the server fails a cast that cannot be made. Where it does not, one is looked for first."""

    def __init__(
        self, place: TaskPlace, restore_id: str, reader: SetReader, watch: Watch, marks: set[str], *,
        strict_casts: bool,
    ) -> None:  # fmt: skip
        self._place, self._restore_id, self._reader = place, restore_id, reader
        self._watch, self._marks, self._strict_casts = watch, marks, strict_casts

    def steps(self, table: Table, round_: int) -> Iterator[crew.Work]:
        for label, files in self._labelled(table, round_):
            yield partial(self._load, table, files, label)

    def round_that_stands(self, session: Session, table: Table, now: str, rounds: int) -> int | None:
        """The newest of so many, where all its labels are known still: its first load, by which it began, is young.
        None where nothing tells what was loaded from what was not.
        """
        for round_ in reversed(range(rounds)):
            first, _ = next(self._labelled(table, round_))
            row = self._newest(session, table.database, first)
            if row is not None:
                return None if may_be_forgotten(_begun(row), now) else round_
        return None

    def fresh_round(self, session: Session, table: Table) -> int:
        """The first of whose labels the server knows none, once no load of another one runs any more."""
        round_ = 0
        while True:
            labels = (label for label, _ in self._labelled(table, round_))
            known = [status for label in labels if (status := self._status(session, table.database, label))]
            if not known:
                return round_
            if UNDER_WAY & {*known}:
                self._watch.pause(PAUSE)
            else:
                round_ += 1

    def _labelled(self, table: Table, round_: int) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The label of each load, with its files."""
        name = self._restore_id, table.database, table.record["name"]
        for at, portion in enumerate(table.record["portions"]):
            for part, files in enumerate(loads_of(portion)):
                yield naming.stem(
                    self._place, table.attempt, *name, str(at), str(part), str(round_)
                ), files

    def _load(self, table: Table, files: tuple[str, ...], label: str, session: Session) -> None:
        """Once, whatever becomes of its answer."""
        location = self._reader.location(table.attempt)
        uri, access = export_statements.files_uri(location, files), session.access(location)
        statement = export_statements.load(
            session.about(), table.database, table.record["name"], label, table.columns, uri, access
        )
        self._marks.add(label)
        status = self._status(session, table.database, label)
        while status not in VISIBLE:
            if status in UNDER_WAY:
                self._watch.pause(PAUSE)
                told = None
            else:
                self._refuse_lost_values(session, table, uri, access)
                told = self._sent(session, statement, label)
            status = self._status(session, table.database, label) or told
        self._marks.discard(label)

    def _sent(self, session: Session, statement: str, label: str) -> str | None:
        """What the answer says of the load: a label that is not known afterwards was forgotten already."""
        try:
            if not session.about().is_starrocks:
                session.tell(export_statements.trace(label))
            session.tell(statement)
        except Unanswered:
            self._watch.pause(PAUSE)
            return None
        except Said as refusal:
            if USED not in refusal.words:
                raise
            self._watch.pause(PAUSE)
            found = STATUS.search(refusal.words)
            return found[1] if found else LOADED
        return LOADED

    def _status(self, session: Session, database: str, label: str) -> str | None:
        row = self._newest(session, database, label)
        return None if row is None else _told(row)

    def _newest(self, session: Session, database: str, label: str) -> dict[str, Any] | None:
        """The load that has the label, else one that had it and failed; None where the server knows none."""
        try:
            rows = session.ask(export_statements.show_load(session.about(), database, label))
        except Said as refusal:
            if UNKNOWN not in refusal.words:
                raise
            return None
        return next((row for row in rows if _told(row) in VISIBLE | UNDER_WAY), rows[-1] if rows else None)

    def _refuse_lost_values(self, session: Session, table: Table, uri: str, access: list[tuple[str, str]]) -> None:
        condition = columns.lost(table.columns, strict_casts=self._strict_casts)
        if condition is None:
            return
        (row,) = session.ask(export_statements.lost_by_casts(session.about(), condition, uri, access))
        if int(row["amount"]):
            raise EngineFailed(
                f"table {table.title}: in {int(row['amount']):,} rows a value cannot be made again from its text "
                f"at this server, and would become NULL; nothing of this portion was loaded"
            )


def _told(row: dict[str, Any]) -> str:
    return str(row.get("TransactionStatus") or row.get("State"))


def _begun(row: dict[str, Any]) -> str:
    """By the server's clock, in UTC."""
    return str(row.get("PrepareTime") or row.get("CreateTime"))


def amount(table: Table) -> int:
    return sum(len(loads_of(portion)) for portion in table.record["portions"])


def loads_of(portion: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    """The files of each load. Those without rows are left out: a server may fail to read one (Doris #50795)."""
    sizes = {name: size for name, size, _ in portion["files"]}
    return export_portions.together(((name, sizes[name]) for name in portion["loaded"]), export_portions.LOAD)


def may_be_forgotten(began: str, now: str) -> bool:
    """Whether labels of loads that began then may be unknown by now, both by the server's clock."""
    return (datetime.fromisoformat(now) - datetime.fromisoformat(began)).total_seconds() > REMEMBERED
