"""Hostile names through the quoting, onto servers that would do what an injection says (F42).

`python tests/hostile/names.py NAMES [FIRST SEED]` sends that many to a real MariaDB, as identifiers and as texts, with
several statements in one text allowed, and to DuckDB, and prints counts (`make verify-names`).
"""

import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

import duckdb
import pymysql

sys.path.insert(0, str(Path(__file__).parents[1] / "servers"))
import mariadb

from reconciler.engines import duckdb_child
from reconciler.engines.doris import statements

PARTS = (
    "`", "``", "'", "''", '"', '""', "\\", "\\\\", "\\`", "\\'", '\\"', ";", "--", "-- ", "#", "/*", "*/", "/*!50000", "\n", "\r", "\t", "\0", "\x1a",
    "%", "_", "$", "@", "@@version", "${x}", "{0}", "%s", "%(x)s", ":x", "?", "\u02bc", "\u2019", "\uff07", "\uff02", "\uff40", "\u00a5", "\u20a9",
    "\u00bf\u005c", "\u202e", "\u0000", "\U0001f600", "e\u0301", " ", "a", "sales", "x.y", "`.`", "; DROP DATABASE kept; ", "`; DROP TABLE kept.t; -- ",
    "'; DELETE FROM kept.t; -- ", '"; DELETE FROM kept.t; -- ', "*/; DELETE FROM kept.t; /*", "\\'; DELETE FROM kept.t; #", '\\"; DELETE FROM kept.t; #',
    "` AS x, (SELECT COUNT(*) FROM kept.t) AS `", "DELIMITER //", "NULL", "select", "0x27", "\\0", "\\Z", "\\u0027",
)  # fmt: skip
REFUSED = {1059, 1064, 1166, 1300, 1366, 1054, 1582}  # too long, no name at all, no such character: the server's own no


def hostile(chance: random.Random) -> str:
    return "".join(chance.choice(PARTS) for _ in range(chance.randint(1, 7)))


class Server:
    """One connection that takes several statements at once, and a table that must stay as it is."""

    def __init__(self, server: mariadb.MariaDB) -> None:
        self.connection = server.connect(several=True)
        self.counts: Counter[str] = Counter()
        self.ask("SET sql_mode = ''")
        self.ask("CREATE DATABASE kept")
        self.ask("CREATE TABLE kept.t SELECT 1 AS a")

    def ask(self, statement: str) -> tuple:
        """(names of columns, rows); a second statement in the text would have a result of its own."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
            found = [column[0] for column in cursor.description or ()], list(cursor.fetchall())
            assert not cursor.nextset(), f"two statements: {statement!r}"
        return found

    def try_name(self, name: str) -> None:
        """Between two letters, since the server takes blanks off the ends of an alias."""
        name = f"n{name}n"
        try:
            (told,), rows = self.ask(f"SELECT 1 AS {statements.name(name)}")
        except pymysql.MySQLError as error:
            code = error.args[0]
            if code not in REFUSED or (code == 1064 and "\0" not in name):
                raise
            self.counts["names refused by the server as no names"] += 1
        else:
            assert rows == [(1,)]
            assert told == name
            self.counts["names given back"] += 1

    def try_texts(self, texts: list[str]) -> None:
        _, ((*told,),) = self.ask("SELECT " + ", ".join(map(statements.text, texts)))
        assert told == texts
        self.counts["texts given back"] += len(texts)

    def try_objects(self, names: list[str]) -> None:
        """Databases of these names, made, asked for and dropped by the very statements of the engine."""
        made = []
        for name in names:
            try:
                self.ask(statements.create_database(name))
                made.append(name)
            except pymysql.MySQLError:
                self.counts["databases refused by the server"] += 1
                continue
            self.ask(statements.tables(name))
            self.ask(f"DROP DATABASE {statements.name(name)}")
        self.counts["databases made, asked for and dropped"] += len(made)

    def check(self) -> None:
        assert self.ask("SELECT COUNT(*) FROM kept.t")[1] == [(1,)]
        (_, rows) = self.ask("SHOW DATABASES")
        assert sorted(name for (name,) in rows) == ["information_schema", "kept", "mysql", "performance_schema", "sys"]


def in_duckdb(names: list[str]) -> None:
    """The same for the quoting of DuckDB, which runs several statements by itself."""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS a")
        for name in names:
            if "\0" not in name:
                told = connection.execute(f"SELECT 1 AS {duckdb_child.quoted(name)}").description
                assert [column[0] for column in told] == [name]
        assert connection.execute("SELECT COUNT(*) FROM kept").fetchall() == [(1,)]


def lives(server: mariadb.MariaDB, first: int, count: int) -> Counter[str]:
    names = [hostile(random.Random(seed)) for seed in range(first, first + count)]
    asked = Server(server)
    for name in names:
        asked.try_name(name)
    for at in range(0, count, 50):
        asked.try_texts(names[at : at + 50])
    asked.try_objects(names[:: max(1, count // 200)])
    asked.check()
    in_duckdb(names)
    asked.counts["names in DuckDB"] += count
    return asked.counts


def main(count: int, first: int = 0) -> None:
    with tempfile.TemporaryDirectory(prefix="mariadb-") as folder:
        server = mariadb.start(Path(folder))
        try:
            counts = lives(server, first, count)
        finally:
            server.stop()
    print("\n".join(f"{number:10,} {name}" for name, number in sorted(counts.items())))
    print("statements that became two 0, objects changed 0")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
