"""Rows into the tables of a restore: counted, loaded where they are missing, counted again, all by a crew."""

from collections.abc import Iterable, Iterator
from functools import partial

from reconciler.core.ports import RestoreOrder, SetReader, Watch
from reconciler.engines.doris import ddl, export_loads, export_looks, export_statements
from reconciler.engines.doris.crew import Crew, Work
from reconciler.engines.doris.export_loads import Loads, Table
from reconciler.engines.doris.session import Session
from reconciler.engines.doris.understood import understood
from reconciler.errors import Cancelled, DeadlinePassed, OutcomeUnknown, StepFailed

TIMEOUT = 14_400  # seconds for one statement: the server's own default for a load


def run(
    session: Session, order: RestoreOrder, reader: SetReader, tables: list[Table], watch: Watch
) -> None:
    """Raises OutcomeUnknown where a table has other rows than the set in the end, or where loads may still run that
    nobody could end.
    """
    _settle_sequences(session, tables)
    strict = not session.about().is_starrocks and session.accepts(export_statements.STRICT_CASTS)
    # No more of them can have begun: a new one does when the last is older than servers are sure to remember.
    rounds = 0 if order.journal is None else order.request.timeout // export_loads.REMEMBERED + 2
    crew = Crew(session, TIMEOUT)
    loads = Loads(order.manifest.place, order.restore_id, reader, watch, crew.marks, strict_casts=strict)
    every = [table for table in tables if table.record["rows"]]
    try:
        with understood(session.warehouse), crew:
            counted = _counted(every, crew, watch)
            lacking = [(table, rows) for table, rows in counted if rows != table.record["rows"]]
            _load(crew, _steps(session, lacking, loads, rounds), lacking, watch)
            for table, rows in _counted(every, crew, watch):
                _refuse_other_count(table, rows)
    except (Cancelled, DeadlinePassed) as error:
        raise type(error)(f"{error}; {crew.left}" if crew.left else str(error)) from error
    except StepFailed as error:
        if crew.left and not error.passing:
            raise OutcomeUnknown(f"{error}; {crew.left}") from error
        raise


def _load(
    crew: Crew, steps: Iterator[tuple[Table, Work]], lacking: list[tuple[Table, int]], watch: Watch
) -> None:
    amount = sum(export_loads.amount(table) for table, _ in lacking)
    for done, _ in enumerate(crew.run(steps, watch), 1):
        watch.progress(100 * done / amount)


def _steps(
    session: Session, lacking: list[tuple[Table, int]], loads: Loads, rounds: int
) -> Iterator[tuple[Table, Work]]:
    """In one that is gone on with, a table goes on with a round of loads that stands, or is emptied: servers forget
    labels after a time, and the oldest of very many. `rounds` is 0 where a restore begins.
    """
    for table, rows in lacking:
        now = export_looks.time(session)
        round_ = loads.round_that_stands(session, table, now, rounds) if rounds else 0
        if round_ is None:
            round_ = loads.fresh_round(session, table)
            if rows or round_:
                session.tell(export_statements.truncate(table.database, table.record["name"]))
        for step in loads.steps(table, round_):
            yield table, step


def _settle_sequences(session: Session, tables: Iterable[Table]) -> None:
    """A hidden column that the source did not let be read cannot be given; the set names such tables."""
    if any(table.record["has_sequence"] and ddl.SEQUENCE not in [item.name for item in table.columns]
           for table in tables):  # fmt: skip
        session.accepts(export_statements.SEQUENCE_OPTIONAL)


def _counted(every: list[Table], crew: Crew, watch: Watch) -> Iterator[tuple[Table, int]]:
    """The rows of each table, by the crew: to count them may take long, and may be cancelled."""
    return crew.run(((table, partial(_count, table)) for table in every), watch)


def _count(table: Table, session: Session) -> int:
    (row,) = session.ask(export_statements.count(table.database, table.record["name"]))
    return int(row["amount"])


def _refuse_other_count(table: Table, rows: int) -> None:
    wanted = table.record["rows"]
    if rows != wanted:
        raise OutcomeUnknown(
            f"table {table.title} has {rows:,} rows, the set has {wanted:,}; look at it, drop database "
            f"{table.database} if nothing else writes to it, and restore again under a new id"
        )
