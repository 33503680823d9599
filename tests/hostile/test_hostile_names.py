"""F42 and GR10: names through the quoting onto a real MariaDB and DuckDB. Any number: `make verify-names`."""

import mariadb
import names
import pytest

from reconciler.engines.doris import statements


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = mariadb.start(tmp_path_factory.mktemp("mariadb"))
    yield running
    running.stop()


def test_no_name_ends_the_statement_that_it_stands_in(server):
    """Several statements in one text are allowed to this connection, and none of 2,000 names makes two."""
    counts = names.lives(server, 0, 2_000)

    assert counts["texts given back"] == 2_000
    assert counts["names given back"] > 1_500
    assert counts["databases made, asked for and dropped"] > 100


def test_the_connection_would_do_what_an_injection_says(server):
    """What the test above stands on: unquoted, the same name is a second statement."""
    asking = names.Server.__new__(names.Server)
    asking.connection = server.connect(several=True)

    with pytest.raises(AssertionError, match="two statements"):
        asking.ask("SELECT 1 AS `" + "a`; SELECT 2 AS `b" + "`")
    assert statements.name("a`; SELECT 2 AS `b") == "`a``; SELECT 2 AS ``b`"
