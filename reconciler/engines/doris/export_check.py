"""What can be known of a restore from an export before anything is changed (R4)."""

from typing import Any, NamedTuple

from reconciler.core.ports import RestoreOrder, SetReader
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


def refuse(session: Session, reader: SetReader, parts: tuple[Part, ...]) -> None:
    """Raises EngineFailed where the set cannot be read, or the target is not free."""
    existing = tables.databases(session)
    for part in parts:
        if part.inventory["format"] != FORMAT:
            raise EngineFailed(f"the inventory of database {part.source} has format {part.inventory['format']}, "
                               f"this release reads {FORMAT}")  # fmt: skip
        _refuse_incomplete(reader, part)
        _refuse_full(session, part.place, existing)


def _refuse_incomplete(reader: SetReader, part: Part) -> None:
    present = {entry.key: entry.size for entry in reader.entries(part.attempt, "data/")}
    for record in part.inventory["tables"]:
        files = [file for portion in record["portions"] for file in portion["files"]]
        missing = [name for name, size in files if present.get(name) != size]
        if missing:
            raise EngineFailed(
                f"the backup of table {part.source}.{record['name']} is incomplete: {len(missing)} of its "
                f"{len(files)} files are gone or altered, the first is {missing[0]}; restore another set"
            )


def _refuse_full(session: Session, where: Place, existing: tuple[str, ...]) -> None:
    for name in {where.into, where.replaced} - {where.target, None} & {*existing}:
        raise EngineFailed(f"database {name} exists, in which this restore would work; drop it or rename it")
    if not where.is_beside and where.target in existing and tables.of(session, where.target):
        raise EngineFailed(
            f"database {where.target} exists and is not empty; restore under another name with "
            f"`databases: {{…}}`, or name it under `if_exists: {{replace: [{where.target}]}}`"
        )
