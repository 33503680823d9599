"""A stand-in for the frontends of Apache Doris, VeloDB and StarRocks, for tests only.

It speaks MySQL's protocol (mysql-mimic), keeps rows in DuckDB, and writes real objects into a real S3 server: native
snapshots in the repositories' own layout, exports as real Parquet. It accepts the statements of BACKUP, RESTORE,
repositories, catalogs, INTO OUTFILE, S3(), FILES(), labelled loads and compute groups in the forms that the servers
document, and answers with their columns, texts and codes. Rows are merged as the tables' models have it.

It is not a server of those products, and does not imitate: their planner and SQL beyond what DuckDB runs after
translation; replicas and backends as processes (in a snapshot a partition is one tablet, a Parquet file stands for
its .dat file); partitions by several columns; access control beyond ADMIN, LOAD, SELECT and USAGE; row policies; the
binary form of __meta and of BITMAP, HLL and quantile states; observers that lag behind; HDFS and brokers as storages;
formats other than Parquet; the EXPORT statement and broker load; functions of the users' own beyond their texts.

Forms, columns and texts are from the sources of Apache Doris (master of January 2026, 3.0.3) and StarRocks (main of April
2026), their documentation, and the documentation of VeloDB; `[?]` marks what was inferred, and seen in none of them."""

from .server import DorisServer

__all__ = ["DorisServer"]
