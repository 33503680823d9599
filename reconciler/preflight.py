"""A look at warehouses and targets before anything is merged or begun: read-only, several at once.

What cannot be reached is a finding, not an end.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from reconciler import doors
from reconciler.core.naming import TaskPlace
from reconciler.core.ports import Finding, RestoreOrder
from reconciler.errors import EngineFailed, ReconcilerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.core.actions import StartRestore
    from reconciler.core.model import Desired, Warehouse
    from reconciler.core.plan import Decision

AT_ONCE = 8


def preflight(desired: Desired, decision: Decision) -> tuple[Finding, ...]:
    """By warehouse, then by restore that would start now."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        looks = [
            *(pool.submit(_told, name, _look, entry) for name, entry in sorted(desired.warehouses.items())),
            *(
                pool.submit(_told, start.task.id, _look_at_target, desired, start)
                for start in decision.actions.restores
            ),
        ]
        return tuple(finding for look in looks for finding in look.result())


def _told(subject: str, look: Callable[..., tuple[Finding, ...]], *words: object) -> tuple[Finding, ...]:
    try:
        return look(*words)
    except (ReconcilerError, OSError) as error:
        return (Finding(subject, "error", str(error)),)


def _look(entry: Warehouse) -> tuple[Finding, ...]:
    return doors.open_engine(entry).preflight(entry.plan)


def _look_at_target(desired: Desired, start: StartRestore) -> tuple[Finding, ...]:
    """Name conflicts, missing files, replicas and secrets, as the restore itself looks at them first."""
    found = start.backup_set
    storage = doors.open_storage(desired, found.storage)
    manifest = storage.read_manifest(TaskPlace(desired.installation, found.home, found.id))
    if manifest is None:
        raise EngineFailed(f"backup set {found.id} has no manifest in storage {found.storage}")
    entry, request = desired.warehouses[start.task.entry.warehouse], start.task.entry
    names = request.databases or tuple((name, name) for name in manifest.databases)
    order = RestoreOrder(request, entry, manifest, names, None, lambda _: None)
    doors.open_engine(entry).precheck(order, storage.reader(manifest))
    return (Finding(request.id, "note", f"{len(names)} databases of {found.id} can be restored into {entry.name}"),)
