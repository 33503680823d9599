"""How many copies of its rows a restored table shall have: as many as it had, as far as the target has nodes."""

import re

from reconciler.engines.doris import ddl
from reconciler.engines.doris.session import DENIED, Said, Session

USUAL = 3  # the servers' own default, for tables of a source that keeps compute and storage apart


def alive(session: Session) -> int | None:
    """The nodes that can hold copies; None where the server keeps none itself, or does not tell this user."""
    if session.about().decoupled:
        return None
    try:
        rows = session.ask("SHOW BACKENDS")
    except Said as refusal:
        if refusal.code not in DENIED:
            raise
        return None
    return sum(str(row.get("Alive")).lower() == "true" for row in rows) or None


def properties(printed: str, nodes: int | None, asked: dict[str, str]) -> dict[str, str]:
    """What the restored one shall have instead: `asked`, and copies as `wanted` where it does not say how many."""
    found = wanted(printed, nodes) | asked
    if "replication_allocation" in asked:
        found.pop("replication_num", None)
    return found


def wanted(printed: str, nodes: int | None) -> dict[str, str]:
    """The property, where one is needed. Tags of the source's nodes are not taken over."""
    if nodes is None:
        return {}
    number = ddl.property_of(printed, "replication_num")
    allocation = ddl.property_of(printed, "replication_allocation") or ""
    copies = int(number) if number else sum(map(int, re.findall(r":\s*(\d+)", allocation)))
    return {"replication_num": str(min(copies or USUAL, nodes))}
