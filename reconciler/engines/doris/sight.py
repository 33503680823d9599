"""What the user may see: a table that it may not see is in no list that the server gives it."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.engines.doris.session import DENIED, Said, Session

ALL = re.compile(r"\b(?:Select|Admin)_priv\b", re.IGNORECASE)
OURS = re.compile(r"(?:^|;)\s*internal(?:\.([^:;]*))?:([^;]*)")


def limits(session: Session, databases: Iterable[str]) -> tuple[str, ...]:
    """In words, for each database of which it may see some tables only. Empty where the server does not tell."""
    if session.about().is_starrocks:
        return ()
    try:
        rows = session.ask("SHOW GRANTS")
    except Said as refusal:
        if refusal.code not in DENIED:
            raise
        return ()
    if not rows or "GlobalPrivs" not in rows[0]:
        return ()
    return tuple(
        f"{name}: tables that user {session.user} may not see, if there are any: it has SELECT on some of them only"
        for name in sorted({*databases} - _whole(rows[0], databases))
    )


def _whole(grants: Mapping[str, Any], databases: Iterable[str]) -> set[str]:
    """Those that it may see whole, by its grants and those of its roles: `internal: Select_priv` in CatalogPrivs,
    `internal.sales: Load_priv; internal.crm: …` in DatabasePrivs.
    """
    if ALL.search(str(grants.get("GlobalPrivs"))):
        return {*databases}
    told = f"{grants.get('CatalogPrivs')};{grants.get('DatabasePrivs')}"
    found = {name for name, rights in OURS.findall(told) if ALL.search(rights)}
    return {*databases} if "" in found else found
