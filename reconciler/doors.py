"""Where declarations meet drivers: which engine, storage or ledger a name in the YAML opens.

Each is imported when it is first needed, so that a command pays for nothing that it does not use.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.config import secrets
from reconciler.core.model import Desired, LocalStorage, S3Storage, Warehouse
from reconciler.errors import EngineFailed, StorageFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection
    from sqlalchemy import Engine as LedgerEngine

    from reconciler.core.ledger_place import LedgerPlace
    from reconciler.core.model import Storage as StorageDeclaration
    from reconciler.core.ports import Clock, Engine, ObjectStore, Storage
    from reconciler.effects.ledger import Ledger


def open_engine(entry: Warehouse) -> Engine:
    """The engine of a warehouse. Raises EngineFailed where its library is not installed."""
    library, extra = ("duckdb", "duckdb") if entry.engine == "duckdb" else ("pymysql", "doris")
    if importlib.util.find_spec(library) is None:
        raise EngineFailed(f"engine {entry.engine} needs its library: pip install 'reconciler[{extra}]'")
    if entry.engine == "duckdb":
        from reconciler.engines.duckdb import DuckDB  # noqa: PLC0415

        return DuckDB(entry)
    from reconciler.engines.doris.engine import Doris  # noqa: PLC0415

    return Doris(entry, secrets.resolve)


def open_storage(desired: Desired, name: str) -> Storage:
    """The storage of that name. Raises StorageFailed where the library for its kind is not installed."""
    return _open(desired.storages[name])


@functools.lru_cache(maxsize=64)
def _open(declared: StorageDeclaration) -> Storage:
    """One for each declaration, and so one client and one probe."""
    from reconciler.storage.sets import SetStorage  # noqa: PLC0415

    return SetStorage(_open_store(declared))


def _open_store(declared: StorageDeclaration) -> ObjectStore:
    if isinstance(declared, LocalStorage):
        from reconciler.storage.local import LocalStore  # noqa: PLC0415

        return LocalStore(declared.name, declared.path)
    try:
        from reconciler.storage.s3 import S3Store  # noqa: PLC0415
    except ImportError as error:
        raise StorageFailed(
            f"storage {declared.name}: {error}; install the extra with: pip install 'reconciler[s3]'"
        ) from error
    return S3Store(declared, functools.partial(_credentials, declared))


def _credentials(declared: S3Storage) -> tuple[str, str] | None:
    """Read at each call, so that a rotated secret is found. Raises SecretUnresolved."""
    if declared.access_key is None or declared.secret_key is None:
        return None
    return secrets.resolve(declared.access_key), secrets.resolve(declared.secret_key)


@contextlib.contextmanager
def ledger_to_write(place: LedgerPlace, clock: Clock, *, simulated: bool) -> Iterator[Ledger]:
    """The ledger under its lease, made or brought up to date. Raises LeaseHeld where another writes it."""
    from reconciler.effects.ledger import Ledger, lease_on, open_to_write  # noqa: PLC0415

    with lease_on(place, clock, secrets.resolve) as lease:
        ledger = Ledger(open_to_write(place, simulated=simulated, resolve=secrets.resolve), place, lease)
        with contextlib.closing(ledger):
            yield ledger


@contextlib.contextmanager
def ledger_for_a_word(place: LedgerPlace, *, simulated: bool) -> Iterator[LedgerEngine | None]:
    """The ledger as those open it who leave word for its writer; None where there is none."""
    from reconciler.effects.ledger import open_beside  # noqa: PLC0415

    with open_beside(place, simulated=simulated, resolve=secrets.resolve) as engine:
        yield engine


@contextlib.contextmanager
def ledger_for_reading(place: LedgerPlace) -> Iterator[Connection | None]:
    """A view of the ledger that changes nothing, of one moment; None where there is none."""
    if isinstance(place, Path) and not place.exists():  # SQLAlchemy is not worth loading for that
        yield None
        return
    from reconciler.effects.ledger import open_to_read  # noqa: PLC0415

    with open_to_read(place, secrets.resolve) as connection:
        yield connection
