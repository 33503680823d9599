"""An answer in a form that this release does not know ends a task in words: it must not stay at work for ever."""

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path

from reconciler import secrecy
from reconciler.errors import EngineFailed

UNFORESEEN = (LookupError, TypeError, ValueError, AttributeError)  # a column that is not there, a row too many, …


@contextlib.contextmanager
def understood(warehouse: str) -> Iterator[None]:
    """Raises EngineFailed for it, with the place in the code: what to report."""
    try:
        yield
    except UNFORESEEN as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        told = secrecy.hidden(f"{type(error).__name__}: {error}")
        raise EngineFailed(
            f"warehouse {warehouse}: its server answered in a form that this release does not know, or this is a "
            f"fault of the release: {told} ({Path(frame.filename).name}:{frame.lineno}); please report it with the "
            f"server's version"
        ) from error
