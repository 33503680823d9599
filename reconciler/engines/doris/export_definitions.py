"""The definitions of views, materialized views and functions of a database, as the server prints them."""

from typing import Any

from reconciler.engines.doris import ddl_text, export_statements, replay, tables
from reconciler.engines.doris.export_contents import DROPPED, Contents
from reconciler.engines.doris.session import Said, Session


def of(session: Session, database: str, contents: Contents, skipped: list[str]) -> dict[str, list[dict[str, Any]]]:
    """What cannot be kept is added to `skipped`, by name."""
    return {
        "views": _of_kind(session, "VIEW", database, contents.names(database, "view"), skipped),
        "materialized_views": _of_kind(
            session, "MATERIALIZED VIEW", database, contents.names(database, "materialized view"), skipped
        ),
        "functions": _functions(session, database, skipped),
    }


def _of_kind(
    session: Session, kind: str, database: str, names: tuple[str, ...], skipped: list[str]
) -> list[dict[str, Any]]:
    found = []
    for name in names:
        try:
            (row,) = session.ask(export_statements.show_create(kind, database, name))
        except Said as refusal:
            if not tables.is_gone(refusal):
                raise
            skipped.append(f"{database}.{name} {DROPPED}")
        else:
            text = str(row[f"Create {kind.title()}"])
            if kind == "VIEW" or _can_be_read_back(text):
                found.append({"name": name, "statement": text})
            else:
                skipped.append(f"{database}.{name} ({kind.lower()}: its text cannot be read back)")
    return found


def _can_be_read_back(text: str) -> bool:
    """A restore must find the properties: a quote in a comment may hide where they are."""
    try:
        ddl_text.properties(text)
    except ValueError:
        return False
    return True


def _functions(session: Session, database: str, skipped: list[str]) -> list[dict[str, Any]]:
    """Doris prints them, without the code that they name; StarRocks lists them only."""
    found = []
    for row in session.ask(export_statements.show_functions(database)):
        signature = str(row["Signature"])
        if session.about().is_starrocks:
            skipped.append(f"{database}.{signature} (function: StarRocks does not print it)")
            continue
        (printed,) = session.ask(export_statements.show_create_function(signature, database))
        text = str(printed["Create Function"])
        if replay.FUNCTION.match(text) is None:
            skipped.append(f"{database}.{signature} (function: its text cannot be read back)")
        else:
            found.append({"name": signature, "statement": text})
    return found
