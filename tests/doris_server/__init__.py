"""A stand-in for the frontends of Apache Doris, VeloDB and StarRocks, for tests only.

It speaks MySQL's protocol (mysql-mimic), keeps rows in DuckDB, and writes real objects into a real S3 server in the
repositories' own layout. It accepts the statements of BACKUP, RESTORE, repositories and catalogs in the forms that
the servers document, and answers with their columns, texts and codes.

It is not a server of those products, and does not imitate: their planner and SQL beyond what DuckDB runs after
translation; replicas, tablets and backends as processes (a partition is one tablet, a Parquet file stands for its
.dat file); key models (Unique and Aggregate tables keep every row); access control beyond ADMIN, LOAD, SELECT and
USAGE; the binary form of __meta; observers that lag behind; HDFS and brokers as storages; exports."""

from .server import DorisServer

__all__ = ["DorisServer"]
