"""Compute groups: a cluster that is named must exist, and one must be named where there are several.

A group that the user may not use is not listed (Doris, ShowClustersCommand), so it counts as unknown.
"""

from reconciler.engines.doris.session import Session
from reconciler.errors import EngineFailed


def refuse(warehouse: str, group: str) -> None:
    """A server whose nodes hold their own data has no groups."""
    raise EngineFailed(
        f"warehouse {warehouse} has no compute groups: its nodes hold their own data, and `{group}` cannot be "
        f"chosen; leave the cluster out"
    )


def names(session: Session) -> tuple[str, ...]:
    """Those that the user may use, by their names."""
    return tuple(sorted(str(row["Name"]) for row in session.ask("SHOW COMPUTE GROUPS")))


def chosen(session: Session, warehouse: str, group: str | None) -> str:
    """The group that does the work: the named one, or the only one. Raises EngineFailed with the known names."""
    known = names(session)
    if group in known:
        return str(group)
    listed = ", ".join(known) or "none that this user may use"
    if group is not None:
        raise EngineFailed(f"warehouse {warehouse} has no compute group {group}; it has {listed}")
    if len(known) != 1:
        raise EngineFailed(f"warehouse {warehouse} has several compute groups, and none is named; it has {listed}")
    return known[0]
