"""Jobs of the server, found by database and label: their numbers change with the leader (Doris, BackupJob.java)."""

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

from reconciler.engines.doris import statements
from reconciler.engines.doris.session import Said, Session, Unanswered
from reconciler.errors import EngineFailed, StepFailed

ENDED = frozenset({"FINISHED", "CANCELLED"})
STEPS = {  # how far a job is, in per cent, when it enters a state
    "PENDING": 0, "CREATING": 3, "SNAPSHOTING": 5, "UPLOAD_SNAPSHOT": 15, "UPLOADING": 20, "SAVE_META": 90,
    "UPLOAD_INFO": 95, "DOWNLOAD": 15, "DOWNLOADING": 20, "COMMIT": 85, "COMMITTING": 90, "FINISHED": 100,
    "CANCELLED": 100,
}  # fmt: skip
MOVING = {"UPLOADING": ("UPLOADING", "SAVE_META"), "DOWNLOADING": ("DOWNLOADING", "COMMIT")}
DONE = re.compile(r"(\d+)/(\d+)")
LEAST_TIMEOUT, SLACK = 600, 600  # seconds: the server's least, and how much later than ours its own comes
SETTLING = 5  # looks at a job after its cancel
KINDS = {"BACKUP": (statements.show_backup, "SnapshotName"), "RESTORE": (statements.show_restore, "Label")}


class ServerJob(NamedTuple):
    """`status` is the server's own word on how it ended; `note` what its tasks said, which proves nothing."""

    label: str
    state: str
    created: datetime
    percent: float
    status: str
    note: str

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED


def timeout(ours: int) -> tuple[str, str]:
    """The property for a job that we wait for so many seconds."""
    return "timeout", str(max(LEAST_TIMEOUT, ours + SLACK))


def history(session: Session, kind: str, database: str) -> tuple[ServerJob, ...]:
    """The jobs of that kind that the server remembers, oldest first: ten in Doris, one in StarRocks."""
    show, column = KINDS[kind]
    return tuple(_job(row, column) for row in session.ask(show(database)))


def find(
    session: Session, kind: str, database: str, label: str, after: datetime | None = None
) -> ServerJob | None:
    """The newest job of the label, made later than `after`."""
    found = [job for job in history(session, kind, database) if job.label == label]
    later = [job for job in found if after is None or job.created > after]
    return later[-1] if later else None


def cancelled(session: Session, kind: str, database: str, label: str, watch: Any) -> ServerJob | None:
    """Cancels our job, if it is the one that runs, and reads back how it stands; None where it is not known."""
    for look in range(SETTLING):
        job = find(session, kind, database, label)
        if job is None or job.has_ended:
            return job
        if look == 0:
            try:
                session.tell(statements.cancel(kind, database))
            except (Said, Unanswered):
                continue  # what it came to is read back
        watch(1.0)
    return find(session, kind, database, label)


def still_works(session: Session, kind: str, database: str, label: str, watch: Any) -> str | None:
    """Ends our job; in words, where it is not sure that it has ended."""
    what = f"{kind.lower()} {label} of {database}"
    try:
        job = cancelled(session, kind, database, label, watch)
    except StepFailed as error:
        return f"whether {what} still runs is not known: {error}"
    return None if job is None or job.has_ended else f"{what} was cancelled and still is {job.state}"


def words(job: ServerJob) -> str:
    """The server's own on a job that it ended."""
    return f"{job.status}{f' ({job.note})' if job.note else ''}"


def _job(row: dict[str, Any], column: str) -> ServerJob:
    state = str(row["State"])
    return ServerJob(
        str(row[column]), state, _moment(str(row["CreateTime"])), _percent(state, str(row.get("Progress") or "")),
        str(row["Status"]), str(row.get("TaskErrMsg") or "").strip()[:500],
    )  # fmt: skip


def _moment(written: str) -> datetime:
    """The session's zone is UTC. Raises EngineFailed for what is no time."""
    try:
        return datetime.strptime(written[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise EngineFailed(f"the server tells a job's time as {written!r}", passing=True) from None


def _percent(state: str, progress: str) -> float:
    """Within a long state by the tasks' own counts: `[taskid: 3/10], …`."""
    counts = [(int(done), int(total)) for done, total in DONE.findall(progress)]
    total = sum(total for _, total in counts)
    if state not in MOVING or not total:
        return STEPS.get(state, 0)
    first, last = (STEPS[name] for name in MOVING[state])
    return first + (last - first) * min(1.0, sum(done for done, _ in counts) / total)
