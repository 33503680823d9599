"""The Engine port over simulated warehouses: one kind whose work ends with our process, one whose servers go on.

Both keep the port's contract as the real engines do: look by label before sending again, claim before the first
change, go on where something proves how far a run came, and say so where nothing does.
"""

import hashlib
import json
from typing import Any

from fleet import DATABASES, House, described

from reconciler.core import naming
from reconciler.core.manifest import Snapshot, StoredFile
from reconciler.core.ports import AttemptFolder, BackupOrder, BackupResult, RestoreOrder, SetReader, Watch
from reconciler.errors import (
    STEP_ERRORS,
    Cancelled,
    DeadlinePassed,
    EngineFailed,
    JobLost,
    OutcomeUnknown,
    may_pass,
)


class SimulatedEngine:
    def __init__(self, process: Any, house: House) -> None:
        self.process, self.house = process, house
        self.chance = process.life.chance

    def preflight(self, plan: Any) -> tuple:
        return ()

    def precheck(self, order: RestoreOrder, reader: SetReader) -> None:
        self.ask()
        taken = [target for _, target in order.databases if target in self.house.restored]
        if [name for name in taken if name not in order.replace]:
            raise EngineFailed(f"database {taken[0]} exists")

    def backup(self, order: BackupOrder, number: int, folder: AttemptFolder, watch: Watch) -> BackupResult:
        with self.house.worked_on(self.process):
            return self._backup(order, number, folder, watch)

    def restore(self, order: RestoreOrder, reader: SetReader, watch: Watch) -> tuple[str, ...]:
        with self.house.worked_on(self.process):
            if order.journal is None:
                order.claim("begun")
            self._restore(order, reader, watch)
        return ()

    def abandon(self, order: RestoreOrder) -> str:
        return "the target is as it is"

    def ask(self, *, changing: bool = False) -> None:
        """Before a statement's effect: what may become of it on its way."""
        self.process.touch("kill at a warehouse")
        if self.chance.strikes("warehouse restarts"):
            self.house.restart()
        if self.chance.strikes("warehouse hangs"):
            self.process.clock.pause(300.0)
            raise EngineFailed("no answer within 300 s", passing=True)
        if self.chance.strikes("statement lost before"):
            raise EngineFailed("the connection broke", passing=True)
        if self.chance.strikes("statement refused for now"):
            raise EngineFailed("another job runs on this database", passing=True)
        if changing and self.chance.strikes("statement refused"):
            raise EngineFailed("no privilege")
        self.process.touch(None)

    def answered(self) -> None:
        """After a statement's effect."""
        self.process.touch("kill at a warehouse")
        if self.chance.strikes("statement lost after"):
            raise EngineFailed("the connection broke", passing=True)


class LocalEngine(SimulatedEngine):
    """As DuckDB's: files are made here, and a run that died left nothing that goes on."""

    def _backup(self, order: BackupOrder, number: int, folder: AttemptFolder, watch: Watch) -> BackupResult:
        staging = folder.staging()
        snapshots = []
        for at, database in enumerate(DATABASES):
            self.ask()
            watch.progress(50 * at)
            watch.pause(self.chance.random.uniform(5, 600))
            data, listed = described(self.house.name, database, self.process.life.hub.time, f"{database}.data")
            for name, body in ((f"{database}.data", data), (f"{database}.json", listed)):
                (staging / name).write_bytes(body)
                kept = folder.put(staging / name, name)
            snapshots.append(Snapshot(database, number, kept, len(data) + len(listed), 1, 3))
        return BackupResult("simulated 1.0", tuple(snapshots))

    def _restore(self, order: RestoreOrder, reader: SetReader, watch: Watch) -> None:
        for source, target in order.databases:
            placed = self.house.restored.get(target)
            if placed is not None and placed.by == order.restore_id:
                continue
            if placed is not None and target not in order.replace:
                raise OutcomeUnknown(f"database {target} is somebody else's")
            body = fetched(order, reader, source)
            watch.pause(self.chance.random.uniform(5, 600))
            self.ask(changing=True)
            self.house.place(target, body, order.restore_id)
            self.answered()


