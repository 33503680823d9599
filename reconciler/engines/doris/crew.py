"""A few connections at work at once, on statements that take long, while somebody watches whether to stop.

What runs is known by its marks: the trace id of Doris, or words of the statement itself. By them a statement whose
answer was lost, or is not wanted any more, is found on the server and ended.
"""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager, suppress
from queue import SimpleQueue
from typing import Any, Self

from reconciler.core.ports import Watch
from reconciler.engines.doris import export_statements
from reconciler.engines.doris.session import Session
from reconciler.engines.doris.understood import understood
from reconciler.errors import StepFailed

AT_ONCE = 3  # statements; each already runs on every node of its cluster
LOOK = 0.5  # seconds between two looks at the watch
SLACK = 60  # seconds by which our patience is longer than the server's own timeout

Work = Callable[[Session], Any]


class Crew:
    """`timeout` is the server's own for a statement, in seconds."""

    def __init__(self, session: Session, timeout: int) -> None:
        self._session, self._timeout = session, timeout
        self._free: SimpleQueue[Session] = SimpleQueue()
        self._sessions = [session.beside(timeout + SLACK) for _ in range(AT_ONCE)]
        for each in self._sessions:
            self._free.put(each)
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self.marks: set[str] = set()  # of the statements that may run now
        self.left = ""  # what a stop could not end, in words

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """What was begun has ended by itself, or is ended at the server, where that answers."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if kind is not None:
            self.left = self._stopped()
        self._pool.shutdown(wait=True)
        for each in self._sessions:
            each.close()

    def _stopped(self) -> str:
        """Twice: a statement may just have been on its way. Empty, or why something may still run."""
        told = ""
        for _ in range(2):
            try:
                with closing(self._session.beside(SLACK)) as session:
                    kill(session, self.marks)
            except StepFailed as error:
                told = f"whether its statements still run is not known: {error}"
            for each in self._sessions:
                each.abort()
        return told

    def run(self, work: Iterator[tuple[Any, Work]], watch: Watch) -> Iterator[tuple[Any, Any]]:
        """Carries out the work, and yields each subject with what came of it, as it ends. `work` is taken from as
        there is room. The first error is raised: one that may pass when the others have ended, whose work is kept
        and not to be done again.
        """
        running: dict[Future[Any], Any] = {}
        errors: list[StepFailed] = []
        while True:
            with _kept(errors):
                while not errors and len(running) < AT_ONCE and (more := next(work, None)) is not None:
                    running[self._pool.submit(self._one, more[1])] = more[0]
            if not running:
                break
            done, _ = wait(running, timeout=LOOK, return_when=FIRST_COMPLETED)
            watch.check()
            for future in done:
                subject = running.pop(future)
                with _kept(errors):
                    yield subject, future.result()
        if errors:
            raise errors[0]

    def _one(self, work: Work) -> Any:
        session = self._free.get()
        try:
            with understood(session.warehouse):
                return work(session)
        finally:
            self._free.put(session)


@contextmanager
def _kept(errors: list[StepFailed]) -> Iterator[None]:
    """What may pass is noted, anything else raised."""
    try:
        yield
    except StepFailed as error:
        if not error.passing:
            raise
        errors.append(error)


def kill(session: Session, marks: Collection[str]) -> int:
    """Ends the statements that bear one of the marks, as far as the frontend that answers lists them: Doris all of
    the warehouse, StarRocks its own. How many there were.
    """
    marks = tuple(marks)  # those at work go on adding and removing some
    if not marks:
        return 0
    (own,) = session.ask(export_statements.OWN_ID)
    rows = session.ask(export_statements.RUNNING)
    here = {row.get("FE") for row in rows
            if str(row["Id"]) == str(own["id"]) and row.get("CurrentConnected") != "No"}  # fmt: skip
    found = [row for row in rows if _bears(row, marks)]
    for row in found:
        with suppress(StepFailed):  # it has ended meanwhile
            session.tell(_ending(row, here))
    return len(found)


def _ending(row: dict[str, Any], here: Collection[Any]) -> str:
    """By the connection's number, which is its frontend's own; at another one by the query's id (Doris)."""
    if row.get("FE") in here:
        return export_statements.kill(int(row["Id"]))
    return export_statements.kill_query(str(row["QueryId"]))


def _bears(row: dict[str, Any], marks: Collection[str]) -> bool:
    trace, text = str(row.get("TraceId") or ""), str(row.get("Info") or "")
    return any(mark == trace or f"/{mark}/" in text or f"`{mark}`" in text for mark in marks)
