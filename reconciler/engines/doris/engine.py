"""The Engine port for servers that speak Doris: what is asked of whom, and refused early, in words."""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

from reconciler.core import objects as patterns
from reconciler.core.manifest import StoredCatalog
from reconciler.core.model import Plan, SecretReference, Server, Warehouse
from reconciler.core.ports import (
    AttemptFolder,
    BackupOrder,
    BackupResult,
    Finding,
    RestoreOrder,
    SetReader,
    Watch,
)
from reconciler.engines.doris import (
    catalog_ddl,
    export_fill,
    export_statements,
    export_swap,
    groups,
    preflight,
    statements,
    tables,
)
from reconciler.engines.doris.export_backup import Export
from reconciler.engines.doris.export_check import place_of
from reconciler.engines.doris.export_restore import Import
from reconciler.engines.doris.session import Said, Session, opened
from reconciler.engines.doris.snapshot_backup import Backup
from reconciler.engines.doris.snapshot_restore import Restore, inventories
from reconciler.engines.doris.understood import understood
from reconciler.errors import EngineFailed, StepFailed

PRODUCTS = {"doris": "doris", "velodb": "doris", "starrocks": "starrocks"}


class Doris:
    """`resolve` reads a secret when it is used."""

    def __init__(self, warehouse: Warehouse, resolve: Callable[[SecretReference], str]) -> None:
        assert isinstance(warehouse.connection, Server)  # noqa: S101  the configuration's check says so
        self._warehouse, self._server, self._resolve = warehouse, warehouse.connection, resolve

    def backup(self, order: BackupOrder, number: int, folder: AttemptFolder, watch: Watch) -> BackupResult:
        with self._opened() as session:
            method = self._method(session, order)
            databases = self._chosen(session, order)
            catalogs = self._catalogs(session, order)
            if method == "export":
                _set_up(session, order.plan.timeout)
                snapshots, skipped = Export(session, order, folder, number, watch).run(databases)
            else:
                snapshots, skipped = Backup(session, order, number, folder, watch).run(databases)
            return BackupResult(session.about().label, snapshots, skipped, catalogs)

    def preflight(self, plan: Plan | None) -> tuple[Finding, ...]:
        with self._opened() as session:
            return tuple(preflight.findings(session, self._warehouse.name, plan, self._server.user))

    def precheck(self, order: RestoreOrder, reader: SetReader) -> None:
        with self._opened() as session:
            self._refuse_catalogs(session, order)
            self._restore_of(session, order, reader).check()

    def restore(self, order: RestoreOrder, reader: SetReader, watch: Watch) -> tuple[str, ...]:
        with self._opened() as session:
            make_catalogs = partial(self._create_catalogs, session, order)
            return self._restore_of(session, order, reader).run(watch, make_catalogs)

    def abandon(self, order: RestoreOrder) -> str:
        """The server drops what a cancelled job had begun; the state is looked up, not assumed."""
        try:
            with self._opened() as session:
                existing = tables.databases(session)
                told = [_state(session, target, existing) for _, target in order.databases]
                places = (place_of(order, target) for _, target in order.databases)
                return "; ".join([*told, *(line for where in places for line in export_swap.left(where, existing))])
        except StepFailed as error:
            return f"in what state the target is cannot be asked: {error}"

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Session]:
        name = self._warehouse.name
        with understood(name), opened(name, self._server, self._resolve) as session:
            yield session

    def _method(self, session: Session, order: BackupOrder) -> str:
        """What the plan says; otherwise export where the server refuses snapshots."""
        self._refuse_other_product(session)
        method = order.plan.method or ("export" if groups.keeps_apart(session) else "snapshot")
        self._use_cluster(session, order.plan.backup_cluster)
        if method == "snapshot":
            self._refuse_snapshots(session, "back up")
        return method

    def _restore_of(self, session: Session, order: RestoreOrder, reader: SetReader) -> Restore | Import:
        """By how the set was made."""
        self._refuse_other_product(session)
        self._use_cluster(session, order.request.cluster)
        found = inventories(order, reader)
        if {item["method"] for item in found.values()} == {"export"}:
            _set_up(session, export_fill.TIMEOUT)
            return Import(session, order, reader, found)
        if found:  # none in a part of a set that is catalogs alone
            self._refuse_snapshots(session, "restore")
        return Restore(session, order, reader, found)

    def _use_cluster(self, session: Session, named: str | None) -> None:
        about = session.about()
        if about.is_starrocks and named is not None:
            session.require(statements.set_warehouse(named))
        elif about.decoupled:
            groups.use(session, self._warehouse.name, named, self._server.user)
        elif named is not None:
            groups.refuse(self._warehouse.name, named)

    def _refuse_other_product(self, session: Session) -> None:
        about = session.about()
        if about.product != PRODUCTS[self._warehouse.engine]:
            raise EngineFailed(
                f"warehouse {self._warehouse.name} is declared with engine {self._warehouse.engine}, but the "
                f"server says it is {about.text!r}"
            )

    def _refuse_snapshots(self, session: Session, what: str) -> None:
        if groups.keeps_apart(session):
            raise EngineFailed(
                f"warehouse {self._warehouse.name} keeps compute and storage apart ({session.about().label}): its "
                f"SQL cannot {what} by snapshots, which the server refuses as not supported in cloud mode"
            )

    def _chosen(self, session: Session, order: BackupOrder) -> tuple[str, ...]:
        if not order.objects.databases:
            return ()
        existing = tables.databases(session)
        chosen = patterns.chosen(order.objects, existing)
        if not chosen:
            raise EngineFailed(
                f"no database of warehouse {self._warehouse.name} matches {', '.join(order.objects.databases)}; "
                f"it has {', '.join(existing) or 'none that this user may see'}"
            )
        return chosen

    def _catalogs(self, session: Session, order: BackupOrder) -> tuple[StoredCatalog, ...]:
        wanted = order.objects.external_catalogs
        if not wanted:
            return ()
        existing = tables.catalogs(session)
        missing = [name for name in wanted if "*" not in name and name not in existing]
        if missing:
            raise EngineFailed(f"warehouse {self._warehouse.name} has no external catalog {', '.join(missing)}; "
                               f"it has {', '.join(existing) or 'none that this user may see'}")  # fmt: skip
        chosen = patterns.chosen(order.objects._replace(databases=wanted, exclude_databases=()), existing)
        return tuple(_stored(session, name) for name in chosen)

    def _wanted_catalogs(self, order: RestoreOrder) -> tuple[StoredCatalog, ...]:
        known = {item.name: item for item in order.manifest.external_catalogs}
        missing = [name for name in order.request.external_catalogs if name not in known]
        if missing:
            raise EngineFailed(f"the set has no external catalog {', '.join(missing)}; "
                               f"it has {', '.join(sorted(known)) or 'none'}")  # fmt: skip
        return tuple(known[name] for name in order.request.external_catalogs)

    def _refuse_catalogs(self, session: Session, order: RestoreOrder) -> None:
        existing = tables.catalogs(session)
        for catalog in self._wanted_catalogs(order):
            if catalog.name in existing:
                raise EngineFailed(f"external catalog {catalog.name} exists at the target; drop it there")
            self._secrets(order, catalog)

    def _secrets(self, order: RestoreOrder, catalog: StoredCatalog) -> list[tuple[str, str]]:
        """What no backup keeps, from `catalog_secrets`. Raises EngineFailed, naming what is not there."""
        given = {key: at for name, key, at in order.request.catalog_secrets if name == catalog.name}
        missing = [key for key in catalog.secrets if key not in given]
        if missing:
            raise EngineFailed(
                f"external catalog {catalog.name} needs {', '.join(missing)}, which no backup keeps; give "
                f"references under `catalog_secrets: {{{catalog.name}: …}}` in the entry"
            )
        return [(key, self._resolve(at)) for key, at in sorted(given.items())]

    def _create_catalogs(self, session: Session, order: RestoreOrder) -> None:
        for catalog in self._wanted_catalogs(order):
            self._create_catalog(session, catalog, self._secrets(order, catalog))

    def _create_catalog(self, session: Session, catalog: StoredCatalog, secrets: list[tuple[str, str]]) -> None:
        if catalog.name in tables.catalogs(session):
            return  # an earlier run of this very claim made it: none was there before
        pairs = sorted((catalog.properties | dict(secrets)).items())
        starrocks = session.about().is_starrocks
        session.tell(statements.create_catalog(catalog.name, catalog.comment, pairs, external=starrocks))


def _set_up(session: Session, seconds: int) -> None:
    """For exports and their loads; seconds that a statement may take."""
    session.require(*export_statements.settings(session.about(), seconds))
    for wish in export_statements.wishes(session.about()):
        session.accepts(wish)


def _stored(session: Session, catalog: str) -> StoredCatalog:
    rows = session.ask("SHOW CATALOGS")
    comment = next(
        str(row["Comment"] or "") for row in rows if catalog in (row.get("CatalogName"), row.get("Catalog"))
    )
    if session.about().is_starrocks:
        (printed,) = session.ask(statements.show_create_catalog(catalog))
        pairs = catalog_ddl.printed_pairs(str(printed["Create Catalog"]).splitlines())
    else:
        pairs = {str(row["Key"]): str(row["Value"]) for row in session.ask(statements.show_catalog(catalog))}
    return catalog_ddl.stored(catalog, comment, pairs)


def _state(session: Session, target: str, existing: tuple[str, ...]) -> str:
    if target not in existing:
        return f"database {target} does not exist"
    try:
        return f"database {target} has {len(tables.of(session, target))} tables"
    except Said as error:
        return f"database {target}: {error}"
