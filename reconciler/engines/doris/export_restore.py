"""A restore of an export: tables from their definitions, loaded portion by portion, then what stands on them.

Where a database is replaced all this happens in one beside it until its rows are complete. What is found half-way
and cannot be explained is left as it is, and said.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from reconciler.core.ports import RestoreOrder, SetReader, Watch
from reconciler.engines.doris import (
    ddl,
    ddl_text,
    export_check,
    export_finish,
    export_loads,
    export_looks,
    export_statements,
    export_swap,
    replicas,
    statements,
)
from reconciler.engines.doris.crew import Crew, Work
from reconciler.engines.doris.export_check import Part
from reconciler.engines.doris.export_loads import Loads, Table
from reconciler.engines.doris.session import Said, Session
from reconciler.errors import Cancelled, DeadlinePassed, OutcomeUnknown, StepFailed

TIMEOUT = 14_400  # seconds for one load: the server's own default


class Import:
    """The databases of a request that were made by export."""

    def __init__(
        self, session: Session, order: RestoreOrder, reader: SetReader, inventories: dict[str, dict[str, Any]]
    ) -> None:
        self._session, self._order, self._reader = session, order, reader
        attempts = {item.database: item.attempt for item in order.manifest.snapshots}
        self._parts = tuple(
            Part(source, export_check.place_of(order, target), attempts[source], inventories[source])
            for source, target in order.databases
        )
        self._unknown: dict[str, set[str]] = {}  # properties of each table that this server does not know

    def check(self) -> None:
        export_check.refuse(self._session, self._order, self._reader, self._parts)

    def run(self, watch: Watch, make_catalogs: Callable[[], None]) -> tuple[str, ...]:
        """What was not taken over, in words. `make_catalogs` is called before views are made, which may read from
        external catalogs.
        """
        journal = self._claimed()
        waiting = tuple(
            part for part in self._parts
            if not self._is_in_place(part, journal["stood"].get(part.place.target, []))
        )  # fmt: skip
        nodes = replicas.alive(self._session)
        self._make_tables(waiting, nodes)
        self._fill(waiting, journal["began"], watch)
        for part in waiting:
            export_swap.put_in_place(self._session, part.place)
        make_catalogs()
        export_finish.run(self._session, self._parts, self._given, nodes, watch)
        for part in self._parts:
            export_swap.drop_replaced(self._session, part.place)
        return self._not_taken_over()

    def _not_taken_over(self) -> tuple[str, ...]:
        """Properties that mattered, with the tables that had them."""
        decoupled, found = self._session.about().decoupled, dict[str, list[str]]()
        for part in self._parts:
            for table in part.tables:
                title = f"{part.place.target}.{table.record['name']}"
                gone = ddl.left_out(table.record["statement"], self._given, decoupled=decoupled)
                for key in sorted(gone | self._unknown.get(table.title, set())):
                    found.setdefault(key, []).append(title)
        return tuple(f"{key} of {titles[0]}" + (f" and {len(titles) - 1} more tables" if titles[1:] else "")
                     for key, titles in sorted(found.items()))  # fmt: skip

    def _is_in_place(self, part: Part, stood: list[list[str]]) -> bool:
        names = [table.record["name"] for table in part.tables]
        return export_swap.is_done(self._session, part.place, stood, names)

    @property
    def _given(self) -> dict[str, str]:
        return dict(self._order.request.restore_properties)

    def _claimed(self) -> dict[str, Any]:
        """The journal: when the restore began by the server's clock, and what stood where it replaces something."""
        if self._order.journal is not None:
            return dict(json.loads(self._order.journal))
        beside = [part.place.target for part in self._parts if part.place.is_beside]
        journal = {
            "began": export_looks.time(self._session),
            "stood": {target: export_swap.standing(self._session, target) for target in beside},
        }
        self._order.claim(json.dumps(journal))
        return journal

    def _make_tables(self, parts: tuple[Part, ...], nodes: int | None) -> None:
        for part in parts:
            self._session.tell(statements.create_database(part.place.into))
            for table in part.tables:
                self._make_table(table, nodes)

    def _make_table(self, table: Table, nodes: int | None) -> None:
        """Properties that this server does not know are left out: it may be older than the source."""
        printed = table.record["statement"]
        without = self._unknown.setdefault(table.title, set())
        given = replicas.properties(printed, nodes, self._given)
        while True:
            try:
                self._session.tell(ddl.replayable(
                    printed, table.database, table.record["name"], given, table.record["next_id"], without,
                    decoupled=self._session.about().decoupled,
                ))  # fmt: skip
            except Said as refusal:
                unknown = _unknown_properties(refusal, printed) - without
                if not unknown:
                    raise
                without |= unknown
            else:
                return

    def _fill(self, parts: tuple[Part, ...], began: str, watch: Watch) -> None:
        self._settle_sequences(parts)
        strict = not self._session.about().is_starrocks and self._session.accepts(export_statements.STRICT_CASTS)
        crew = Crew(self._session, TIMEOUT)
        place, restore_id = self._order.manifest.place, self._order.restore_id
        loads = Loads(place, restore_id, self._reader, watch, crew.marks, strict_casts=strict)
        forgotten = self._order.journal is not None and export_loads.may_be_forgotten(
            began, export_looks.time(self._session)
        )
        every = [table for part in parts for table in part.tables if table.record["rows"]]
        amount, done = sum(map(export_loads.amount, every)) or 1, 0
        try:
            with crew:
                counted = list(_counted(every, crew, watch))
                for _ in crew.run(self._steps(counted, loads, forgotten=forgotten), watch):
                    done += 1
                    watch.progress(100 * done / amount)
                for table, present in _counted(every, crew, watch):
                    _refuse_other_count(table, present)
        except (Cancelled, DeadlinePassed) as error:
            raise type(error)(f"{error}; {crew.left}" if crew.left else str(error)) from error
        except StepFailed as error:
            if crew.left and not error.passing:
                raise OutcomeUnknown(f"{error}; {crew.left}") from error
            raise

    def _steps(
        self, counted: list[tuple[Table, int]], loads: Loads, *, forgotten: bool
    ) -> Iterator[tuple[Table, Work]]:
        for table, present in counted:
            round_ = 0
            if present == table.record["rows"]:
                continue
            if present and forgotten:
                round_ = loads.round_after_forgetting(self._session, table)
                self._session.tell(export_statements.truncate(table.database, table.record["name"]))
            for step in loads.steps(table, round_):
                yield table, step

    def _settle_sequences(self, parts: tuple[Part, ...]) -> None:
        """A hidden column that the source did not let be read cannot be given; the set names such tables."""
        if any(table.record["has_sequence"] and ddl.SEQUENCE not in [item.name for item in table.columns]
               for part in parts for table in part.tables):  # fmt: skip
            self._session.accepts(export_statements.SEQUENCE_OPTIONAL)


def _counted(every: list[Table], crew: Crew, watch: Watch) -> Iterator[tuple[Table, int]]:
    """The rows of each table, by the crew: to count them may take long, and may be cancelled."""
    return crew.run(((table, partial(_count, table)) for table in every), watch)


def _count(table: Table, session: Session) -> int:
    (row,) = session.ask(export_statements.count(table.database, table.record["name"]))
    return int(row["amount"])


def _refuse_other_count(table: Table, present: int) -> None:
    wanted = table.record["rows"]
    if present != wanted:
        raise OutcomeUnknown(
            f"table {table.title} has {present:,} rows, the set has {wanted:,}; look at it, drop database "
            f"{table.database} if nothing else writes to it, and restore again under a new id"
        )


def _unknown_properties(refusal: Said, printed: str) -> set[str]:
    """Those of the definition that the server names as unknown."""
    if "nknown propert" not in refusal.words:
        return set()
    return {key for key in ddl_text.properties(printed)[1] if key in refusal.words}
