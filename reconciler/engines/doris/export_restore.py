"""A restore of an export: tables from their definitions, loaded portion by portion, then what stands on them.

Where a database is replaced all this happens in one beside it until its rows are complete. What is found half-way
and cannot be explained is left as it is, and said.
"""

import json
from collections.abc import Callable
from typing import Any

from reconciler.core.ports import RestoreOrder, SetReader, Watch
from reconciler.engines.doris import (
    ddl,
    ddl_text,
    export_check,
    export_fill,
    export_finish,
    export_statements,
    export_swap,
    replicas,
    statements,
)
from reconciler.engines.doris.export_check import Part
from reconciler.engines.doris.export_loads import Table
from reconciler.engines.doris.session import Said, Session

COUNTER = "AUTO_INCREMENT's counter: new rows may get used numbers"  # StarRocks has no statement that sets it


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
        export_check.refuse_other_format(self._parts)

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
        tables = [table for part in waiting for table in part.tables]
        export_fill.run(self._session, self._order, self._reader, tables, watch)
        for part in waiting:
            export_swap.put_in_place(self._session, part.place)
        make_catalogs()
        export_finish.run(self._session, self._parts, self._given, nodes, watch)
        for part in self._parts:
            export_swap.drop_replaced(self._session, part.place)
        return self._not_taken_over()

    def _not_taken_over(self) -> tuple[str, ...]:
        """What mattered, with the tables that had it."""
        found: dict[str, list[str]] = {}
        for part in self._parts:
            for table in part.tables:
                for key in self._gone(part.place.target, table):
                    found.setdefault(key, []).append(f"{part.place.target}.{table.record['name']}")
        return tuple(f"{key} ({_named(titles)})" for key, titles in sorted(found.items()))

    def _gone(self, database: str, table: Table) -> set[str]:
        """By what the target has in the end: an earlier run may have made the table."""
        about, printed = self._session.about(), table.record["statement"]
        (row,) = self._session.ask(export_statements.show_create("TABLE", database, table.record["name"]))
        gone = ddl.left_out(printed, str(row["Create Table"]), self._given, decoupled=about.decoupled)
        return gone | ({COUNTER} if about.is_starrocks and ddl.counting_column(printed) else set())

    def _is_in_place(self, part: Part, stood: list[list[str]]) -> bool:
        names = [table.record["name"] for table in part.tables]
        return export_swap.is_done(self._session, part.place, stood, names)

    @property
    def _given(self) -> dict[str, str]:
        return dict(self._order.request.restore_properties)

    def _claimed(self) -> dict[str, Any]:
        """The journal: what stood where the restore replaces something."""
        if self._order.journal is not None:
            return dict(json.loads(self._order.journal))
        beside = [part.place.target for part in self._parts if part.place.is_beside]
        journal = {"stood": {target: export_swap.standing(self._session, target) for target in beside}}
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
        without: set[str] = set()
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


def _named(titles: list[str]) -> str:
    return titles[0] + (f" and {len(titles) - 1} more" if titles[1:] else "")


def _unknown_properties(refusal: Said, printed: str) -> set[str]:
    """Those of the definition that the server names as unknown."""
    if not export_finish.UNKNOWN.search(refusal.words):
        return set()
    return {key for key in ddl_text.properties(printed)[1] if key in refusal.words}
