"""The daemon's beat, in this process."""

from datetime import timedelta

from reconciler.daemon import Beat, Rhythm
from reconciler.effects.ledger import Lease, Ledger, open_to_write
from reconciler.once import Pass

TASK = "shop-20261123T020000Z"


def test_a_slot_that_falls_due_while_a_pass_is_under_way_is_found_by_the_next_beat(site):
    """D1: not an hour later, when a look is due whatever is expected."""
    site.database()
    events = []

    def say(event) -> None:
        """The second pass takes two seconds, as with a ledger that is slow."""
        events.append((event.action, event.subject, event.outcome))
        if event.detail == "overwrites revision 1":
            site.clock.time += timedelta(seconds=2)

    ledger = Ledger(open_to_write(site.paths.ledger, simulated=True), site.paths.ledger, Lease(site.paths.ledger))
    beat = Beat(Pass(site.paths, site.clock, ledger, say), Rhythm())

    def once(*, reload: bool = False) -> None:
        beat.once(reload=reload)
        while beat._pass.runner.wait(5):
            pass

    for _ in range(3):
        once()
    site.clock.time += timedelta(hours=1, minutes=59, seconds=59)
    site.plan["retention_days"] = 9
    site.write()
    once(reload=True)
    assert ("backup", TASK, "succeeded") not in events
    once()
    ledger.close()

    assert ("backup", TASK, "succeeded") in events
