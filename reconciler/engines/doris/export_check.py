"""What can be known of a restore from an export before anything is changed (R4)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from reconciler.core.ports import Entry, RestoreOrder, SetReader
from reconciler.engines.doris import export_swap, tables
from reconciler.engines.doris.export_loads import Table
from reconciler.engines.doris.export_swap import Place
from reconciler.engines.doris.export_table import FORMAT
from reconciler.engines.doris.session import Session
from reconciler.errors import EngineFailed


class Part(NamedTuple):
    """One database of the set and where it goes."""

    source: str
    place: Place
    attempt: int
    inventory: dict[str, Any]

    @property
    def tables(self) -> tuple[Table, ...]:
        return tuple(Table(self.place.into, self.attempt, record) for record in self.inventory["tables"])


def place_of(order: RestoreOrder, target: str) -> Place:
    return export_swap.place(order.restore_id, target, replace=target in order.replace)


def refuse_other_format(parts: tuple[Part, ...]) -> None:
    """Raises EngineFailed where another release made the set in another form."""
    for part in parts:
        told = part.inventory["format"]
        if told != FORMAT:
            raise EngineFailed(
                f"the inventory of database {part.source} has format {told}, this release reads {FORMAT}"
            )


def refuse(session: Session, order: RestoreOrder, reader: SetReader, parts: tuple[Part, ...]) -> None:
    """Raises EngineFailed where the set cannot be read, or the target is not free."""
    existing = tables.databases(session)
    for part in parts:
        present = {entry.key: entry for entry in reader.entries(part.attempt, "data/")}
        _refuse_incomplete(present, part)
        if not order.request.accept_other_etags:
            _refuse_written_anew(present, part)
        _refuse_full(session, part.place, existing)


def _refuse_incomplete(present: dict[str, Entry], part: Part) -> None:
    for title, files in _files(part):
        missing = [file.key for file in files if file.key not in present or present[file.key].size != file.size]
        if missing:
            raise EngineFailed(
                f"the backup of table {title} is incomplete: {len(missing)} of its {len(files)} files are gone or "
                f"altered, the first is {missing[0]}; restore another set"
            )


def _refuse_written_anew(present: dict[str, Entry], part: Part) -> None:
    """An ETag says that a file was altered, or that it was copied: which of them, only people know."""
    for title, files in _files(part):
        other = [file.key for file in files if file.etag != present[file.key].etag]
        if other:
            raise EngineFailed(
                f"the backup of table {title} was written anew since: {len(other)} of its {len(files)} files have "
                f"another ETag than then, the first is {other[0]}; restore another set, or, where the bucket was "
                f"copied, say `accept_other_etags: true` in the entry"
            )


def _files(part: Part) -> Iterator[tuple[str, list[Entry]]]:
    """Of each table, as they were when they were written."""
    for record in part.inventory["tables"]:
        files = [Entry(*file) for portion in record["portions"] for file in portion["files"]]
        yield f"{part.source}.{record['name']}", files


def _refuse_full(session: Session, where: Place, existing: tuple[str, ...]) -> None:
    for name in {where.into, where.replaced} - {where.target, None} & {*existing}:
        raise EngineFailed(f"database {name} exists, in which this restore would work; drop it or rename it")
    if not where.is_beside and where.target in existing and tables.of(session, where.target):
        raise EngineFailed(
            f"database {where.target} exists and is not empty; restore under another name with "
            f"`databases: {{…}}`, or name it under `if_exists: {{replace: [{where.target}]}}`"
        )
