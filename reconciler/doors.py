"""Where declarations meet drivers: which engine, storage or ledger a name in the YAML opens.

Each is imported when it is first needed, so that a command pays for nothing that it does not use.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from reconciler.core.model import Desired, LocalStorage, Warehouse
from reconciler.errors import EngineFailed, StorageFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from reconciler.core.ports import Engine, Storage


def open_engine(entry: Warehouse) -> Engine:
    """The engine of a warehouse. Raises EngineFailed where this release has none of that kind."""
    if entry.engine != "duckdb":
        raise EngineFailed(
            f"engine {entry.engine} is not part of this release: it reads and checks such plans, "
            f"and can neither back up nor restore them yet"
        )
    from reconciler.engines.duckdb import DuckDB  # noqa: PLC0415

    return DuckDB(entry)


def open_storage(desired: Desired, name: str) -> Storage:
    """The storage of that name. Raises StorageFailed where this release has none of that kind."""
    declared = desired.storages[name]
    if not isinstance(declared, LocalStorage):
        raise StorageFailed(
            f"storage {name}: s3 is not part of this release, which checks such plans and cannot carry them out"
        )
    from reconciler.storage.local import LocalStore  # noqa: PLC0415
    from reconciler.storage.sets import SetStorage  # noqa: PLC0415

    return SetStorage(LocalStore(name, declared.path))


@contextlib.contextmanager
def ledger_for_reading(path: Path) -> Iterator[Connection | None]:
    """A view of the ledger that changes nothing; None where there is none."""
    if not path.exists():
        yield None
        return
    from reconciler.effects.ledger import open_to_read  # noqa: PLC0415

    with open_to_read(path) as engine, engine.connect() as connection:
        yield connection
