"""Two small but real DuckDB warehouses: 1.6 million rows in five tables of different types."""

from pathlib import Path

import duckdb

SALES = """
CREATE TYPE channel AS ENUM ('web', 'shop', 'phone');
CREATE TABLE customers (id BIGINT PRIMARY KEY, name VARCHAR, born DATE, tags VARCHAR[]);
INSERT INTO customers
  SELECT i, 'customer ' || i, DATE '1950-01-01' + (i % 20000)::INT, ['t' || i % 7, 't' || i % 11]
  FROM range(100000) t(i);
CREATE TABLE orders (
  id BIGINT, customer BIGINT, placed TIMESTAMPTZ, amount DECIMAL(12, 2), via channel,
  lines STRUCT(item VARCHAR, count INTEGER)[], took INTERVAL);
INSERT INTO orders
  SELECT i, i * 7919 % 100000, TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds(i * 27),
    (i * 37 % 100000) / 100, (['web', 'shop', 'phone'])[1 + i % 3]::channel,
    [{'item': 'item ' || i % 500, 'count': 1 + i % 4}], to_microseconds(i * 1000003)
  FROM range(1000000) t(i);
CREATE VIEW turnover AS SELECT via, sum(amount) AS amount FROM orders GROUP BY via;
CREATE VIEW best AS SELECT * FROM turnover ORDER BY amount DESC LIMIT 1;
COMMENT ON TABLE orders IS 'one row an order';
"""
STOCK = """
CREATE TABLE items (id INTEGER PRIMARY KEY, price DOUBLE, attributes MAP(VARCHAR, VARCHAR), picture BLOB);
INSERT INTO items SELECT i, i / 7, map {'colour': 'c' || i % 9}, encode('picture ' || i) FROM range(500) t(i);
CREATE TABLE movements (item INTEGER, moved TIMESTAMP, change HUGEINT);
INSERT INTO movements SELECT i % 500, TIMESTAMP '2026-01-01' + to_minutes(i), i - 100000 FROM range(200000) t(i);
"""
EVENTS = """
CREATE TABLE events (id UUID, seen TIMESTAMP_NS, body JSON);
INSERT INTO events
  SELECT md5(i::VARCHAR)::UUID, '2026-06-01 00:00:00.123456789'::TIMESTAMP_NS, '{"n": ' || i || '}'
  FROM range(300000) t(i);
"""


def build(folder: Path) -> int:
    """Makes the database files below the folder; says how many rows they hold."""
    files = {"shop/sales": SALES, "shop/stock": STOCK, "shop/scratch_1": "CREATE TABLE t (a INTEGER)",
             "analytics/events": EVENTS}  # fmt: skip
    total = 0
    for name, statements in files.items():
        path = folder / f"{name}.duckdb"
        path.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(path)) as connection:
            connection.execute(statements)
            tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
            total += sum(connection.sql(f"FROM {table}").count("*").fetchall()[0][0] for (table,) in tables)
    return total


def differing_rows(one: Path, other: Path) -> dict[str, int]:
    """For each table of the first file, how many rows the two files do not share."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{one}' AS one (READ_ONLY); ATTACH '{other}' AS other (READ_ONLY)")
        tables = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'one' ORDER BY ALL"
        ).fetchall()  # fmt: skip
        return {table: _differing(connection, table) for (table,) in tables}


def _differing(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    (count,) = connection.execute(
        f"SELECT count(*) FROM ((FROM one.{table} EXCEPT ALL FROM other.{table}) UNION ALL "
        f"(FROM other.{table} EXCEPT ALL FROM one.{table}))"
    ).fetchall()[0]
    return int(count)
