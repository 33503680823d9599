"""Waiting for what other processes do, without guessing how long it takes."""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def until() -> Callable:
    """Waits for a condition; fails after a minute and a half."""

    def wait(condition: Callable[[], object]) -> object:
        end = time.monotonic() + 90
        while not (found := condition()):
            if time.monotonic() > end:
                pytest.fail("what was waited for did not happen within 90 s")
            threading.Event().wait(0.005)
        return found

    return wait