class ServerEngine(SimulatedEngine):
    """As that of Doris: the server works by itself, and is asked by label."""

    def _backup(self, order: BackupOrder, number: int, folder: AttemptFolder, watch: Watch) -> BackupResult:
        folder.remember("order.json", {"databases": DATABASES})
        try:
            snapshots = tuple(self._snapshot(order, number, folder, watch, name) for name in DATABASES)
        except (Cancelled, DeadlinePassed, *STEP_ERRORS) as error:
            if not may_pass(error):
                self._end_jobs([naming.stem(order.place, number, database) for database in DATABASES], watch)
            raise
        return BackupResult("simulated 1.0", snapshots)

    def _snapshot(self, order: BackupOrder, number: int, folder: AttemptFolder, watch: Watch, database: str) -> Snapshot:
        label = naming.stem(order.place, number, database)
        while (body := folder.read(f"{database}.json")) is None:
            watch.check()
            self._follow(label, watch, lambda: self._begin_backup(order.place.task_id, label, folder, database))
        stored = StoredFile(f"{database}.json", len(body), hashlib.sha256(body).hexdigest())
        return Snapshot(database, number, stored, len(body), 1, 3)

    def _follow(self, label: str, watch: Watch, begin: Any) -> None:
        """One look at the job, which is begun where there is none."""
        self.ask()
        job = self.house.jobs.get(label)
        if job is None:
            self.ask(changing=True)
            if label not in self.house.jobs:
                begin()
            self.answered()
        elif job.state == "CANCELLED":
            raise EngineFailed(f"job {label} was cancelled by the server", passing=True, spoiled=True)
        watch.pause(60.0 if job is None else self.chance.random.choice((60.0, 300.0)))

    def _begin_backup(self, task: str, label: str, folder: AttemptFolder, database: str) -> None:
        location, house, life = folder.location(), self.house, self.process.life
        bucket = life.buckets[location.bucket]

        def effect() -> None:
            data, listed = described(house.name, database, life.hub.time, f"{database}.data")
            bucket.put(f"{location.prefix}{database}.data", data, house)
            bucket.put(f"{location.prefix}{database}.json", listed, house)

        house.submit(label, self.chance.random.uniform(60, 900), effect, task)

    def _end_restores(self, order: RestoreOrder, watch: Watch) -> None:
        labels = [naming.stem(order.manifest.place, 0, order.restore_id, target) for _, target in order.databases]
        try:
            self._end_jobs(labels, watch)
        except JobLost as error:
            raise OutcomeUnknown(str(error)) from error

    def _end_jobs(self, labels: list[str], watch: Watch) -> None:
        for label in labels:
            self._cancel(label, watch)

    def _cancel(self, label: str, watch: Watch) -> None:
        """Raises JobLost where it cannot be known that the job has stopped."""
        for _ in range(3):
            try:
                self.ask()
                if label in self.house.jobs and self.house.jobs[label].state == "RUNNING":
                    self.house.jobs[label].state = "CANCELLED"
                return self.answered()
            except EngineFailed:
                watch.rest(5.0)
        raise JobLost(f"whether job {label} still runs is not known")

    def _restore(self, order: RestoreOrder, reader: SetReader, watch: Watch) -> None:
        try:
            self._restore_each(order, reader, watch)
        except OutcomeUnknown:
            raise
        except (Cancelled, DeadlinePassed, *STEP_ERRORS) as error:
            if not may_pass(error):
                self._end_restores(order, watch)
            raise

    def _restore_each(self, order: RestoreOrder, reader: SetReader, watch: Watch) -> None:
        for source, target in order.databases:
            label = naming.stem(order.manifest.place, 0, order.restore_id, target)
            while (placed := self.house.restored.get(target)) is None or placed.by != order.restore_id:
                if placed is not None and target not in order.replace:
                    raise OutcomeUnknown(f"database {target} is somebody else's")
                watch.check()
                self._follow_restore(order, reader, watch, (label, source, target))

    def _follow_restore(self, order: RestoreOrder, reader: SetReader, watch: Watch, job: tuple[str, str, str]) -> None:
        label, source, target = job
        house = self.house
        body = fetched(order, reader, source)
        seconds = self.chance.random.uniform(60, 900)

        def begin() -> None:
            """No job of the label is known: the target tells whether one has ended and was forgotten since."""
            placed = house.restored.get(target)
            if placed is None or placed.by != order.restore_id:
                house.submit(label, seconds, lambda: house.place(target, body, order.restore_id))

        try:
            self._follow(label, watch, begin)
        except EngineFailed as error:
            if not error.spoiled:
                raise
            raise EngineFailed(f"the server ended the restore: {error}") from error


def fetched(order: RestoreOrder, reader: SetReader, source: str) -> bytes:
    """The data of a database in the set, every digest checked."""
    import tempfile
    from pathlib import Path

    (snapshot,) = (item for item in order.manifest.snapshots if item.database == source)
    with tempfile.TemporaryDirectory() as folder:
        listed = json.loads(reader.fetch(snapshot.attempt, snapshot.inventory, Path(folder)).read_bytes())
        ((name, size, digest),) = listed["files"]
        return reader.fetch(snapshot.attempt, StoredFile(name, size, digest), Path(folder)).read_bytes()


def open_engine(process: Any, entry: Any) -> SimulatedEngine:
    house = process.life.house_of(entry.name)
    return (LocalEngine if entry.engine == "duckdb" else ServerEngine)(process, house)
