"""One table of an export, in rounds: a look before, its portions, a look after.

A round is void where the definition changed meanwhile, since rows of two shapes would lie side by side. What is
kept of it is documents of the attempt, each written once, so that a run that ended goes on with what is missing.
"""

import json
from itertools import starmap
from typing import Any, NamedTuple

from reconciler.core.ports import AttemptFolder
from reconciler.engines.doris import ddl, export_contents, export_portions
from reconciler.engines.doris import export_looks as looks
from reconciler.engines.doris.columns import Column
from reconciler.engines.doris.export_contents import Subject
from reconciler.engines.doris.export_portions import Part, Partition
from reconciler.engines.doris.export_unload import Portion
from reconciler.engines.doris.session import Session

FORMAT = 3  # of an inventory, whose entries are made here
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
    def names_partitions(self) -> bool:
        return any(part.part.partitions is not None for part in self.portions)

    @property
    def chosen(self) -> tuple[Column, ...]:
        """Without those that the server computes, with the hidden one where there is one."""
        computed = ddl.generated_columns(self.begun["statement"])
        own = tuple(item for item in starmap(Column, self.begun["columns"]) if item.name not in computed)
        extra = self.begun["sequence"]
        return own if extra is None else (*own, Column(*extra))

    @property
    def portions(self) -> tuple[Portion, ...]:
        subject = self.subject
        return tuple(
            Portion(f"table {subject.title}", f"{self.path}/{at:05}", subject.database, subject.table,
                    Part(*(None if told is None else tuple(told) for told in part)), self.chosen)
            for at, part in enumerate(self.begun["portions"], 1)
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

    def end(self, session: Session, round_: Round, records: list[dict[str, Any]]) -> dict[str, Any] | None:
        """The table's entry in the inventory; None where the round is void now. The session waits for a count."""
        name = f"tables/{round_.path}/ended.json"
        ended = self.document(name)
        if ended is None:
            ended = self._look_after(session, round_, records)
            if ended is None:
                return None
            ended = self._folder.remember(name, ended)
        return _entry(round_, ended, records)

    def _look_before(self, subject: Subject) -> dict[str, Any]:
        session = self._session
        text, partitions = looks.printed(session, subject), looks.partitions(session, subject)
        now = export_contents.as_it_is_now(session, subject)
        printed = looks.kept(text, now)
        looks.refuse_other_columns(printed, now)
        kind = ddl.property_of(printed, "function_column.sequence_type")
        large = (item.name for item in partitions if item.size_bytes > export_portions.WHOLE)
        tablets = looks.tablets(session, subject, large)
        known = {name: tuple(numbers) for name, numbers in tablets.items()}
        parts = export_portions.parts(partitions, known, export_portions.PORTION)
        return {
            "format": 1, "statement": printed, "began": looks.time(session), "has_sequence": kind is not None,
            "columns": [list(item) for item in now.columns], "generated": list(now.generated),
            "defaults": [list(item) for item in now.defaults],
            "sequence": looks.sequence(session, subject, kind), "rollups": looks.rollups(session, subject),
            "partitions": [list(item) for item in partitions],
            "portions": [list(part) for part in parts], "tablets": tablets,
        }  # fmt: skip

    def _look_after(
        self, session: Session, round_: Round, records: list[dict[str, Any]]
    ) -> dict[str, Any] | None:
        subject, begun = round_.subject, round_.begun
        counted = looks.counted(session, subject) if self._counts else None
        partitions, printed = looks.partitions(session, subject), looks.printed(session, subject)
        if looks.is_other(printed, begun["statement"], begun["defaults"]):
            self.void(round_, "its definition changed")
            return None
        if looks.tablets(session, subject, begun["tablets"]) != begun["tablets"]:
            self.void(round_, "partitions of it were replaced")
            return None
        before = tuple(Partition(*item) for item in begun["partitions"])
        moving = export_portions.is_moving(before, partitions)
        rows = sum(record["rows"] for record in records)
        if counted not in (None, rows) and not moving:
            self.void(round_, f"{rows:,} rows were exported, {counted:,} counted")
            return None
        return {
            "format": 1, "ended": looks.time(session), "moving": moving, "counted": counted,
            "partitions": [list(item) for item in partitions],
            "next_id": looks.next_id(session, subject, begun["statement"]),
            "not_included": export_portions.appeared(before, partitions) if round_.names_partitions else (),
        }  # fmt: skip


def _entry(round_: Round, ended: dict[str, Any], records: list[dict[str, Any]]) -> dict[str, Any]:
    """All that a restore must know of the table, and what can be said of its consistency."""
    begun = round_.begun
    return {
        "name": round_.subject.table, "statement": begun["statement"],
        "columns": [list(item) for item in round_.chosen],
        "generated": sorted({*begun["generated"], *ddl.generated_columns(begun["statement"])}),
        "has_sequence": begun["has_sequence"], "next_id": ended["next_id"], "rollups": begun["rollups"],
        "rows": sum(record["rows"] for record in records), "counted": ended["counted"],
        "began": begun["began"], "ended": ended["ended"], "moving": ended["moving"],
        "partitions_not_included": list(ended["not_included"]),
        "versions": {"before": _versions(begun["partitions"]), "after": _versions(ended["partitions"])},
        "portions": records,
    }  # fmt: skip


def _versions(partitions: list[list[Any]]) -> list[list[Any]]:
    return [item[:3] for item in partitions]
