"""A lease that is lost in the middle of a pass (T1, T3): at each question in turn, with real files."""

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler import doors, once
from reconciler.config.load import load
from reconciler.effects.ledger import Lease, Ledger, open_to_write, reading
from reconciler.errors import LeaseHeld

MONDAY_2 = datetime(2026, 11, 23, 2, tzinfo=UTC)
TASK = "shop-20261123T020000Z"


class LostAt(Lease):
    """Lost from the question of that number on."""

    def __init__(self, ledger: Path, number: int) -> None:
        super().__init__(ledger)
        self.left = number

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise LeaseHeld("another reconciler has taken it over")


def a_pass(site, lease) -> None:
    ledger = Ledger(open_to_write(site.paths.ledger, simulated=True), site.paths.ledger, lease)
    passing = once.Pass(site.paths, site.clock, ledger, site.said.append)
    try:
        passing.step(load(site.paths.plans))
        while passing.runner.wait(5):
            pass
    finally:
        ledger.close()


@pytest.mark.parametrize("number", range(9))
def test_wherever_the_lease_is_lost_the_next_holder_ends_the_task_with_one_set(shop, number):
    """T1, T3: what the one that lost it says of the task counts for nothing."""
    shop.clock.time = MONDAY_2
    lease = LostAt(shop.paths.ledger, number)
    with contextlib.suppress(LeaseHeld):
        a_pass(shop, lease)
    assert lease.left < 0, "it was lost before the end"

    shop.apply(MONDAY_2)

    with doors.ledger_for_reading(shop.paths.ledger) as connection:
        assert {task.id: task.state for task in reading.all_tasks(connection)} == {TASK: "succeeded"}
    assert shop.set_folders == [TASK]
