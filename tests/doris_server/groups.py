"""Compute groups of the decoupled mode: who may use which, which one runs a statement, waking."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from . import processes
from .answers import Rows, table
from .errors import Refused

NONE = "no cluster available; use `USE @cluster` to choose one"


@dataclass
class Group:
    """`state` is running, suspended (wakes on use, after `timeouts` uses that end too soon) or shutdown."""

    name: str
    backends: int = 1
    state: str = "running"
    timeouts: int = 0


class Work(NamedTuple):
    """What a group did, for tests to look at: kind is query, insert, load or outfile."""

    group: str | None
    kind: str
    target: str


def use(session: Any, name: str) -> None:
    """USE @g: the group must be there, usable, and awake."""
    known(session, name)
    if not session.user.uses(name):
        raise Refused(f"USAGE denied to user '{session.user.name}'@'%' for cloud cluster '{name}'", 5042)
    wake(session, name)
    session.group = name
    if session.warehouse.dialect.has("-group_variable"):
        session.variables["cloud_cluster"] = session.variables["compute_group"] = name


def known(session: Any, name: str) -> Any:
    if not session.warehouse.dialect.cloud:
        raise Refused("Command only support in cloud mode.", 6000)
    if name not in session.warehouse.groups:
        raise Refused(f"Compute Group {name} not exist", 5098)
    return session.warehouse.groups[name]


def wake(session: Any, name: str) -> None:
    group = known(session, name)
    if group.state == "shutdown":
        raise Refused(f"cluster {name} is in manual shutdown", 1105)
    if group.state != "suspended":
        return
    processes.pause(session, "wake")
    if group.timeouts:
        group.timeouts -= 1
        raise Refused("auto start cluster timeout", 1105)
    group.state = "running"


def chosen(session: Any) -> str | None:
    """Variable or USE, then the user's default, then the first that lives."""
    own = session.variables.get("cloud_cluster") or session.group
    return own or session.user.default_group or next((name for name in _usable(session)), None)


def _usable(session: Any):
    return (name for name, group in session.warehouse.groups.items() if session.user.uses(name) and group.state == "running")


def work(session: Any, kind: str, target: str) -> None:
    """A statement that backends carry out: its group is found and woken, and the work is written down."""
    name = session.variables["warehouse"] if session.warehouse.dialect.starrocks else None
    if session.warehouse.dialect.cloud and session.warehouse.dialect.starrocks:
        warehouse(session, name)
    elif session.warehouse.dialect.cloud:
        name = chosen(session)
        if name is None:
            raise Refused(NONE, 5099)
        if not session.user.uses(name):
            raise Refused(f"USAGE denied to user '{session.user.name}'@'%' for cloud cluster '{name}'", 5042)
        wake(session, name)
    session.warehouse.work.append(Work(name, kind, target))


def warehouse(session: Any, name: str | None) -> None:
    """Of StarRocks: one that is suspended does not wake by itself, RESUME WAREHOUSE does it [?]."""
    if name not in session.warehouse.groups:
        raise Refused(f"Warehouse name: {name} not exist.", 1064)
    if session.warehouse.groups[name].state != "running":
        raise Refused(f"Warehouse {name} is not available: it is suspended", 1064)


def shown(session: Any, clusters: bool) -> Rows:
    """Only those that the user may use."""
    if not session.warehouse.dialect.cloud:
        raise Refused("Command only support in cloud mode.", 6000)
    wide = session.warehouse.dialect.has("-wide_groups")
    columns = "cluster is_current users backend_num" if clusters else "Name IsCurrent Users BackendNum"
    more = ("sub_clusters policy properties" if clusters else "SubComputeGroups Policy Properties") if wide else ""
    current = session.variables.get("cloud_cluster") or session.group or session.user.default_group
    rows = [
        (group.name, str(group.name == current).upper(), _users(session, group.name),
         group.backends if group.state == "running" else 0, *(("", "", "") if wide else ()))
        for group in session.warehouse.groups.values() if session.user.uses(group.name)
    ]  # fmt: skip
    return table(f"{columns} {more}", rows)


def _users(session: Any, name: str) -> str:
    return ", ".join(user for user, each in session.warehouse.users.known.items() if each.default_group == name)
