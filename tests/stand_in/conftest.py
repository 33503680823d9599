"""For the tests of the stand-in: a client that keeps the names of columns, a repository of the test's own."""

import uuid

import pymysql
import pytest
import seaweed


class Client:
    def __init__(self, server, s3, **words):
        self.server, self.s3, self.prefix = server, s3, uuid.uuid4().hex
        self.connection = server.connect(**words)

    def __call__(self, sql: str) -> list[dict]:
        with self.connection.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def refused(self, sql: str) -> tuple[int, str]:
        """The error's code and text, without Doris' prefix."""
        with pytest.raises(pymysql.MySQLError) as caught:
            self(sql)
        code, text = caught.value.args
        return code, text.removeprefix("errCode = 2, detailMessage = ")

    def properties(self, **changes: str) -> str:
        stem = "aws.s3" if self.server.warehouse.dialect.starrocks else "s3"
        pairs = {f"{stem}.endpoint": self.s3.endpoint, f"{stem}.region": "us-east-1", f"{stem}.access_key": seaweed.ACCESS_KEY,
                 f"{stem}.secret_key": seaweed.SECRET_KEY, "use_path_style": "true"}  # fmt: skip
        pairs |= {f"{stem}.{key}": value for key, value in changes.items()}
        return ", ".join(f'"{key}" = "{value}"' for key, value in pairs.items())

    def repository(self, name: str = "repo", *, only: str = "", prefix: str = "", **changes: str) -> str:
        kind = "BROKER" if self.server.warehouse.dialect.starrocks else "S3"
        where = f"s3://{seaweed.BUCKET}/{prefix or self.prefix}"
        return f'CREATE {only}REPOSITORY `{name}` WITH {kind} ON LOCATION "{where}" PROPERTIES ({self.properties(**changes)})'

    def fill(self) -> None:
        """A database with two tables and a view, and the repository `repo`."""
        self("CREATE DATABASE sales")
        self(
            "CREATE TABLE sales.orders (id INT NOT NULL, what VARCHAR(20)) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1"
        )
        self("INSERT INTO sales.orders VALUES (1, 'one'), (2, NULL)")
        self(
            "CREATE TABLE sales.days (day DATE, n BIGINT) DUPLICATE KEY(day) PARTITION BY RANGE(day) "
            '(PARTITION p1 VALUES LESS THAN ("2026-02-01"), PARTITION p2 VALUES [("2026-02-01"), ("2026-03-01"))) DISTRIBUTED BY HASH(day)'
        )
        self("INSERT INTO sales.days VALUES ('2026-01-15', 1), ('2026-02-15', 2)")
        self("CREATE VIEW sales.names AS SELECT what FROM sales.orders")
        self(self.repository())

    def backup(self, label: str = "one", on: str = "", properties: str = "") -> str:
        """Runs to the end; the timestamp."""
        self(f"BACKUP SNAPSHOT sales.`{label}` TO repo {on} {properties}")
        self.server.finish()
        (row,) = self(f'SHOW SNAPSHOT ON repo WHERE SNAPSHOT = "{label}"')
        return row["Timestamp"]

    def restore(
        self, timestamp: str, label: str = "one", database: str = "other", on: str = "", **properties: str
    ) -> dict:
        """Runs to the end; the last row of SHOW RESTORE."""
        pairs = ", ".join(
            f'"{key}" = "{value}"' for key, value in ({"backup_timestamp": timestamp} | properties).items()
        )
        self(f"RESTORE SNAPSHOT {database}.`{label}` FROM repo {on} PROPERTIES ({pairs})")
        self.server.finish()
        return self(f"SHOW RESTORE FROM {database}")[-1]

    def job(self, kind: str = "BACKUP", database: str = "sales") -> dict:
        return self(f"SHOW {kind} FROM {database}")[-1]

    def objects(self, below: str = "") -> list[str]:
        client, prefix = seaweed.client(self.s3), f"{self.prefix}/{below}"
        found = client.list_objects_v2(Bucket=seaweed.BUCKET, Prefix=prefix).get("Contents", ())
        return [each["Key"].removeprefix(f"{self.prefix}/") for each in found]


@pytest.fixture
def client(doris, s3_server):
    """Makes clients, each of a server of its own with these properties."""

    def make(*words, **more) -> Client:
        made = Client(doris(*words, **more), s3_server)
        made.server.control.hold_time()
        return made

    return make


@pytest.fixture
def filled(client):
    """As client, with a database and a repository."""

    def make(*words, **more) -> Client:
        made = client(*words, **more)
        made.fill()
        return made

    return make
