"""Definitions of what stands on tables (views, materialized views, rollups, functions), for another database.

Names that the server has qualified with the source's database follow it to the target's; everything else stays as
it was printed. Pure text: who sends it, and in which order, is not known here.
"""

import re
from collections.abc import Mapping

from reconciler.engines.doris import ddl, ddl_text, statements

NAME = r"(?:`(?:[^`]|``)*`|[^\s`(.]+)"
VIEW = re.compile(rf"\s*CREATE\s+VIEW\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:{NAME}\.)*{NAME}", re.IGNORECASE)
MATERIALIZED = re.compile(
    rf"\s*CREATE\s+MATERIALIZED\s+VIEW\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:{NAME}\.)*{NAME}", re.IGNORECASE
)
FUNCTION = re.compile(
    rf"\s*CREATE\s+((?:GLOBAL\s+)?(?:(?:AGGREGATE|ALIAS|TABLES|TABLE)\s+)?FUNCTION)\s+(?:IF\s+NOT\s+EXISTS\s+)?"
    rf"(?:{NAME}\.)*({NAME})\s*\(", re.IGNORECASE,
)  # fmt: skip
FROM = re.compile(rf"\bFROM\s+(?:{NAME}\.)*{NAME}", re.IGNORECASE)
AT_ONCE = re.compile(r"\bBUILD\s+IMMEDIATE\b", re.IGNORECASE)
REFRESH = re.compile(r"\bREFRESH\s+(?:IMMEDIATE\s+)?(ASYNC|MANUAL|INCREMENTAL)\b", re.IGNORECASE)
CATALOGS = ("internal", "default_catalog")


def view(printed: str, databases: Mapping[str, str], database: str, name: str) -> str:
    """In `database`; `databases` has the new name of each that is restored with it."""
    place = f"CREATE VIEW IF NOT EXISTS {statements.name(database)}.{statements.name(name)}"
    return moved(VIEW.sub(lambda _: place, printed, count=1).strip().rstrip(";"), databases)


def materialized_view(
    printed: str, databases: Mapping[str, str], database: str, name: str, given: dict[str, str], *,
    starrocks: bool = False,
) -> str:  # fmt: skip
    """It is created empty and filled by its next refresh: at once it would read every table that it stands on.
    Raises ValueError for a text that cannot be taken apart.
    """
    place = f"CREATE MATERIALIZED VIEW IF NOT EXISTS {statements.name(database)}.{statements.name(name)}"
    body = MATERIALIZED.sub(lambda _: place, printed, count=1).strip().rstrip(";").rstrip()
    when, later = (REFRESH, r"REFRESH DEFERRED \1") if starrocks else (AT_ONCE, "BUILD DEFERRED")
    body = when.sub(later, body, count=1)
    before, pairs, after = ddl_text.properties(body)
    kept = {key: value for key, value in pairs.items() if key not in ddl.DROPPED} | given
    listed = statements.properties(kept.items()) if kept else ""
    return moved(f"{before.rstrip()}\n{listed}{after}", databases)


def rollup(printed: str | None, columns: tuple[str, ...], database: str, table: str, name: str) -> str:
    """By the text of its view, which names one table after FROM; one without a text is a choice of columns."""
    place = f"{statements.name(database)}.{statements.name(table)}"
    if printed is None:
        listed = ", ".join(map(statements.name, columns))
        return f"ALTER TABLE {place} ADD ROLLUP {statements.name(name)} ({listed})"
    return FROM.sub(lambda _: f"FROM {place}", printed.strip().rstrip(";"), count=1)


def function(printed: str, database: str) -> str:
    """Raises ValueError for what is no function's text."""
    found = FUNCTION.match(printed)
    if found is None:
        raise ValueError(f"not a function's definition: {' '.join(printed.split())[:60]}")
    head = f"CREATE {found[1].upper()} IF NOT EXISTS {statements.name(database)}.{found[2]}("
    return head + printed[found.end() :].strip().rstrip(";")


def moved(text: str, databases: Mapping[str, str]) -> str:
    """With the new names of databases, where the server has qualified and quoted them: all in one go, since two may
    change places.
    """
    new = {statements.name(source): statements.name(target) for source, target in databases.items()}
    catalogs, old = ("|".join(map(re.escape, names)) for names in (map(statements.name, CATALOGS), new))
    return re.sub(rf"(?<![.`])((?:{catalogs})\.)?({old})\.(?=`)", lambda at: f"{at[1] or ''}{new[at[2]]}.", text)
