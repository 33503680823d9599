"""The daemon's beat, in this process."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta

from reconciler import doors
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


@contextlib.contextmanager
def beating(site) -> Iterator[Callable[[], Beat]]:
    """The beat once, until what it began has ended."""
    with doors.ledger_to_write(site.paths.ledger, site.clock, simulated=True) as ledger:
        beat = Beat(Pass(site.paths, site.clock, ledger, lambda _: None), Rhythm())
        beat.once(reload=True)

        def once() -> Beat:
            beat.once(reload=False)
            while beat._pass.runner.wait(5):
                pass
            return beat

        yield once


def test_a_clock_that_was_set_is_looked_at_by_the_next_beat(site):
    """S5: it need not be later than what was waited for, by either clock."""
    site.database()
    with beating(site) as once:
        for _ in range(3):
            before = once()._step
        assert once()._step is before
        site.clock.jump(timedelta(minutes=2))
        assert once()._step is not before


def test_a_slot_does_not_wait_for_what_is_asked_again(site):
    """D1: while removals wait as well."""
    site.database()
    with beating(site) as once:
        for _ in range(3):
            once()
        site.clock.jump(timedelta(hours=1, minutes=59, seconds=45))
        (site.folder / "backups/test/.ledger.json").unlink()
        site.clock.jump(timedelta(hours=-3))
        once()
        beat = once()
        assert beat._pass.lookout.pauses
        (by_wall, _), now = beat.next_pass, site.clock.now()
        site.clock.jump(timedelta(hours=3))
        beat = once()
        assert beat._pass.lookout.pauses
        assert (by_wall - now, beat.next_pass[0] - site.clock.now()) == (timedelta(seconds=30), timedelta(seconds=15))
