"""One table of an export, in rounds: a look before, its portions, a look after.

A round is void where the definition changed meanwhile, since rows of two shapes would lie side by side. What is
kept of it is documents of the attempt, each written once, so that a run that ended goes on with what is missing.
"""

import itertools
import json
from itertools import starmap
from typing import Any, NamedTuple

from reconciler.core.ports import AttemptFolder
from reconciler.engines.doris import ddl, export_contents, export_entry, export_portions
from reconciler.engines.doris import export_looks as looks
from reconciler.engines.doris.columns import Column
from reconciler.engines.doris.export_contents import Subject
from reconciler.engines.doris.export_portions import Part, Partition
from reconciler.engines.doris.export_unload import Portion
from reconciler.engines.doris.session import Session

FORMAT, BEGUN = 3, 2  # of an inventory, whose entries are made here, and of the document that begins a round
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
        """Without those that the server computes, with the hidden one where there is one."""
        computed = ddl.generated_columns(self.begun["statement"])
        own = tuple(item for item in starmap(Column, self.begun["columns"]) if item.name not in computed)
        extra = self.begun["sequence"]
        return own if extra is None else (*own, Column(*extra))

    @property
    def portions(self) -> tuple[Portion, ...]:
        subject, chosen = self.subject, self.chosen
        return tuple(
            Portion(f"table {subject.title}", f"{self.path}/{at:05}", subject.database, subject.table,
                    Part(*(None if told is None else tuple(told) for told in part)), chosen)
            for at, part in enumerate(self.begun["portions"], 1)
        )  # fmt: skip


class Tables:
    """Opens rounds and closes them."""

    def __init__(self, session: Session, folder: AttemptFolder, *, check_row_counts: bool) -> None:
        self._session, self._folder, self._counts = session, folder, check_row_counts
        self.reasons: dict[Subject, str] = {}  # why a table had to begin again, at last

    def begin(self, subject: Subject) -> Round:
        """The round that is not void, gone on with or begun now. Another release's is not gone on with."""
        for number in itertools.count(1):
            folder = f"tables/{subject.number:05}/{number}"
            standing = self.document(f"{folder}/begun.json")
            if self._folder.read(f"{folder}/void.json") is not None:
                continue
            if standing is None:
                break
            if standing["format"] == BEGUN:
                return Round(subject, number, standing)
            self.void(Round(subject, number, standing), "another release had begun it")
        return Round(subject, number, self._folder.remember(f"{folder}/begun.json", self._look_before(subject)))

    def void(self, round_: Round, reason: str) -> None:
        self.reasons[round_.subject] = reason
        self._folder.remember(f"tables/{round_.path}/void.json", {"format": 1, "reason": reason})

    def is_other(self, session: Session, round_: Round) -> bool:
        """Whether the table's definition is another one by now."""
        begun = round_.begun
        return looks.is_other(looks.printed(session, round_.subject), begun["statement"], begun["defaults"])

    def document(self, name: str) -> dict[str, Any] | None:
        content = self._folder.read(name)
        return None if content is None else dict(json.loads(content))

    def end(self, session: Session, round_: Round, records: list[dict[str, Any]]) -> dict[str, Any] | None:
        """The table's entry in the inventory; None where the round is void now. The session waits for a count."""
        name = f"tables/{round_.path}/ended.json"
        ended = self.document(name)
        if ended is None:
            ended = self._look_after(session, round_, records)
            if ended is None:
                return None
            ended = self._folder.remember(name, ended)
        return export_entry.entry(round_.subject.table, round_.chosen, round_.begun, ended, records)

    def _look_before(self, subject: Subject) -> dict[str, Any]:
        session = self._session
        text, partitions = looks.printed(session, subject), looks.partitions(session, subject)
        now = export_contents.as_it_is_now(session, subject)
        printed = looks.kept(text, now)
        looks.refuse_other_columns(printed, now)
        kind = ddl.property_of(printed, "function_column.sequence_type")
        rollups = looks.rollups(session, subject)
        # A rollup with all columns may be read instead of the table, and has none of its tablets.
        tablets = looks.tablets(session, subject, () if rollups else export_portions.oversized(partitions))
        parts = export_portions.parts(partitions, tablets, export_portions.PORTION)
        return {
            "format": BEGUN, "statement": printed, "began": looks.time(session), "has_sequence": kind is not None,
            "columns": [list(item) for item in now.columns], "generated": list(now.generated),
            "defaults": [list(item) for item in now.defaults],
            "sequence": looks.sequence(session, subject, kind), "rollups": rollups,
            "partitions": [list(item) for item in partitions],
            "portions": [list(part) for part in parts], "tablets": tablets,
        }  # fmt: skip

    def _look_after(
        self, session: Session, round_: Round, records: list[dict[str, Any]]
    ) -> dict[str, Any] | None:
        subject, begun = round_.subject, round_.begun
        before = tuple(Partition(*item) for item in begun["partitions"])
        rows = sum(record["rows"] for record in records)
        counted = self._counted(session, subject, begun, before)
        partitions, printed = looks.partitions(session, subject), looks.printed(session, subject)
        moving = export_portions.is_moving(before, partitions)
        reason = _other(session, subject, begun, partitions, printed)
        if not reason and counted not in (None, rows) and not moving:
            reason = f"{rows:,} rows were exported, {counted:,} counted"
        if reason:
            self.void(round_, reason)
            return None
        return {
            "format": 1, "ended": looks.time(session), "moving": moving, "counted": counted,
            "partitions": [list(item) for item in partitions],
            "next_id": looks.next_id(session, subject, begun["statement"]),
            "not_included": () if begun["portions"] == [[None, None]] else
                            export_portions.appeared(before, partitions),
        }  # fmt: skip

    def _counted(
        self, session: Session, subject: Subject, begun: dict[str, Any], before: tuple[Partition, ...]
    ) -> int | None:
        """Of a table that stood still so far: where the plan asks for it, and where partitions were cut, since a
        server tells nothing of a tablet that it does not find.
        """
        if not (self._counts or begun["tablets"]):
            return None
        moving = export_portions.is_moving(before, looks.partitions(session, subject))
        return None if moving else looks.counted(session, subject)


def _other(
    session: Session, subject: Subject, begun: dict[str, Any], partitions: tuple[Partition, ...], printed: str
) -> str:
    """Why the table is another one than when the round began; empty where it is not."""
    if looks.is_other(printed, begun["statement"], begun["defaults"]):
        return "its definition changed"
    if begun["tablets"] and looks.rollups(session, subject) != begun["rollups"]:
        return "a rollup of it came or went"
    if begun["tablets"].keys() - {item.name for item in partitions}:
        return "a partition of it was dropped"
    if looks.tablets(session, subject, begun["tablets"]) != begun["tablets"]:
        return "a partition of it was replaced"
    return ""
