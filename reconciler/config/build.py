"""Checked entries become the desired state, every default filled in. Nothing here can fail."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reconciler.config.declared import Declared, Entry
from reconciler.core import instants
from reconciler.core.model import (
    WEEKDAYS,
    Connection,
    Desired,
    Folder,
    FromStorage,
    FromWarehouse,
    Hold,
    Limits,
    LocalStorage,
    Objects,
    OneTime,
    Periodic,
    Plan,
    Restore,
    Role,
    S3Storage,
    Schedule,
    SecretReference,
    Server,
    Storage,
    Tls,
    Warehouse,
)

DAY_NUMBERS = {name: number for number, name in enumerate(WEEKDAYS)}


def desired(declared: Declared, digest: str, revision: str | None) -> Desired:
    limits = declared.limits.value if declared.limits else {}
    return Desired(
        installation=declared.installation or "",
        storages={name: _storage(name, entry) for name, entry in declared.storages.items()},
        warehouses={name: _warehouse(name, entry) for name, entry in declared.warehouses.items()},
        restores={name: _restore(entry) for name, entry in declared.restores.items()},
        holds={name: _hold(entry.value) for name, entry in declared.holds.items()},
        limits=Limits(**{name: int(value) for name, value in limits.items()}),
        digest=digest,
        revision=revision,
    )


def _storage(name: str, entry: Entry) -> Storage:
    if "local" in entry.value:
        return LocalStorage(name, _path(entry, entry.value["local"]["path"]))
    s3 = entry.value["s3"]
    keys = s3.get("credentials", {})
    return S3Storage(
        name, s3["bucket"], s3.get("prefix", ""), s3.get("region"), s3.get("endpoint"),
        _secret(entry, keys.get("access_key")), _secret(entry, keys.get("secret_key")),
        Role(**s3["server_role"]) if "server_role" in s3 else None,
    )  # fmt: skip


def _warehouse(name: str, entry: Entry) -> Warehouse:
    value = entry.value
    plan = value.get("plan")
    return Warehouse(
        name, value["engine"], _connection(entry), value.get("storage"), _plan(plan) if plan else None,
        value.get("previous_name"),
    )  # fmt: skip


def _connection(entry: Entry) -> Connection:
    value = entry.value
    if value["engine"] == "duckdb":
        return Folder(_path(entry, value["path"]))
    tls = value.get("tls", "off")
    return Server(
        tuple(value["hosts"]), int(value.get("port", 9030)), value["user"], _secret(entry, value.get("password")),
        None if tls == "off" else Tls(_path(entry, tls["ca_file"]) if "ca_file" in tls else None),
    )  # fmt: skip


def _plan(value: dict[str, Any]) -> Plan:
    numbers = {name: int(value[name]) for name in ("keep_last",) if name in value}
    return Plan(
        _schedule(value), _objects(value["objects"]), int(value["retention_days"]), value.get("backup_cluster"),
        **numbers, **_durations(value, "catch_up", "timeout"), method=value.get("method"),
        skip_unsupported=value.get("skip_unsupported", False),
        check_row_counts=value.get("check_row_counts", False),
    )  # fmt: skip


def _durations(value: dict[str, Any], *names: str) -> dict[str, int]:
    return {name: instants.seconds(value[name]) for name in names if name in value}


def _schedule(value: dict[str, Any]) -> Schedule:
    if "one_time" in value:
        return OneTime(instants.parse(value["one_time"]["start_time"]))
    periodic = value["periodic"]
    start = periodic["start_time"]
    return Periodic(
        periodic.get("enabled", True),
        tuple(sorted(DAY_NUMBERS[day] for day in periodic["backup_every"])),
        start if start.count(":") > 1 else f"{start}:00",
        periodic.get("time_zone", "UTC"),
    )


def _objects(value: dict[str, Any]) -> Objects:
    return Objects(**{name: tuple(patterns) for name, patterns in value.items()})


def _restore(entry: Entry) -> Restore:
    value = entry.value
    databases = value.get("databases")
    policy = value.get("if_exists")
    until = value.get("valid_until")
    return Restore(
        id=value["id"],
        source=_source(value["from"]),
        warehouse=value["to"]["warehouse"],
        cluster=value["to"].get("cluster"),
        databases=tuple(sorted(databases.items())) if databases else None,
        external_catalogs=tuple(value.get("external_catalogs", ())),
        replace=tuple(policy["replace"]) if isinstance(policy, dict) else None,
        valid_until=instants.parse(until) if until else None,
        cancel=value.get("cancel", False),
        catalog_secrets=tuple(_catalog_secrets(entry, value.get("catalog_secrets", {}))),
        restore_properties=tuple(
            (name, _property(given)) for name, given in sorted(value.get("restore_properties", {}).items())
        ),
        **_durations(value, "timeout"),
        accept_other_etags=value.get("accept_other_etags", False),
    )


def _property(given: Any) -> str:
    """As a server writes it."""
    if isinstance(given, str):
        return given
    return str(given).lower() if isinstance(given, bool) else str(int(given))


def _catalog_secrets(
    entry: Entry, value: dict[str, dict[str, dict[str, str]]]
) -> Iterator[tuple[str, str, SecretReference]]:
    for catalog, properties in sorted(value.items()):
        for name, given in sorted(properties.items()):
            reference = _secret(entry, given)
            if reference is not None:
                yield catalog, name, reference


def _source(value: dict[str, Any]) -> FromWarehouse | FromStorage:
    chosen = value["backup_set"]
    if "storage" in value:
        return FromStorage(value["storage"], chosen)
    if isinstance(chosen, str):
        return FromWarehouse(value["warehouse"], chosen)
    return FromWarehouse(value["warehouse"], None, instants.parse(chosen["before"]))


def _hold(value: dict[str, Any]) -> Hold:
    until = value.get("until")
    return Hold(value["backup_set"], value["reason"], instants.parse_moment(until) if until else None)


def _secret(entry: Entry, value: dict[str, str] | None) -> SecretReference | None:
    if value is None:
        return None
    ((kind, name),) = value.items()
    return SecretReference(kind, _path(entry, name) if kind == "file" else name)


def _path(entry: Entry, written: str) -> str:
    """Relative to the file that says it, by the path under which that file was given: a link that swaps
    commits, as git-sync's does, leaves it the same.
    """
    if written.startswith("/"):
        return str(Path(written))
    steps = [step for step in written.split("/") if step not in ("", ".")]
    return "/".join((_folder(entry.file), *steps))


@functools.cache
def _folder(file: str) -> str:
    """The folder of a file, absolute, links as they were written."""
    return str(Path(file).absolute().parent).rstrip("/")
