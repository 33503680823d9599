"""Warehouses that are backed up by export, for the tests of that method, and what their sets say."""

import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import seaweed
from told import MONDAY_2, MONDAY_3, TASK, restored, states, wait_until


class Exported:
    """Warehouse `shop` backed up by export with its group `backup_cg`; `other` to restore to."""

    def __init__(self, warehouses) -> None:
        self.site, self.s3 = warehouses.site, warehouses.s3
        self.source, self.target, self.prefix = warehouses.source, warehouses.target, warehouses.prefix
        self._warehouses = warehouses

    @property
    def objects(self) -> list[str]:
        return self._warehouses.objects

    def files(self, task: str = TASK) -> list[str]:
        """Those of data, in storage."""
        return [key for key in self.objects if f"/{task}/" in key and "/data/" in key]

    def document(self, ending: str) -> dict:
        """The object whose key ends so; there is one."""
        (key,) = [key for key in self.objects if key.endswith(ending)]
        return json.loads(self._read(key))

    def inventory(self, database: str, task: str = TASK) -> dict:
        keys = [key for key in self.objects if f"/{task}/" in key and key.endswith("/inventory.json")]
        (found,) = [text for text in map(json.loads, map(self._read, keys)) if text["database"] == database]
        return found

    def table(self, database: str, name: str, task: str = TASK) -> dict:
        (found,) = [item for item in self.inventory(database, task)["tables"] if item["name"] == name]
        return found

    def assert_every_file_is_in_an_inventory(self, *databases: str) -> None:
        """And none that is there is missing: what broken tries left is gone, and was never counted."""
        tables = (table for database in databases for table in self.inventory(database)["tables"])
        named = {name for table in tables for portion in table["portions"] for name, _, _ in portion["files"]}
        assert {key.split(f"{TASK}/1/")[1] for key in self.files()} == named

    def _read(self, key: str) -> bytes:
        body = seaweed.client(self.s3).get_object(Bucket=seaweed.BUCKET, Key=f"{self.prefix}/test/{key}")["Body"]
        return body.read()

    def back_up(self) -> None:
        self.site.apply(MONDAY_2)
        found = states(self.site)[TASK]
        assert found == ("succeeded", None), found

    def restore(self, **fields) -> tuple[str, str]:
        """The outcome of request r-1."""
        self.site.restore("r-1", **fields)
        self.site.apply(MONDAY_3)
        return restored(self)

    def pass_while_it_restarts(self, server, statements: tuple[str, ...], now: str) -> None:
        """At the first that fits each of these statements, once it has taken effect. What fails before a restore's
        claim is tried at the next pass, so there is one more than statements.
        """
        for statement in statements:
            server.faults.restart_after(statement)
        self._pass_often(server, now, len(statements))

    def pass_while_connections_are_lost(self, server, switch: str, statements: tuple[str, ...], now: str) -> None:
        """As above; `switch` is of the faults."""
        for statement in statements:
            getattr(server.faults, switch)(statement)
        self._pass_often(server, now, len(statements))

    def cancel_at(self, server, statement: str, subject: str, now: str, at: str = "") -> None:
        """A task or a request, while the statement is held there, or at its first place."""
        server.faults.hold(statement, at=at)
        passes = threading.Thread(target=self.site.apply, args=(now,))
        passes.start()
        assert server.faults.traps[-1].reached.wait(30)
        assert self.site.run("cancel", subject, now=now).code == 0
        passes.join(timeout=60)
        assert not passes.is_alive()

    def _pass_often(self, server, now: str, times: int) -> None:
        for at in range(times + 1):
            self.site.apply(datetime.fromisoformat(now) + at * timedelta(minutes=30))
        assert [trap.statement.pattern for trap in server.faults.traps if trap.times] == []

    def pass_while(self, server, now: str, happens: Callable[[], object]) -> None:
        """It happens while the statement hangs for which a trap was set, whose connection is cut then."""
        trap = server.faults.traps[-1]
        passes = threading.Thread(target=self.site.apply, args=(now,))
        passes.start()
        wait_until(lambda: not trap.times)
        happens()
        server.faults.release()
        passes.join(timeout=60)
        assert not passes.is_alive()

    def assert_same(self, database: str, copy: str, *tables: str) -> None:
        for table in tables:
            assert self.target.rows(f"{copy}.{table}") == self.source.rows(f"{database}.{table}"), table
