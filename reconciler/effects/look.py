"""The first look into a storage: what it holds of this installation comes into the ledger (T2, T5)."""

from datetime import datetime

from reconciler.core import guard, rebuild
from reconciler.core.event import Event
from reconciler.core.pause import Mark
from reconciler.core.ports import Storage
from reconciler.core.rebuild import Adoption
from reconciler.effects.world import World

SHOWN = 20  # strays that are named one by one


def look_into(world: World, name: str) -> Adoption:
    """What was new to the ledger. Raises StorageFailed where the storage cannot be read or marked; that is tried
    again, as the ledger takes it for looked into only after both.
    """
    storage = world.storage(name)
    now = world.clock.now().replace(microsecond=0)
    begins = _latest(world, storage, now)
    found = rebuild.adoption(storage.inventory(world.desired.installation), world.desired, begins)
    storage.set_mark(world.desired.installation, Mark(world.ledger.id, now), replace=False)
    fresh = world.ledger.adopt(found, guard.place(world.desired.storages[name]), now, begins)
    world.lookout.ask_anew()
    world.lookout.before_restore(world.desired, name, lambda: storage)  # says at once where it is another's
    _say(world, fresh)
    return fresh


def _latest(world: World, storage: Storage, now: datetime) -> datetime:
    """When the day after a rebuild begins: a ledger that has seen nothing cannot tell that its clock is behind."""
    other = None if world.ledger.is_simulated else storage.now()
    return max(now, other or now)


def _say(world: World, fresh: Adoption) -> None:
    for stray in fresh.strays[:SHOWN]:
        world.report(Event("object", stray.key, "left alone", stray.reason))
    if len(fresh.strays) > SHOWN:
        world.report(Event("storage", fresh.storage, "has more that is not ours", f"{len(fresh.strays):,} objects"))
    if fresh.is_rebuild:
        world.report(Event(
            "storage", fresh.storage, "was looked into",
            f"{len(fresh.sets)} backup sets and {len(fresh.restores)} restore claims came into the ledger; "
            f"removals wait for a day, and restores for `reconcile allow restore ID`",
        ))  # fmt: skip
