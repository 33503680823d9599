"""What a schema cannot say: references that lead nowhere, times that do not exist, engines that lack a thing.

Nothing here depends on the clock, on a secret or on the network (P6).
"""

import difflib
from collections.abc import Callable, Iterator
from typing import Any

from reconciler.config.declared import Declared, Entry
from reconciler.core import calendar, instants
from reconciler.core.restore import FAMILIES
from reconciler.errors import Problem

LOOPBACK = ("localhost", "127.", "::1", "[::1]")
SERVER_FIELDS = ("hosts", "port", "user", "password", "tls")


def problems(declared: Declared) -> list[Problem]:
    return [
        *(found for entry in declared.warehouses.values() for found in _warehouse(entry, declared)),
        *_previous_names(declared),
        *(found for entry in declared.restores.values() for found in _restore(entry, declared)),
        *(found for entry in declared.holds.values() for found in _moments(entry, ("until",))),
    ]


def _warehouse(entry: Entry, declared: Declared) -> Iterator[Problem]:
    value = entry.value
    engine = value["engine"]
    if engine == "duckdb":
        yield from _lacks(entry, engine, [(field,) for field in SERVER_FIELDS])
        yield from _lacks(entry, engine, [("plan", "backup_cluster"), ("plan", "objects", "external_catalogs")])
    else:
        yield from _lacks(entry, engine, [("path",)])
        if "tls" not in value and not all(host.startswith(LOOPBACK) for host in value["hosts"]):
            yield entry.problem((), "hosts that are not loopback need `tls`: a mapping, `{}` at the least, or "
                                    "the word off for plain text", "tls", key=True)  # fmt: skip
    storage = value.get("storage")
    if storage is not None:
        yield from _known(entry, ("storage",), "storage", storage, declared.storages)
        if "local" in _value(declared.storages.get(storage)) and engine != "duckdb":
            yield entry.problem(("storage",), f"storage {storage!r} is local, which engine {engine} cannot "
                                              f"write to; use one with `s3`", "storage-engine")  # fmt: skip
    elif "plan" in value:
        yield entry.problem(("plan",), "a warehouse with a plan needs `storage`", "required", key=True)
    if "plan" in value:
        yield from _plan(entry, value["plan"])


def _plan(entry: Entry, plan: dict[str, Any]) -> Iterator[Problem]:
    if "one_time" in plan:
        yield from _moments(entry, ("plan", "one_time", "start_time"))
    name = plan.get("periodic", {}).get("time_zone")
    if name is not None and not _is_zone(name):
        near = difflib.get_close_matches(name, calendar.zone_names(), n=1)
        advice = f"; did you mean {near[0]!r}?" if near else ""
        path = ("plan", "periodic", "time_zone")
        yield entry.problem(path, f"{name!r} is no time zone of the IANA database{advice}", "time-zone")
    if "databases" not in plan["objects"] and entry.value["engine"] == "duckdb":
        yield entry.problem(("plan", "objects"), "engine duckdb backs up databases; name some", "required")


def _is_zone(name: str) -> bool:
    try:
        calendar.zone(name)
    except ValueError:
        return False
    return True


def _previous_names(declared: Declared) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for name, entry in declared.warehouses.items():
        former = entry.value.get("previous_name")
        if former is None:
            continue
        if former in declared.warehouses:
            words = f"{former!r} is declared as a warehouse itself, so it cannot be the previous name of {name!r}"
            yield entry.problem(("previous_name",), words, "previous-name")
        if former in seen:
            words = f"{former!r} is already the previous name of {seen[former]!r}"
            yield entry.problem(("previous_name",), words, "previous-name")
        seen.setdefault(former, name)


def _restore(entry: Entry, declared: Declared) -> Iterator[Problem]:
    value = entry.value
    target = value["to"]["warehouse"]
    yield from _known(entry, ("to", "warehouse"), "warehouse", target, declared.warehouses)
    engine = _value(declared.warehouses.get(target)).get("engine")
    if engine == "duckdb":
        yield from _lacks(entry, engine, [("to", "cluster"), ("external_catalogs",)])
    yield from _source(entry, engine, declared)
    if not isinstance(value["from"]["backup_set"], str):
        yield from _moments(entry, ("from", "backup_set", "before"))
    yield from _moments(entry, ("valid_until",))
    yield from _targets(entry)


def _source(entry: Entry, engine: str | None, declared: Declared) -> Iterator[Problem]:
    source = entry.value["from"]
    if "storage" in source:
        yield from _known(entry, ("from", "storage"), "storage", source["storage"], declared.storages)
        if source["backup_set"] == "latest" or not isinstance(source["backup_set"], str):
            yield entry.problem(("from", "backup_set"), "from a storage, a set is named by its id", "backup-set")
        return
    made_by = _value(declared.warehouses.get(source["warehouse"])).get("engine")
    if made_by is None:
        words = f"warehouse {source['warehouse']!r} is not declared; only sets that the ledger knows are found"
        yield entry.problem(("from", "warehouse"), words, "unknown-warehouse", level="warning")
    elif engine is not None and FAMILIES[made_by] != FAMILIES[engine]:
        words = f"a backup set of engine {made_by} cannot be restored to engine {engine}"
        yield entry.problem(("to", "warehouse"), words, "engine-family")


def _targets(entry: Entry) -> Iterator[Problem]:
    names: dict[str, str] = entry.value.get("databases", {})
    targets = list(names.values())
    for source, target in names.items():
        if targets.count(target) > 1:
            words = f"two databases would be restored as {target!r}"
            yield entry.problem(("databases", source), words, "repeated")
    policy = entry.value.get("if_exists")
    for at, name in enumerate(policy["replace"] if isinstance(policy, dict) else ()):
        if names and name not in targets:
            words = f"{name!r} is not among the databases that this entry restores: {', '.join(targets)}"
            yield entry.problem(("if_exists", "replace", at), words, "replace")


def _lacks(entry: Entry, engine: str, paths: list[tuple[str, ...]]) -> Iterator[Problem]:
    for path in paths:
        value: Any = entry.value
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        if value is not None:
            yield entry.problem(path, f"engine {engine} has no `{path[-1]}`", "engine", key=True)


def _known(
    entry: Entry, path: tuple[str, ...], kind: str, name: str, known: dict[str, Entry]
) -> Iterator[Problem]:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        advice = f"did you mean {near[0]!r}?" if near else f"declared: {', '.join(sorted(known)) or 'none'}"
        yield entry.problem(path, f"no {kind} {name!r}; {advice}", f"unknown-{kind}")


def _moments(entry: Entry, path: tuple[str, ...]) -> Iterator[Problem]:
    """A text that looks like an instant may still be none, as 2026-02-30 is."""
    value: Any = entry.value
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    if value is None:
        return
    read_as: Callable[[str], Any] = instants.parse_moment
    try:
        read_as(value)
    except (ValueError, OverflowError) as error:
        yield entry.problem(path, f"{value!r} does not exist: {error}", "instant")


def _value(entry: Entry | None) -> dict[str, Any]:
    return entry.value if entry else {}
