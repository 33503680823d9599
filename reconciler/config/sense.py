"""What a schema cannot say: references that lead nowhere, times that do not exist, engines that lack a thing.

Nothing here depends on the clock, on a secret or on the network (P6).
"""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from reconciler.config import endpoints, explain
from reconciler.config.declared import Declared, Entry
from reconciler.config.marks import Told
from reconciler.core import calendar, instants
from reconciler.core.restore import FAMILIES
from reconciler.errors import Problem

MANY = 10  # names in one message
LONGEST = 36_500 * 86_400  # the most that retention_days takes
SERVER_FIELDS = ("hosts", "port", "user", "password", "tls")


def problems(declared: Declared) -> list[Problem]:
    found = itertools.chain(
        (found for entry in declared.storages.values() for found in _storage(entry)),
        (found for entry in declared.warehouses.values() for found in _warehouse(entry, declared)),
        _previous_names(declared),
        (found for entry in declared.restores.values() for found in _restore(entry, declared)),
        (found for entry in declared.holds.values() for found in _moments(entry, ("until",))),
    )
    return [*itertools.islice(found, explain.MOST + 1)]


def _storage(entry: Entry) -> Iterator[Problem]:
    s3 = entry.value.get("s3", {})
    if {".", ".."} & set(s3.get("prefix", "").split("/")):
        yield entry.problem(("s3", "prefix"), "a prefix has no part `.` or `..`, which servers understand in "
                                              "different ways", "prefix")  # fmt: skip
    endpoint = s3.get("endpoint")
    if endpoint is None:
        return
    fault = endpoints.fault(endpoint)
    if fault is not None:
        yield entry.problem(("s3", "endpoint"), fault, "endpoint")
    elif endpoints.is_plain(endpoint):
        words = f"endpoint {endpoint!r} is plain http: data and requests cross the network in clear text; use https"
        yield entry.problem(("s3", "endpoint"), words, "plain-http", level="warning")


def _warehouse(entry: Entry, declared: Declared) -> Iterator[Problem]:
    value = entry.value
    engine = value["engine"]
    if engine == "duckdb":
        yield from _lacks(entry, engine, [(field,) for field in SERVER_FIELDS])
        yield from _lacks(entry, engine, [
            ("plan", "backup_cluster"), ("plan", "objects", "external_catalogs"), ("plan", "method"),
            ("plan", "skip_unsupported"), ("plan", "check_row_counts"),
        ])  # fmt: skip
    else:
        yield from _lacks(entry, engine, [("path",)])
        if "tls" not in value and not all(map(endpoints.LOOPBACK.fullmatch, value["hosts"])):
            yield entry.problem((), "hosts that are not loopback need `tls`: a mapping, `{}` at the least, or "
                                    "the word off for plain text", "tls", key=True)  # fmt: skip
    storage = value.get("storage")
    if storage is not None:
        yield from _known(entry, ("storage",), "storage", storage, declared.storage_names)
        if "local" in _value(declared.storages.get(storage)) and engine != "duckdb":
            yield entry.problem(("storage",), f"storage {storage!r} is local, which engine {engine} cannot "
                                              f"write to; use one with `s3`", "storage-engine")  # fmt: skip
    elif "plan" in value:
        words = "a warehouse with a plan needs `storage`, the name of one under `storages`"
        yield entry.problem(("plan",), words, "required", key=True)
    if "plan" in value:
        yield from _plan(entry, value["plan"])


def _plan(entry: Entry, plan: dict[str, Any]) -> Iterator[Problem]:
    yield from _moments(entry, ("plan", "one_time", "start_time"))
    name = plan.get("periodic", {}).get("time_zone")
    if name is not None and not _is_zone(name):
        words = f"{name!r} is no time zone; {_near(name, calendar.zone_names()) or 'write a name as Europe/Berlin'}"
        yield entry.problem(("plan", "periodic", "time_zone"), words, "time-zone")
    if "databases" not in plan["objects"]:
        if entry.value["engine"] == "duckdb":
            words = "engine duckdb backs up databases; name some"
            yield entry.problem(("plan", "objects"), words, "required", key=True)
        elif "external_catalogs" not in plan["objects"]:
            words = "`objects` names nothing to back up; add `databases` or `external_catalogs`"
            yield entry.problem(("plan", "objects"), words, "required", key=True)
    yield from _durations(entry, plan, ("plan", "catch_up"), ("plan", "timeout"))


