"""Whether somebody may have left word in the ledger: asked every second, so for next to nothing."""

from sqlalchemy import Engine


class Listening:
    """Of a file, SQLite itself tells whether another connection has written; of a server it is not known, and two
    small queries are the cheapest way to find out.
    """

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.raw_connection() if engine.dialect.name == "sqlite" else None
        self._heard = -1

    def has_news(self) -> bool:
        if self._connection is None:
            return True
        cursor = self._connection.cursor()
        (version,) = cursor.execute("PRAGMA data_version").fetchone()
        cursor.close()
        before, self._heard = self._heard, int(version)
        return before != self._heard

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
