"""What differs between products and versions, in one table (guesses are marked [?])."""

import hashlib
from typing import NamedTuple

STATES = {
    "backup": ("PENDING", "SNAPSHOTING", "UPLOAD_SNAPSHOT", "UPLOADING", "SAVE_META", "UPLOAD_INFO", "FINISHED"),
    "restore": (
        "PENDING",
        "CREATING",
        "SNAPSHOTING",
        "DOWNLOAD",
        "DOWNLOADING",
        "COMMIT",
        "COMMITTING",
        "FINISHED",
    ),
}
JOURNALLED = {
    "PENDING",
    "UPLOAD_SNAPSHOT",
    "SAVE_META",
    "UPLOAD_INFO",
    "DOWNLOAD",
    "COMMIT",
    "FINISHED",
    "CANCELLED",
}

# Since when a Doris has it: one entry a release branch, every later branch has it too.
SINCE: dict[str, tuple[tuple[int, ...], ...]] = {
    "backup_timestamp": ((1, 0),),
    "replication_num": ((1, 0),),
    "replication_allocation": ((1, 0),),
    "timeout": ((1, 0),),
    "meta_version": ((1, 0),),
    "allow_load": ((1, 0),),
    "reserve_replica": ((1, 2),),
    "reserve_dynamic_partition_enable": ((1, 2),),
    "is_being_synced": ((2, 1),),
    "clean_tables": ((2, 1, 6), (3, 0, 2)),
    "clean_partitions": ((2, 1, 6), (3, 0, 2)),
    "atomic_restore": ((2, 1, 7), (3, 0, 3)),
    "reserve_colocate": ((2, 1, 9), (3, 0, 4)),  # [?]
    "force_replace": ((2, 1, 9), (3, 0, 5)),  # [?]
    "storage_vault_name": ((3, 1),),
    "-global_zone": ((2, 1, 5), (3, 0, 1)),
    "-leaves_out_dropped": ((2, 1, 11), (3, 0, 7)),  # #52935
    "-names_running": ((4,),),  # the longer text of "Can only run one…"
    "-wide_groups": ((4,),),  # more columns of SHOW COMPUTE GROUPS
    "-masks_access_keys": ((4,),),
    "-live_since": ((4,),),
    "-cloud_restore": ((3, 1),),
    "-denied": ((4,),),  # BACKUP in the cloud mode
    "-group_variable": ((3, 1),),  # USE @g sets cloud_cluster
    "-strict_cast": ((4,),),  # the variable enable_strict_cast
    "-all_frontends": ((4,),),  # SHOW PROCESSLIST has those of every frontend, unless it shall not (doris-website #4662)
    "-quantile_text": ((4,),),  # quantile_state_to_base64
    "-wide_outfile": ((4,),),  # six columns of result, unknown properties ignored
    "-wide_partitions": ((4,),),  # CommittedVersion and RowCount of SHOW PARTITIONS [?]
}
STARROCKS_RESTORE = ("backup_timestamp", "replication_num", "meta_version", "timeout", "allow_load")
BOOLEANS = {"reserve_replica", "reserve_dynamic_partition_enable", "allow_load", "is_being_synced", "clean_tables",
            "clean_partitions", "atomic_restore", "reserve_colocate", "force_replace"}  # fmt: skip
NOT_IN_CLOUD = ("atomic_restore", "reserve_colocate", "force_replace")

VARIABLES = {  # session variables that may be set, with their first values
    "autocommit": "true", "time_zone": "", "query_timeout": "900", "insert_timeout": "14400", "exec_mem_limit": "2147483648",
    "sql_mode": "", "sql_select_limit": "9223372036854775807", "wait_timeout": "28800", "interactive_timeout": "28800",
    "net_read_timeout": "60", "net_write_timeout": "60", "max_allowed_packet": "1048576", "enable_insert_strict": "true",
    "insert_max_filter_ratio": "1.0", "enable_parallel_outfile": "false", "show_hidden_columns": "false",
    "skip_delete_sign": "false", "require_sequence_in_insert": "true", "session_context": "", "cloud_cluster": "", "compute_group": "", "group_commit": "off_mode",
    "enable_unicode_name_support": "false", "lower_case_table_names": "0", "character_set_client": "utf8mb4",
    "character_set_connection": "utf8mb4", "character_set_results": "utf8mb4", "character_set_server": "utf8mb4",
    "collation_connection": "utf8mb4_0900_bin", "tx_isolation": "REPEATABLE-READ", "enable_strict_cast": "false",
    "transaction_isolation": "REPEATABLE-READ", "parallel_pipeline_task_num": "0", "warehouse": "default_warehouse",
    "show_all_fe_connection": "false", "fetch_all_fe_for_system_table": "true", "cloud_partition_version_cache_ttl_ms": "0",
    "net_buffer_length": "16384", "auto_increment_increment": "1", "init_connect": "", "license": "Apache License, Version 2.0",
}  # fmt: skip


class Dialect(NamedTuple):
    product: str
    version: str
    cloud: bool = False

    @property
    def starrocks(self) -> bool:
        return self.product == "starrocks"

    @property
    def number(self) -> tuple[int, ...]:
        return (99,) if self.version == "master" else tuple(int(part) for part in self.version.split("."))

    @property
    def new_forms(self) -> bool:
        """StarRocks 3.4 and later: kinds in ON, external catalogs."""
        return self.starrocks and self.number >= (3, 4)

    def knows(self, variable: str) -> bool:
        if self.starrocks:
            return variable not in {"show_all_fe_connection", "fetch_all_fe_for_system_table", "cloud_partition_version_cache_ttl_ms"}
        newer = {"enable_strict_cast": "-strict_cast", "fetch_all_fe_for_system_table": "-all_frontends"}
        if variable == "show_all_fe_connection":
            return not self.has("-all_frontends")
        return variable not in newer or self.has(newer[variable])

    def has(self, feature: str) -> bool:
        """Whether this Doris has it. Of its own branch the patch decides, else the branch's age."""
        if self.starrocks:
            return False
        same = [since for since in SINCE[feature] if since[:2] == self.number[:2] and len(since) > 2]
        return self.number >= (same[0] if same else SINCE[feature][-1])

    @property
    def restore_properties(self) -> set[str]:
        if self.starrocks:
            return set(STARROCKS_RESTORE)
        known = {name for name in SINCE if not name.startswith("-") and self.has(name)}
        return known if self.cloud else known - {"storage_vault_name"}

    @property
    def history(self) -> int:
        """Jobs remembered a database, backups and restores together."""
        return 1 if self.starrocks else 10

    @property
    def repository_prefix(self) -> str:
        return "__starrocks_repository_" if self.starrocks else "__palo_repository_"

    @property
    def handshake(self) -> str:
        return "8.0.33" if self.starrocks else "5.7.99"

    @property
    def comment(self) -> str:
        """@@version_comment."""
        commit = hashlib.sha1(self.version.encode()).hexdigest()[:10]
        if self.starrocks:
            return f"StarRocks version {self.version}-{commit[:7]}"
        return f"doris version doris-{self.version}-rc01-{commit}" + (" (Cloud Mode)" if self.cloud else "")

    def states(self, kind: str) -> tuple[str, ...]:
        """StarRocks restores without CREATING."""
        return tuple(state for state in STATES[kind] if not (self.starrocks and state == "CREATING"))
