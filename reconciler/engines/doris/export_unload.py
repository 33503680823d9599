"""One portion of a table to Parquet: a statement, and the proof that storage has what the server says it wrote.

Every try has a folder of its own and a mark, noted before the statement is sent: files of a broken try, or of a
server's own repetition inside one, are in no record.
"""

import json
from typing import Any, NamedTuple

from reconciler.core import naming
from reconciler.core.naming import TaskPlace
from reconciler.core.ports import AttemptFolder, Entry
from reconciler.engines.doris import crew, export_statements, parquet_footer
from reconciler.engines.doris.columns import Column
from reconciler.engines.doris.export_portions import Part
from reconciler.engines.doris.session import Session, Unanswered
from reconciler.errors import EngineFailed

MAY_BE_EMPTY = 1024**2  # bytes: a file that the writer opened last and closed without a row is its footer alone


class Portion(NamedTuple):
    """`title` is for words, `path` for names: table, round, portion."""

    title: str
    path: str
    database: str
    table: str
    part: Part
    columns: tuple[Column, ...]


class Unload:
    """Into the attempt's folder, by whichever session is free."""

    def __init__(self, folder: AttemptFolder, place: TaskPlace, number: int, marks: set[str]) -> None:
        self._folder, self._place, self._number, self._marks = folder, place, number, marks
        self._location = folder.location()

    def end_earlier(self, session: Session) -> None:
        """Ends at the server what a run before this one has left there: tries that no record has followed."""
        recorded = {entry.key for entry in self._folder.entries("tables/")}
        begun = [entry.key for entry in self._folder.entries("tries/")
                 if f"tables/{entry.key.split('/', 1)[1].rpartition('/')[0]}.json" not in recorded]  # fmt: skip
        crew.kill(session, {json.loads(self._folder.read(name) or b"{}")["mark"] for name in begun})

    def portion(self, session: Session, portion: Portion) -> dict[str, Any]:
        """The portion's record. Raises EngineFailed, passing where a try in a fresh folder may do better."""
        mark = self._next_mark(portion)
        folder = f"data/{portion.path}/{mark}/"
        self._marks.add(mark)
        try:
            return self._proven(session, portion, folder, self._sent(session, portion, folder, mark))
        except Unanswered as error:
            _end(session, mark)
            raise EngineFailed(f"{portion.title}: {error}; it is exported again", passing=True) from None
        finally:
            self._marks.discard(mark)

    def _sent(self, session: Session, portion: Portion, folder: str, mark: str) -> list[dict[str, Any]]:
        dialect = session.about()
        statement = export_statements.unload(
            dialect, portion.database, portion.table, portion.part, portion.columns, self._location, folder,
            session.access(self._location),
        )  # fmt: skip
        if dialect.is_starrocks:
            return [{"TotalRows": session.tell(statement)}]
        session.tell(export_statements.trace(mark))
        return session.once(statement)

    def _next_mark(self, portion: Portion) -> str:
        number = 1
        while self._folder.read(f"tries/{portion.path}/{number}.json") is not None:
            number += 1
        mark = naming.stem(self._place, self._number, portion.path, str(number))
        self._folder.remember(f"tries/{portion.path}/{number}.json", {"format": 1, "mark": mark})
        return mark

    def _proven(
        self, session: Session, portion: Portion, folder: str, told: list[dict[str, Any]]
    ) -> dict[str, Any]:
        if not told:
            raise EngineFailed(f"{portion.title}: the server did not say what it wrote; it is exported again",
                               passing=True)  # fmt: skip
        rows = sum(int(row["TotalRows"]) for row in told)
        written = tuple(self._folder.entries(folder))
        if session.about().is_starrocks:
            files = written
            self._refuse_other_count(session, portion, files, rows)
        else:
            files = tuple(file for row in told for file in _of_writer(portion, folder, row, written))
        files = tuple(sorted(files))
        loaded = [file.key for file in files if rows and not self._is_empty(file)]
        return {**portion.part._asdict(), "rows": rows, "files": [list(file) for file in files],
                "loaded": loaded}  # fmt: skip

    def _refuse_other_count(self, session: Session, portion: Portion, files: tuple[Entry, ...], rows: int) -> None:
        """StarRocks tells rows and no files: its own reading of what lies there must agree."""
        found = 0
        if files:
            uri = export_statements.files_uri(self._location, (file.key for file in files))
            access = session.access(self._location)
            (row,) = session.ask(export_statements.count_files(session.about(), uri, access))
            found = int(row["amount"])
        if found != rows:
            raise EngineFailed(
                f"{portion.title}: the server wrote {rows:,} rows, storage has {found:,}; it is exported again",
                passing=True,
            )

    def _is_empty(self, file: Entry) -> bool:
        if file.size > MAY_BE_EMPTY:
            return False
        try:
            return parquet_footer.rows(self._folder.read(file.key) or b"") == 0
        except ValueError as error:
            raise EngineFailed(f"{file.key}: {error}; it is exported again", passing=True) from None


def _of_writer(
    portion: Portion, folder: str, told: dict[str, Any], written: tuple[Entry, ...]
) -> tuple[Entry, ...]:
    """The files of one writer, by its id in their names (Doris, vfile_result_writer.cpp), as many as it told."""
    stem = folder + str(told["URL"]).rpartition("/")[2].rstrip("*")
    files = tuple(file for file in written if file.key.startswith(stem))
    wanted = int(told["FileNumber"]), int(told["FileSize"])
    present = len(files), sum(file.size for file in files)
    if present != wanted:
        raise EngineFailed(
            f"{portion.title}: the server wrote {wanted[0]} files of {wanted[1]:,} bytes as {stem}*, storage has "
            f"{present[0]} of {present[1]:,}; it is exported again", passing=True,
        )  # fmt: skip
    return files


def _end(session: Session, mark: str) -> None:
    """A query whose client is gone may go on writing, and holding the cluster."""
    try:
        crew.kill(session, (mark,))
    except EngineFailed:
        return  # nobody answers: its files will be in no record