def _durations(entry: Entry, value: dict[str, Any], *paths: tuple[str, ...]) -> Iterator[Problem]:
    """Of the part of the entry in which the paths end."""
    for path in paths:
        field = path[-1]
        if field in value and instants.seconds(value[field]) > LONGEST:
            words = f"{field} is at most {instants.duration(LONGEST)}, and is {value[field]}"
            yield entry.problem(path, words, "range")


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
        if former in (declared.warehouse_names or ()):
            words = f"{former!r} is declared as a warehouse itself, so it cannot be the previous name of {name!r}"
            yield entry.problem(("previous_name",), words, "previous-name")
        if former in seen:
            words = f"{former!r} is already the previous name of {seen[former]!r}"
            yield entry.problem(("previous_name",), words, "previous-name")
        seen.setdefault(former, name)


def _restore(entry: Entry, declared: Declared) -> Iterator[Problem]:
    value = entry.value
    target = value["to"]["warehouse"]
    yield from _known(entry, ("to", "warehouse"), "warehouse", target, declared.warehouse_names)
    engine = _value(declared.warehouses.get(target)).get("engine")
    if engine == "duckdb":
        yield from _lacks(entry, engine, [
            ("to", "cluster"), ("external_catalogs",), ("catalog_secrets",), ("restore_properties",),
            ("accept_other_etags",),
        ])  # fmt: skip
    yield from _source(entry, engine, declared)
    yield from _moments(entry, ("from", "backup_set", "before"))
    yield from _moments(entry, ("valid_until",))
    yield from _durations(entry, value, ("timeout",))
    yield from _targets(entry)


def _source(entry: Entry, engine: str | None, declared: Declared) -> Iterator[Problem]:
    source = entry.value["from"]
    if "storage" in source:
        yield from _known(entry, ("from", "storage"), "storage", source["storage"], declared.storage_names)
        if source["backup_set"] == "latest" or not isinstance(source["backup_set"], str):
            yield entry.problem(("from", "backup_set"), "from a storage, a set is named by its id", "backup-set")
        if "local" in _value(declared.storages.get(source["storage"])) and engine not in (None, "duckdb"):
            words = f"storage {source['storage']!r} is local, which engine {engine} cannot read; use one with `s3`"
            yield entry.problem(("from", "storage"), words, "storage-engine")
        return
    name, known = source["warehouse"], declared.warehouse_names
    made_by = _value(declared.warehouses.get(name)).get("engine")
    if known is not None and name not in known:
        advice = _near(name, known) or "only sets that the ledger knows are found"
        words = f"warehouse {name!r} is not declared; {advice}"
        yield entry.problem(("from", "warehouse"), words, "unknown-warehouse", level="warning")
    elif made_by is not None and engine is not None and FAMILIES[made_by] != FAMILIES[engine]:
        words = f"a backup set of engine {made_by} cannot be restored to engine {engine}"
        yield entry.problem(("to", "warehouse"), words, "engine-family")


def _targets(entry: Entry) -> Iterator[Problem]:
    names = {key: name for key, name in entry.value.get("databases", {}).items() if not isinstance(key, Told)}
    targets: dict[str, str] = {}
    for source, target in names.items():
        first = targets.setdefault(target, source)
        if first != source:
            words = f"{source!r} would be restored as {target!r}, as {first!r} is already"
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
    entry: Entry, path: tuple[str, ...], kind: str, name: str, known: frozenset[str] | None
) -> Iterator[Problem]:
    if known is not None and name not in known:
        listed = [*sorted(known)[:MANY], *(["…"] if len(known) > MANY else [])]
        advice = _near(name, known) or f"declared: {', '.join(listed) or 'none'}"
        yield entry.problem(path, f"no {kind} {name!r}; {advice}", f"unknown-{kind}")


def _near(name: str, known: Iterable[str]) -> str | None:
    near = explain.near_to(name, sorted(known))
    return f"did you mean {near[0]!r}?" if near else None


def _moments(entry: Entry, path: tuple[str, ...]) -> Iterator[Problem]:
    """A text that looks like an instant may still be none, as 2026-02-30 is."""
    value: Any = entry.value
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    if value is None:
        return
    try:
        instants.parse_moment(value)
    except (ValueError, OverflowError):
        words = f"{path[-1]} {value!r} does not exist in the calendar (years 1 to 9999, in UTC)"
        yield entry.problem(path, words, "instant")


def _value(entry: Entry | None) -> dict[str, Any]:
    return entry.value if entry else {}
