"""What went wrong at the ledger's database, in words, and whether it may pass."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from reconciler.core.ledger_place import LedgerPlace, LedgerServer
from reconciler.errors import LedgerAway, LedgerUnusable

# PostgreSQL's SQLSTATE classes and codes (its manual, appendix A): connection, transaction given up, resources,
# lock not available, an operator's intervention, idle too long in a transaction, a server that only reads.
PASSING_STATES = ("08", "40", "53", "55P03", "57", "25P03", "25006")
# A login that is refused for the moment comes without its SQLSTATE; these are the server's words for it.
PASSING_WORDS = (
    "starting up", "shutting down", "not yet accepting", "recovery mode", "too many", "connection slots",
)  # fmt: skip
LASTING_WORDS = ("certificate", "does not support ssl")  # TLS is not to be had as it was asked for
# MySQL's and MariaDB's error numbers (their manuals, "Server Error Reference" and "Client Error Reference").
PASSING_NUMBERS = frozenset({
    0, 1021, 1040, 1053, 1152, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1290, 1317, 1836, 1927, 2002, 2003, 2006,
    2013, 2014, 3024, 4031,
})  # fmt: skip


@contextlib.contextmanager
def readable(place: LedgerPlace) -> Iterator[None]:
    """Says what is wrong with a ledger that cannot be used. Raises LedgerAway for what may pass, LedgerUnusable
    for what does not: also where the database is whole and a value in it is not.
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise _said(place, error) from error
    except (ValueError, KeyError, TypeError) as error:
        raise LedgerUnusable(
            f"ledger {place} holds what no release writes ({type(error).__name__}: {error}): it is damaged. "
            f"Nothing more is started or removed; restore the file from a copy, or move it away"
        ) from error


def _said(place: LedgerPlace, error: SQLAlchemyError) -> LedgerUnusable:
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(place, Path):
        return LedgerUnusable(
            f"ledger {place} cannot be used: {original}. It was left as it is, and nothing more is "
            f"started or removed; free the disk, or restore the file from a copy, or move it away"
        )
    words = " ".join(_words(original).split())
    if _may_pass(place, original):
        return LedgerAway(
            f"ledger {place} does not answer: {words}. Nothing new is started meanwhile; a daemon goes on by "
            f"itself when it is back, a command is to be given again"
        )
    return LedgerUnusable(
        f"ledger {place} cannot be used: {words}. Nothing more is started or removed; look at the server, "
        f"the user's rights and the password's place"
    )


def _words(original: BaseException) -> str:
    """MySQL's errors are a number and a text."""
    return ": ".join(str(part) for part in original.args) or type(original).__name__


def _may_pass(place: LedgerServer, original: BaseException) -> bool:
    text = str(original)
    if any(word in text.lower() for word in LASTING_WORDS):
        return False
    if place.kind == "mysql":
        return bool(original.args) and original.args[0] in PASSING_NUMBERS
    state = getattr(original, "sqlstate", None)
    if state is not None:
        return str(state).startswith(PASSING_STATES)
    return "FATAL:" not in text or any(word in text for word in PASSING_WORDS)
