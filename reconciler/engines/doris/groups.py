"""Which cluster of a warehouse works: a compute group of Doris, a warehouse of StarRocks.

One that is named must exist, and one must be named where there are several. A group that the user may not use is
not listed (Doris, ShowClustersCommand): what is wrong is told by the server when it is used.
"""

from reconciler.engines.doris import export_statements, statements
from reconciler.engines.doris.session import Said, Session
from reconciler.errors import EngineFailed

NO_SUCH_GROUP, NO_USAGE = 5098, 5042


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


def keeps_apart(session: Session) -> bool:
    """Whether compute and storage are apart; a StarRocks that does not tell this user is taken as one where not."""
    if not session.about().is_starrocks:
        return session.about().decoupled
    try:
        rows = session.ask(export_statements.RUN_MODE)
    except Said as refusal:
        if refusal.passing:
            raise
        return False
    return any(str(row.get("Value")) == "shared_data" for row in rows)


def use(session: Session, warehouse: str, group: str | None, user: str) -> None:
    """From now on, and on every later connection. A group that sleeps is woken, which the server waits for.

    Raises EngineFailed, passing where waking it took too long.
    """
    name = group or chosen(session, warehouse, None)
    try:
        session.require(statements.use_group(name))
    except Said as refusal:
        if refusal.code == NO_SUCH_GROUP:
            chosen(session, warehouse, name)
        if refusal.code == NO_USAGE:
            raise EngineFailed(
                f"warehouse {warehouse}: user {user} may not use compute group {name}; grant it: GRANT USAGE_PRIV "
                f"ON COMPUTE GROUP {statements.name(name)} TO {statements.text(user)}"
            ) from None
        raise
    _refuse_another(session, warehouse, name)


def _refuse_another(session: Session, warehouse: str, name: str) -> None:
    current = [str(row["Name"]) for row in session.ask("SHOW COMPUTE GROUPS") if str(row["IsCurrent"]) == "TRUE"]
    if current != [name]:
        raise EngineFailed(
            f"warehouse {warehouse}: compute group {name} was chosen, the server works with "
            f"{', '.join(current) or 'none'}"
        )
