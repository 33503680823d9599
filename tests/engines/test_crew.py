"""Statements at work at once: which of them are ended, on whichever frontend they run."""

import threading
import uuid
from contextlib import ExitStack, suppress

import pytest
import seaweed
from told import wait_until

from reconciler.core.model import Server
from reconciler.engines.doris import crew, export_statements, session


class Frontends:
    """Two of one warehouse, with a session of the product's own at each."""

    def __init__(self, server, s3, stack: ExitStack) -> None:
        self.server, self.s3, self.works = server, s3, []
        self.server.sql("CREATE DATABASE sales")
        self.server.sql("CREATE TABLE sales.t (id INT) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1")
        self.server.sql("INSERT INTO sales.t VALUES (1)")
        self.sessions = [stack.enter_context(self.session(port)) for port in server.ports]
        stack.callback(self.end)

    def session(self, port: int):
        return session.opened("shop", Server(("127.0.0.1",), port, "root", None, None), str)

    def export(self, at: int, mark: str) -> threading.Thread:
        """Under way at a frontend, until it is ended or released."""
        self.sessions[at].tell(export_statements.trace(mark))
        statement = (
            f'SELECT id AS c1 FROM sales.t INTO OUTFILE "s3://{seaweed.BUCKET}/crew/{uuid.uuid4().hex}/{mark}-" FORMAT AS PARQUET '
            f'PROPERTIES ("s3.endpoint" = "{self.s3.endpoint}", "s3.region" = "us-east-1", "use_path_style" = "true", '
            f'"s3.access_key" = "{seaweed.ACCESS_KEY}", "s3.secret_key" = "{seaweed.SECRET_KEY}")'
        )
        work = threading.Thread(target=self._ended, args=(at, statement))
        work.start()
        self.works.append(work)
        wait_until(lambda: mark in self.running())
        return work

    def running(self) -> set[str]:
        return {each.trace for each in self.server.warehouse.sessions.values() if each.running and "OUTFILE" in each.running.sql}

    def end(self) -> None:
        """What is still under way."""
        self.server.faults.release()
        for work in self.works:
            work.join(30)

    def _ended(self, at: int, statement: str) -> None:
        with suppress(session.Said):
            self.sessions[at].once(statement)


@pytest.fixture
def frontends(doris, s3_server):
    with ExitStack() as stack:

        def make(version: str) -> Frontends:
            return Frontends(doris("doris", version, frontends=2), s3_server, stack)

        yield make


@pytest.mark.parametrize("version", ["2.1.7", "3.0.3", "4.0.2"])
def test_a_statement_is_ended_at_the_frontend_that_runs_it_and_no_other_is(frontends, version):
    """D4, D6: each frontend counts its connections for itself, and since Doris 4.0 all of them are listed together."""
    at = frontends(version)
    at.server.faults.hold("OUTFILE", at="outfile", times=2)
    works = at.export(0, "ours"), at.export(1, "theirs")
    with at.session(at.server.ports[1]) as other:
        for wish in export_statements.wishes(other.about()):
            other.accepts(wish)
        assert crew.kill(other, {"ours"}) == 1
    works[0].join(30)
    assert (works[0].is_alive(), works[1].is_alive(), at.running()) == (False, True, {"theirs"})
