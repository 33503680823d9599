"""What a statement answers with."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple


class Rows(NamedTuple):
    columns: tuple[str, ...]
    rows: list[tuple]
    types: tuple[str, ...] = ()  # DuckDB's; SHOW has strings only


class Done(NamedTuple):
    affected: int = 0
    info: str = ""  # of the OK packet, under 251 bytes


def table(columns: str, rows: Iterable[Sequence[Any]]) -> Rows:
    """An answer of strings, columns named in one text."""
    return Rows(
        tuple(columns.split()), [tuple(None if cell is None else str(cell) for cell in row) for row in rows]
    )
