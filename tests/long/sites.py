"""What the programs of this folder share with the tests: sites, and what is printed of many figures.

They run by themselves as well, under `make`, where pytest's fixtures are not at hand.
"""

import importlib.util
import json
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

TESTS = Path(__file__).parents[1]


def _conftest(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


_shared = _conftest("sites_of_tests", TESTS / "conftest.py")
Site, TestClock = _shared.Site, _shared.TestClock


def warehouses_of_doris() -> Any:
    """Sites whose warehouses are stand-ins for Doris (tests/engines)."""
    return _conftest("sites_of_doris", TESTS / "engines/conftest.py").Warehouses


def states(site: Any) -> dict[str, str]:
    """Of backup tasks and restore tasks, as the status file has them."""
    document = json.loads(site.paths.status.read_text())
    found = {task["id"]: task["state"] for item in document["warehouses"] for task in item["backup_tasks"]}
    return found | {task["id"]: task["state"] for task in document["restore_tasks"]}


def printed(counts: Counter[str]) -> str:
    return "\n".join(f"{count:8,} {name}" for name, count in sorted(counts.items()))


def asked(words: list[str], *defaults: int) -> list[int]:
    """The numbers on a command line, with defaults for those that are not there."""
    numbers = [int(word) for word in words if word.isdigit()]
    return [*numbers, *defaults[len(numbers):]]
