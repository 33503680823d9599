"""Waiting for what other processes do, without guessing how long it takes."""

import threading
import time
from collections.abc import Callable

import pytest


@pytest.fixture
def until() -> Callable:
    """Waits for a condition; fails after half a minute."""

    def wait(condition: Callable[[], object]) -> object:
        end = time.monotonic() + 30
        while not (found := condition()):
            if time.monotonic() > end:
                pytest.fail("what was waited for did not happen within 30 s")
            threading.Event().wait(0.005)
        return found

    return wait
