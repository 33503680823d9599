"""All tables of an export through their rounds: what is to be done next, and what has come of it."""

from collections import Counter, deque
from collections.abc import Iterator
from functools import partial
from typing import Any, Self

from reconciler.core.ports import AttemptFolder
from reconciler.engines.doris import tables as listing
from reconciler.engines.doris.crew import Work
from reconciler.engines.doris.export_contents import DROPPED, Lossy, Subject, refused
from reconciler.engines.doris.export_table import ROUNDS, Round, Tables
from reconciler.engines.doris.export_unload import Portion, Unload
from reconciler.engines.doris.session import Said, Session
from reconciler.errors import EngineFailed

Step = tuple[tuple[Round, int], Work]
GONE = "it was dropped, or a partition of it"
LAST = 0  # the step after a round's portions, which are counted from 1: the look after them


class Rounds(Iterator[Step]):
    """Gives a step as long as there is one; after a round that turned out void there are more."""

    def __init__(
        self, tables: Tables, unload: Unload, folder: AttemptFolder, subjects: tuple[Subject, ...], *,
        may_skip: bool,
    ) -> None:  # fmt: skip
        self._may_skip = may_skip
        self._tables, self._unload, self._folder = tables, unload, folder
        self._subjects, self._steps = deque(subjects), deque[Step]()
        self._records: dict[str, dict[int, dict[str, Any]]] = {}
        self._void: set[str] = set()
        self._begun: Counter[Subject] = Counter()
        self.entries: dict[Subject, dict[str, Any]] = {}
        self.left_out: list[str] = []  # tables, with why

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Step:
        while not self._steps and self._subjects:
            self._begin(self._subjects.popleft())
        if not self._steps:
            raise StopIteration
        return self._steps.popleft()

    def take(self, round_: Round, at: int, made: dict[str, Any] | None) -> None:
        """A portion's record, or with the last step the table's entry; None where the round is void."""
        if made is None or round_.path in self._void:
            return self._repeat(round_)
        if at == LAST:
            self.entries[round_.subject] = made
            return None
        of_round = self._records.setdefault(round_.path, {})
        of_round[at] = made
        if len(of_round) == len(round_.begun["portions"]):
            records = [of_round[number] for number in sorted(of_round)]
            self._steps.append(((round_, LAST), partial(self._end, round_, records)))
        return None

    def _begin(self, subject: Subject) -> None:
        self._begun[subject] += 1
        if self._begun[subject] > ROUNDS:
            raise EngineFailed(
                f"table {subject.title} began {ROUNDS} times while it was exported, and would again: "
                f"{self._tables.reasons.get(subject, 'partitions of it come and go')}", passing=True,
            )  # fmt: skip
        try:
            round_ = self._tables.begin(subject)
        except (Said, Lossy) as refusal:
            return self._lose(subject, refusal)
        for at, portion in enumerate(round_.portions, 1):
            self._steps.append(((round_, at), partial(self._portion, round_, portion)))
        return None

    def _repeat(self, round_: Round) -> None:
        if round_.path not in self._void:
            self._void.add(round_.path)
            self._subjects.append(round_.subject)
            self._steps = deque(step for step in self._steps if step[0][0].path != round_.path)

    def _lose(self, subject: Subject, refusal: Said | Lossy) -> None:
        if isinstance(refusal, Lossy):
            if not self._may_skip:
                raise refused(str(refusal))
            self.left_out.append(str(refusal))
        elif listing.is_gone(refusal):
            self.left_out.append(f"{subject.title} {DROPPED}")
        elif _names_partition(refusal):  # it went between two statements of the look
            self._subjects.append(subject)
        else:
            raise refusal

    def _end(self, round_: Round, records: list[dict[str, Any]], session: Session) -> dict[str, Any] | None:
        """In a thread of the crew, since rows may be counted."""
        try:
            return self._tables.end(session, round_, records)
        except Said as refusal:
            self._tables.void(round_, self._reason(session, round_, refusal))
            return None

    def _portion(self, round_: Round, portion: Portion, session: Session) -> dict[str, Any] | None:
        """In a thread of the crew. The record: an earlier one, or that of a new export."""
        name = f"tables/{portion.path}.json"
        standing = self._tables.document(name)
        if standing is not None:
            return standing
        try:
            made = self._unload.portion(session, portion)
        except Said as refusal:
            self._tables.void(round_, self._reason(session, round_, refusal))
            return None
        return self._folder.remember(name, made)

    def _reason(self, session: Session, round_: Round, refusal: Said) -> str:
        """Why the round is void. Raises the refusal where it is not."""
        if listing.is_gone(refusal) or _names_partition(refusal):
            return GONE
        if not refusal.passing and self._tables.is_other(session, round_):
            return "its definition changed"
        raise refusal


def _names_partition(refusal: Said) -> bool:
    """Whether the server says that it has no such partition (any more)."""
    words = refusal.words.lower()
    return "partition" in words and ("not exist" in words or "unknown partition" in words)
