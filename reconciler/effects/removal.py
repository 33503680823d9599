"""Removes expired sets and what failed attempts left, so that a crash at any step is resumed (S4)."""

from reconciler.core import rebuild
from reconciler.core.actions import LOCK_RETRY
from reconciler.core.event import Event
from reconciler.core.manifest import Manifest
from reconciler.core.naming import TaskPlace
from reconciler.core.record import BackupSet, Leftover
from reconciler.effects.world import World


def remove_set(world: World, backup_set: BackupSet) -> None:
    """Marked in the ledger first, so that a set half gone is never chosen and always finished."""
    if _waits(world, backup_set.storage) or not world.ledger.begin_removal(backup_set, world.clock.now()):
        return
    place = TaskPlace(world.desired.installation, backup_set.home, backup_set.id)
    removal = world.storage(backup_set.storage).remove_set(place)
    state = "retained_by_lock" if removal.retained else "removed"
    world.ledger.end_removal(backup_set, state, world.clock.now())
    world.report(Event("backup set", backup_set.id, state, f"{backup_set.size_bytes:,} bytes"))


def spare_set(world: World, backup_set: BackupSet) -> None:
    """Takes a removal back whose first object, the manifest, is still there; otherwise finishes it (S4)."""
    place = TaskPlace(world.desired.installation, backup_set.home, backup_set.id)
    if world.storage(backup_set.storage).read_manifest(place) is None:
        remove_set(world, backup_set)
        return
    world.ledger.spare(backup_set, world.clock.now())
    world.report(Event("backup set", backup_set.id, "kept", "its removal had begun; all of it is there"))


def remove_leftover(world: World, leftover: Leftover) -> None:
    if _waits(world, leftover.storage):
        return
    place = TaskPlace(world.desired.installation, leftover.home, leftover.task_id)
    manifest = world.storage(leftover.storage).read_manifest(place)
    if manifest is not None and leftover.attempt in manifest.attempts:
        _keep(world, leftover, manifest)
        return
    removal = world.storage(leftover.storage).remove_attempt(place, leftover.attempt)
    if removal.retained:
        world.ledger.postpone_leftover(leftover, world.clock.now() + LOCK_RETRY)
    else:
        world.ledger.end_leftover(leftover)


def _keep(world: World, leftover: Leftover, manifest: Manifest) -> None:
    """A set stands on it after all: its task was given up while the storage could not be asked."""
    world.ledger.keep_attempt(leftover, rebuild.set_of(manifest, leftover.storage, leftover.home))
    world.report(Event("backup set", leftover.task_id, "found", "its manifest is in storage, and its files stay"))


def _waits(world: World, storage: str) -> bool:
    return world.lookout.before_removal(world.desired, storage, lambda: world.storage(storage)) is not None
