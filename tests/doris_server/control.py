"""What a test does to the server from behind: time, frontends, other people's jobs. Also by STAND_IN '{"do": …}'."""

import threading
from typing import Any

from . import clock, jobs, partitions, transactions


class Foreign(jobs.Job):
    """Somebody else's job: it is in the way until it is released."""

    objects, items, timestamp, replication = "", (), "2026-01-01-00-00-00", "3"

    def asks(self, _name: str) -> bool:
        return False


class Controls:
    def __init__(self, server: Any) -> None:
        self._restarting = threading.Lock()
        self._server, self._warehouse = server, server.warehouse

    def step(self, times: int = 1) -> str:
        """One look of the job handler: every running job moves by one state at most."""
        self.advance(times * clock.HANDLER)
        return "OK"

    def advance(self, seconds: float) -> str:
        with self._warehouse.lock:
            self._warehouse.clock.advance(seconds)
            jobs.catch_up(self._warehouse)
        return "OK"

    def finish(self) -> str:
        """Until no job moves any more, at most twenty looks."""
        return self.step(20)

    def hold_time(self) -> str:
        """Looks no longer move the clock: only step and advance do."""
        self._warehouse.clock.per_look = 0.0
        return "OK"

    def stop_frontend(self, number: int = 0) -> str:
        """Connections are refused there, open ones cut."""
        self._warehouse.stopped.add(number)
        self._server.shut(number)
        return "OK"

    def start_frontend(self, number: int = 0) -> str:
        self._server.listen(number)
        self._warehouse.stopped.discard(number)
        return "OK"

    def change_leader(self, to: int) -> str:
        """Jobs go on from the last state that was journalled."""
        with self._warehouse.lock:
            self._warehouse.leader = to
            for history in self._warehouse.jobs.values():
                for job in history:
                    job.lost_leader()
        return "OK"

    def restart(self, forget: bool = False) -> str:
        """The frontends go and come back; `forget` empties the list of jobs (absence from SHOW proves nothing)."""
        with self._restarting:
            return self._restarted(forget)

    def _restarted(self, forget: bool) -> str:
        numbers = range(len(self._warehouse.ports))
        for number in numbers:
            self.stop_frontend(number)
        self.change_leader(self._warehouse.leader)
        for each in self._warehouse.transactions:
            transactions.make_visible(self._warehouse, each)
            transactions.abort(self._warehouse, each, "coordinate FE 127.0.0.1 is down")
        if forget:
            self._warehouse.jobs.clear()
        for number in numbers:
            self.start_frontend(number)
        return "OK"

    def forget_jobs(self) -> str:
        self._warehouse.jobs.clear()
        return "OK"

    def cancel_job(self, database: str, kind: str = "backup") -> str:
        """As if another user did it."""
        with self._warehouse.lock:
            jobs.cancel(self._warehouse, self._warehouse.database(database), kind)
        return "OK"

    def occupy(
        self, database: str, label: str = "somebody_else", kind: str = "backup", state: str = "SNAPSHOTING"
    ) -> str:
        """Somebody else's job runs on the database, and hides ours in StarRocks."""
        with self._warehouse.lock:
            found = self._warehouse.database(database)
            job = type("Foreign", (Foreign,), {"kind": kind})(self._warehouse, found, label, None, {})
            job.held, job.state, job.id = True, state, next(self._warehouse.ids)
            jobs.submit(self._warehouse, job)
        return "OK"

    def release(self, database: str) -> str:
        """The other's job ends."""
        job = jobs.of(self._warehouse, self._warehouse.database(database))[-1]
        job.state, job.times["finished"] = "FINISHED", self._warehouse.clock.now
        return "OK"

    def add_user(self, name: str, password: str = "", **rights: Any) -> str:
        self._warehouse.users.add(name, password, **rights)
        return "OK"

    def publish(self) -> str:
        """Loads that are COMMITTED become visible."""
        with self._warehouse.lock:
            for each in self._warehouse.transactions:
                transactions.make_visible(self._warehouse, each)
        return "OK"

    def megabyte(self, size: int) -> str:
        """How many bytes max_file_size takes for one MB."""
        self._warehouse.megabyte = size
        return "OK"

    def row_bytes(self, size: int) -> str:
        """How many bytes a row counts for in SHOW PARTITIONS, SHOW DATA and information_schema."""
        self._warehouse.row_bytes = size
        return "OK"

    def writers(self, count: int) -> str:
        """How many write when enable_parallel_outfile is on."""
        self._warehouse.writers = count
        return "OK"

    def schedule_partitions(self) -> str:
        """dynamic_partition's scheduler looks once; it also looks when a table is made or altered."""
        with self._warehouse.lock:
            for database in self._warehouse.databases.values():
                for table in database.tables.values():
                    partitions.schedule(self._warehouse, table)
        return "OK"

    def suspend(self, group: str, timeouts: int = 0) -> str:
        """It wakes on use, once this many uses ended with a timeout."""
        self._group(group).state, self._group(group).timeouts = "suspended", timeouts
        return "OK"

    def shut_down(self, group: str) -> str:
        """By a person: only a person starts it again."""
        self._group(group).state = "shutdown"
        return "OK"

    def resume(self, group: str) -> str:
        self._group(group).state = "running"
        return "OK"

    def drop_group(self, group: str) -> str:
        del self._warehouse.groups[group]
        return "OK"

    def _group(self, name: str) -> Any:
        return self._warehouse.groups[name]

    def allow_cloud_restore(self, on: bool = True) -> str:
        """The FE config experimental_enable_cloud_restore_job."""
        self._warehouse.cloud_restore = on
        return "OK"
