"""Switches for what can go wrong. Every one is a method, so that a test can call it in process, or from
outside with `STAND_IN '{"fault": "drop_after", "statement": "^BACKUP"}'`."""

import re
import threading
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass
class Trap:
    """What happens to the n-th statement (counted from now on) that fits, and to the next ones up to `times`."""

    statement: re.Pattern[str]
    action: str
    nth: int
    times: int
    answer: tuple[int, str] = (0, "")
    frontend: int | None = None
    at: str = ""  # where it is held; the first place if empty
    reached: threading.Event = field(default_factory=threading.Event)

    def holds(self, at: str) -> bool:
        return self.action in {"hold", "drop_during"} and self.at in {"", at} and not self.reached.is_set()

    def springs(self, sql: str, frontend: int) -> bool:
        if not self.times or self.frontend not in {None, frontend} or not self.statement.search(sql):
            return False
        self.nth -= 1
        if self.nth > 0:
            return False
        self.times -= 1
        return True


class JobFault(NamedTuple):
    """What befalls the next job of a kind (and database, if given) when it is in a state."""

    kind: str
    state: str
    action: str  # fail, stay, note
    status: tuple[str, str] = ("", "")
    note: str = ""
    database: str | None = None


@dataclass
class Faults:
    traps: list[Trap] = field(default_factory=list)
    jobs: list[JobFault] = field(default_factory=list)
    s3: str = ""  # the text with which S3 refuses the server
    content: str = ""  # wrong_md5, missing: of the next backup's first tablet file
    not_ready: bool = False
    late: int = 0  # loads that answer COMMITTED
    orphaned: int = 0  # exports that are repeated inside
    lost: int = 0  # exports whose files are not there
    missed: int = 0  # rows too few that the next export tells
    mute: int = 0  # exports that tell nothing
    released: threading.Event = field(default_factory=threading.Event)

    def drop_before(self, statement: str = "", nth: int = 1, times: int = 1) -> None:
        """The connection goes before the statement took effect."""
        self._trap(statement, "drop_before", nth, times)

    def drop_after(self, statement: str = "", nth: int = 1, times: int = 1) -> None:
        """The connection goes after the statement took effect, before its answer."""
        self._trap(statement, "drop_after", nth, times)

    def restart_after(self, statement: str = "", nth: int = 1, times: int = 1) -> None:
        """The server restarts after the statement took effect, before its answer."""
        self._trap(statement, "restart_after", nth, times)

    def hang(self, statement: str = "", nth: int = 1, times: int = 1) -> None:
        """No answer comes until `release()`; the statement takes no effect."""
        self.released.clear()
        self._trap(statement, "hang", nth, times)

    def hang_after(self, statement: str = "", nth: int = 1, times: int = 1) -> None:
        """As hang, but the statement took effect."""
        self.released.clear()
        self._trap(statement, "hang_after", nth, times)

    def answer(self, statement: str, code: int, text: str, nth: int = 1, times: int = 1) -> None:
        """An error of the test's choice, without effect."""
        self._trap(statement, "answer", nth, times, (code, text))

    def repeat(self, statement: str, code: int = 1105, nth: int = 1, times: int = 1) -> None:
        """An error that has the whole statement in its text, keys and all, and no effect."""
        self._trap(statement, "answer", nth, times, (code, "the statement could not be carried out: {statement}"))

    def answer_after(self, statement: str, code: int, text: str, nth: int = 1, times: int = 1) -> None:
        """An error, though the statement took effect: `forward to master FE … : failed` is such."""
        self._trap(statement, "answer_after", nth, times, (code, text))

    def hold(self, statement: str, at: str = "", nth: int = 1, times: int = 1) -> None:
        """It stops in its middle until `release()` or KILL: an OUTFILE after its first file (`outfile`), a load before
        its transaction ends (`prepare`) or before its rows are seen (`committed`), the waking of a group (`wake`)."""
        self.released.clear()
        self._trap(statement, "hold", nth, times, at=at)

    def drop_during(self, statement: str, at: str = "", nth: int = 1, times: int = 1) -> None:
        """As hold, but the client is cut off there; the statement goes on at `release()`."""
        self.released.clear()
        self._trap(statement, "drop_during", nth, times, at=at)

    def release(self) -> None:
        self.released.set()

    def submit_locked(self, times: int = 1) -> None:
        """Somebody else is submitting a job."""
        text = "Another backup or restore job is being submitted. Please wait and try again"
        self._trap(r"^\s*(BACKUP|RESTORE)\b", "answer", 1, times, (5064, text))

    def leader_not_ready(self, on: bool = True) -> None:
        """No leader: every statement that is forwarded is refused."""
        self.not_ready = on

    def fail_job(
        self,
        state: str,
        message: str,
        code: str = "COMMON_ERROR",
        kind: str = "backup",
        database: str | None = None,
    ) -> None:
        """The next job that is in this state ends CANCELLED with this Status."""
        self.jobs.append(JobFault(kind, state, "fail", (code, message), database=database))

    def stay_in(self, state: str, kind: str = "backup", note: str = "", database: str | None = None) -> None:
        """Jobs do not leave this state until `move_on()`: a stuck UPLOAD_INFO."""
        self.jobs.append(JobFault(kind, state, "stay", note=note, database=database))

    def move_on(self) -> None:
        self.jobs = [fault for fault in self.jobs if fault.action != "stay"]

    def task_error(self, text: str, state: str = "UPLOADING", kind: str = "backup") -> None:
        """TaskErrMsg is filled, and the job goes on."""
        self.jobs.append(JobFault(kind, state, "note", note=text))

    def refuse_s3(
        self, text: str = "The AWS Access Key Id you provided does not exist in our records. (Status Code: 403)"
    ) -> None:
        """S3 refuses the server, and nobody else; empty text ends it."""
        self.s3 = text

    def wrong_content(self, what: str = "wrong_md5") -> None:
        """The next backup has a tablet file that is `wrong_md5` or `missing`, and ends well all the same."""
        if what not in {"wrong_md5", "missing"}:
            raise ValueError(what)
        self.content = what

    def publish_late(self, times: int = 1) -> None:
        """The next loads answer COMMITTED, and their rows are seen after `control.publish()`."""
        self.late = times

    def orphans(self, times: int = 1) -> None:
        """The server repeats the next exports after a part of them was written; those files stay."""
        self.orphaned = times

    def lose_files(self, times: int = 1) -> None:
        """The next exports tell of files that are not there (#23441)."""
        self.lost = times

    def tell_nothing(self, times: int = 1) -> None:
        """The next exports end well, and their answer has no rows."""
        self.mute = times

    def miscount(self, rows: int = 1) -> None:
        """The next export leaves out rows, and does not say so (#45247)."""
        self.missed = rows

    def clear(self) -> None:
        self.traps.clear()
        self.jobs.clear()
        self.s3 = self.content = ""
        self.late = self.orphaned = self.lost = self.missed = self.mute = 0
        self.not_ready = False
        self.release()

    def sprung(self, sql: str, frontend: int) -> Trap | None:
        return next((trap for trap in self.traps if trap.springs(sql, frontend)), None)

    def of_job(self, kind: str, database: str | None, state: str) -> JobFault | None:
        """The first that fits; those that happen once are gone then."""
        for fault in self.jobs:
            if (fault.kind, fault.state) == (kind, state) and fault.database in {None, database}:
                if fault.action != "stay":
                    self.jobs.remove(fault)
                return fault
        return None

    def _trap(
        self, statement: str, action: str, nth: int, times: int, answer: tuple[int, str] = (0, ""), at: str = ""
    ) -> None:
        """The n-th times: each of them is held on its own."""
        pattern = re.compile(statement, re.IGNORECASE)
        if action in {"hold", "drop_during"}:
            self.traps += [Trap(pattern, action, nth, 1, answer, at=at) for _ in range(times)]
        else:
            self.traps.append(Trap(pattern, action, nth, times, answer))
