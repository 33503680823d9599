"""What the chosen databases hold when an export begins, and how it goes: each table with its columns, or by name
why it cannot.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from reconciler.core.ports import AttemptFolder
from reconciler.engines.doris import columns, export_statements, sight, tables
from reconciler.engines.doris.columns import Column
from reconciler.engines.doris.session import Said, Session
from reconciler.engines.doris.tables import Table
from reconciler.errors import EngineFailed

DROPPED = "(dropped while the backup ran)"
KEPT = ("table", "view", "materialized view")


class Lossy(EngineFailed):
    """A table that cannot go without loss; the message names it and says why."""


class Subject(NamedTuple):
    """A table of the attempt, by its number, with how its columns go, and the texts that they have by default."""

    number: int
    database: str
    table: str
    columns: tuple[Column, ...]
    generated: tuple[str, ...]
    defaults: tuple[tuple[str, str], ...]

    @property
    def title(self) -> str:
        return f"{self.database}.{self.table}"


class Contents(NamedTuple):
    """What was there when the attempt began: one that is gone on with is not measured by what came since."""

    objects: dict[str, tuple[Table, ...]]
    subjects: tuple[Subject, ...]
    skipped: tuple[str, ...]

    def names(self, database: str, kind: str) -> tuple[str, ...]:
        return tuple(item.name for item in self.objects[database] if item.kind == kind)


def found(session: Session, folder: AttemptFolder, databases: Iterable[str], *, may_skip: bool) -> Contents:
    """Raises EngineFailed, naming them, where tables cannot go without loss and may not be left out."""
    listed = {name: [list(item) for item in _objects(session, name)] for name in databases}
    standing = folder.remember("order.json", {"format": 1, "databases": listed})["databases"]
    objects = {name: tuple(Table(*row) for row in rows) for name, rows in sorted(standing.items())}
    subjects = _subjects(session, objects)
    missing = _missing(session, tuple(column for item in subjects for column in item.columns))
    lossy = {item: line for item in subjects if (line := _lossy(item, missing))}
    if lossy and not may_skip:
        raise refused(*lossy.values())
    skipped = [f"{database}.{item.name} ({item.kind}: an export does not keep it)"
               for database, items in objects.items() for item in items if item.kind not in KEPT]  # fmt: skip
    going = tuple(item for item in subjects if item not in lossy)
    return Contents(objects, going, (*skipped, *lossy.values(), *sight.limits(session, objects)))


def refused(*lines: str) -> EngineFailed:
    return EngineFailed(f"{'; '.join(lines)}; `skip_unsupported: true` in the plan leaves such tables out")


def as_it_is_now(session: Session, subject: Subject) -> Subject:
    """With the columns that it has now: a table's turn may come hours after the list was made. Raises Lossy where
    one has come that cannot go.
    """
    rows = session.ask(export_statements.columns(subject.database, subject.table))
    now = _subject(session, subject.number, subject.database, subject.table, rows)
    if now.columns != subject.columns and (lossy := _lossy(now, _missing(session, now.columns))):
        raise Lossy(f"{lossy}, which came while the backup ran")
    return now


def _objects(session: Session, database: str) -> tuple[Table, ...]:
    """StarRocks tells materialized views as views."""
    listed = tables.of(session, database)
    if not session.about().is_starrocks:
        return listed
    rows = session.ask(export_statements.materialized_views(database))
    materialized = {str(next(iter(row.values()))) for row in rows}
    return tuple(
        item._replace(kind="materialized view") if item.name in materialized and item.kind != "table" else item
        for item in listed
    )


def _subjects(session: Session, objects: dict[str, tuple[Table, ...]]) -> tuple[Subject, ...]:
    made: list[Subject] = []
    for database, items in objects.items():
        rows = session.ask(export_statements.columns(database))
        of_tables: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            of_tables.setdefault(str(row["TABLE_NAME"]), []).append(row)
        for item in items:
            if item.kind == "table":
                made.append(_subject(session, len(made) + 1, database, item.name, of_tables.get(item.name, [])))
    return tuple(made)


def _subject(session: Session, number: int, database: str, table: str, rows: list[dict[str, Any]]) -> Subject:
    generated = tuple(str(row["COLUMN_NAME"]) for row in rows if row["GENERATION_EXPRESSION"])
    kept = tuple(
        columns.column(str(row["COLUMN_NAME"]), str(row["COLUMN_TYPE"]), starrocks=session.about().is_starrocks)
        for row in rows if row["COLUMN_NAME"] not in generated
    )  # fmt: skip
    defaults = tuple(
        (str(row["COLUMN_NAME"]), str(row["COLUMN_DEFAULT"])) for row in rows if row["COLUMN_DEFAULT"] is not None
    )
    return Subject(number, database, table, kept, generated, defaults)


def _missing(session: Session, every: tuple[Column, ...]) -> set[str]:
    """The types whose functions this server lacks."""
    wanted = columns.probes(every, starrocks=session.about().is_starrocks)
    return {kind for kind, probe in wanted.items() if not _answers(session, probe)}


def _lossy(subject: Subject, missing: set[str]) -> str:
    """Empty, or the table with the columns that have no way."""
    lost = [item for item in subject.columns if item.out is None or columns.base(item.type) in missing]
    listed = ", ".join(f"{item.name} {item.type}" for item in lost)
    return f"{subject.title} (no way through Parquet for {listed})" if lost else ""


def _answers(session: Session, probe: str) -> bool:
    try:
        session.ask(probe)
    except Said as refusal:
        if refusal.passing:
            raise
        return False
    return True
