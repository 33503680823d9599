"""A backup by export: each table by one statement to Parquet in the attempt's prefix, run by the backup cluster.

One statement is one snapshot of one table; several tables are not at the same instant. A table is done when its
record is kept in the attempt: after a crash the ones that are missing are exported, into a folder of their own each
time, so that files of a broken try are never counted.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from reconciler.core.manifest import Snapshot
from reconciler.core.ports import AttemptFolder, BackupOrder, Watch
from reconciler.engines.doris import columns, export_statements, tables
from reconciler.engines.doris.columns import Column
from reconciler.engines.doris.session import Session
from reconciler.engines.doris.tables import Table
from reconciler.errors import EngineFailed


class Part(NamedTuple):
    """A table of the attempt, by its number, with how its columns go."""

    number: int
    database: str
    table: str
    columns: tuple[Column, ...]
    generated: tuple[str, ...]

    @property
    def record(self) -> str:
        return f"tables/{self.number:05}.json"

    @property
    def folder(self) -> str:
        return f"data/{self.number:05}/"


class Export:
    """One attempt at all chosen databases."""

    def __init__(
        self, session: Session, order: BackupOrder, folder: AttemptFolder, number: int, watch: Watch
    ) -> None:
        self._session, self._order, self._folder = session, order, folder
        self._number, self._watch = number, watch
        self._location = folder.location()
        self._storage = session.about().storage_properties(self._location)

    def run(self, databases: tuple[str, ...]) -> tuple[tuple[Snapshot, ...], tuple[str, ...]]:
        """The snapshots, and what they leave out."""
        listed = {name: [list(table) for table in tables.of(self._session, name)] for name in databases}
        standing = self._folder.remember("order.json", {"format": 1, "databases": listed})["databases"]
        parts, skipped = self._planned({name: [Table(*row) for row in rows] for name, rows in standing.items()})
        records = {}
        for at, part in enumerate(parts):
            self._watch.progress(100 * at / len(parts))
            records[part] = self._exported(part)
        staging = self._folder.staging()
        snapshots = tuple(
            self._record(at, name, [Table(*row) for row in rows], records, staging)
            for at, (name, rows) in enumerate(sorted(standing.items()), 1)
        )
        return snapshots, tuple(skipped)

    def _planned(self, found: dict[str, list[Table]]) -> tuple[list[Part], list[str]]:
        """Every table with its columns; one that cannot go fails all, unless the plan lets it be left out."""
        parts: list[Part] = []
        skipped: list[str] = []
        for database, of_database in sorted(found.items()):
            skipped += [f"{database}.{item.name} ({item.kind}: an export does not keep it)"
                        for item in of_database if item.kind not in ("table", "view")]  # fmt: skip
            for item in of_database:
                if item.kind == "table":
                    part = self._part(len(parts) + 1, database, item.name)
                    lossy = [f"{one.name} {one.type}" for one in part.columns if one.out is None]
                    if lossy:
                        skipped.append(f"{database}.{item.name} (no way through Parquet for {', '.join(lossy)})")
                    else:
                        parts.append(part)
        lost = [line for line in skipped if "no way through Parquet" in line]
        if lost and not self._order.plan.skip_unsupported:
            raise EngineFailed(f"{'; '.join(lost)}; `skip_unsupported: true` in the plan leaves such tables out")
        return parts, skipped

    def _part(self, number: int, database: str, table: str) -> Part:
        rows = self._session.ask(export_statements.columns(database, table))
        generated = tuple(str(row["COLUMN_NAME"]) for row in rows if row["GENERATION_EXPRESSION"])
        kept = tuple(columns.column(str(row["COLUMN_NAME"]), str(row["COLUMN_TYPE"])) for row in rows
                     if row["COLUMN_NAME"] not in generated)  # fmt: skip
        return Part(number, database, table, kept, generated)

    def _exported(self, part: Part) -> dict[str, Any]:
        """The record of the table: an earlier one, or that of a new export."""
        standing = self._folder.read(part.record)
        if standing is not None:
            found: dict[str, Any] = json.loads(standing)
            return found
        self._watch.check()
        folder = f"{part.folder}{self._next_try(part)}/"
        (printed,) = self._session.ask(export_statements.show_create("TABLE", part.database, part.table))
        told = self._session.once(export_statements.outfile(
            part.database, part.table, part.columns, self._location, folder, self._storage
        ))  # fmt: skip
        return self._folder.remember(part.record, self._proven(part, folder, printed["Create Table"], told))

    def _next_try(self, part: Part) -> int:
        """Noted before the statement is sent: a query whose client is gone may go on writing for a while."""
        number = 1
        while self._folder.read(f"tries/{part.number:05}-{number}.json") is not None:
            number += 1
        self._folder.remember(f"tries/{part.number:05}-{number}.json", {"format": 1, "table": part.table})
        return number

    def _proven(self, part: Part, folder: str, printed: str, told: list[dict[str, Any]]) -> dict[str, Any]:
        """Rows as the server says, files as they lie in storage: both must agree."""
        files = sorted((entry.key, entry.size) for entry in self._folder.entries(folder))
        wanted = (sum(int(row["FileNumber"]) for row in told), sum(int(row["FileSize"]) for row in told))
        if (len(files), sum(size for _, size in files)) != wanted:
            raise EngineFailed(
                f"table {part.database}.{part.table}: the server wrote {wanted[0]} files of {wanted[1]:,} bytes, "
                f"storage has {len(files)} of {sum(size for _, size in files):,}; it is exported again",
                passing=True,
            )
        return {
            "database": part.database, "name": part.table, "statement": printed,
            "columns": [list(item) for item in part.columns], "generated": list(part.generated),
            "rows": sum(int(row["TotalRows"]) for row in told), "files": [list(item) for item in files],
        }  # fmt: skip

    def _record(
        self, at: int, database: str, found: list[Table], records: dict[Part, dict[str, Any]], staging: Path
    ) -> Snapshot:
        kept = [record for part, record in records.items() if part.database == database]
        views = [{"name": item.name, "statement": self._view(database, item.name)}
                 for item in found if item.kind == "view"]  # fmt: skip
        document = {
            "format": 1, "method": "export", "product": self._session.about().product,
            "server": self._session.about().text, "database": database, "tables": kept, "views": views,
        }  # fmt: skip
        path = staging / f"{at}.json"
        path.write_text(json.dumps(document, indent=1))
        stored = self._folder.put(path, f"{at:05}/inventory.json")
        size = stored.size + sum(size for record in kept for _, size in record["files"])
        return Snapshot(
            database, self._number, stored, size, len(kept) + len(views), sum(record["rows"] for record in kept)
        )

    def _view(self, database: str, view: str) -> str:
        (row,) = self._session.ask(export_statements.show_create("VIEW", database, view))
        return str(row["Create View"])
