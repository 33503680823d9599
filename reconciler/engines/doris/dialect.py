"""What differs between the products and their versions, in one table.

Sources: Doris pull requests #39028, #40353, #46059, #47314 with the release branches they were picked to; the pages
RESTORE of Doris 2.1 to 4.x; StarRocks documentation of 3.3 to 3.5, read in November 2026. Where a patch release is
not certain, the later one is taken: a property that is not known fails a statement, one that is left out does not.
"""

import re
from typing import NamedTuple

from reconciler.core.model import Role
from reconciler.core.ports import ObjectLocation
from reconciler.errors import EngineFailed

OLDEST = {"doris": (2, 1, 0), "starrocks": (3, 1, 0)}
SYSTEM_DATABASES = frozenset({"information_schema", "mysql", "__internal_schema", "sys", "_statistics_"})
# Since when RESTORE of Doris knows a property: the first patch of each branch that has it; later branches all do.
RESTORE_PROPERTIES: dict[str, tuple[tuple[int, int, int], ...]] = {
    "reserve_replica": ((2, 1, 0),),
    "reserve_dynamic_partition_enable": ((2, 1, 0),),
    "clean_tables": ((2, 1, 6), (3, 0, 2)),
    "clean_partitions": ((2, 1, 6), (3, 0, 2)),
    "atomic_restore": ((2, 1, 7), (3, 0, 3)),
    "reserve_colocate": ((2, 1, 9), (3, 0, 4)),
    "force_replace": ((2, 1, 9), (3, 0, 5)),
}
VERSION = re.compile(r"(?:^|[-\s])(\d+)\.(\d+)(?:\.(\d+))?")


class Dialect(NamedTuple):
    """`product` is doris or starrocks, `version` three numbers, `text` what the server says of itself."""

    product: str
    version: tuple[int, int, int]
    text: str
    decoupled: bool

    @property
    def is_starrocks(self) -> bool:
        return self.product == "starrocks"

    @property
    def label(self) -> str:
        return f"{self.product} {'.'.join(map(str, self.version))}{' (decoupled)' if self.decoupled else ''}"

    def restores_with(self, name: str) -> bool:
        """Whether RESTORE knows the property."""
        if self.is_starrocks:
            return False
        since = RESTORE_PROPERTIES[name]
        own = [first for first in since if first[:2] == self.version[:2]]
        return self.version >= (own[0] if own else since[-1])

    @property
    def internal(self) -> str:
        """A database that every server has, by its full name: USE of it makes the internal catalog current."""
        return f"{'default_catalog' if self.is_starrocks else 'internal'}.information_schema"

    @property
    def repository_folder(self) -> str:
        return "__starrocks_repository_" if self.is_starrocks else "__palo_repository_"

    @property
    def repository_kind(self) -> str:
        return "BROKER" if self.is_starrocks else "S3"

    def storage_properties(self, location: ObjectLocation) -> list[tuple[str, str]]:
        """Region and path style are always said where an endpoint is (Doris #21258: it hangs without)."""
        stem = "aws.s3" if self.is_starrocks else "s3"
        endpoint = location.endpoint or f"https://s3.{location.region}.amazonaws.com"
        pairs = [(f"{stem}.endpoint", endpoint), (f"{stem}.region", location.region)]
        if location.role is not None:
            pairs += self._by_role(stem, location.role)
        elif location.access_key is not None and location.secret_key is not None:
            pairs += [(f"{stem}.access_key", location.access_key), (f"{stem}.secret_key", location.secret_key)]
        elif self.is_starrocks:
            pairs += [("aws.s3.use_instance_profile", "true")]
        elif self.version >= (4, 0, 0):
            pairs += [("s3.credentials_provider_type", "INSTANCE_PROFILE")]
        else:
            raise EngineFailed(
                f"{self.label} needs keys to reach {location}: give the storage `credentials`, since before Doris "
                f"4.0 a server takes no role of its machine, or from 3.0.6 on a `server_role`"
            )
        if location.endpoint is not None:
            style = "aws.s3.enable_path_style_access" if self.is_starrocks else "use_path_style"
            pairs.append((style, "true"))
        return pairs

    def _by_role(self, stem: str, role: Role) -> list[tuple[str, str]]:
        """Since Doris 3.0.6 (its page on AWS authentication and authorization)."""
        if not self.is_starrocks and self.version < (3, 0, 6):
            raise EngineFailed(
                f"{self.label} cannot assume the role {role.arn}: Doris can from 3.0.6 on; give the storage "
                f"`credentials` and no `server_role`"
            )
        outside = [] if role.external_id is None else [(f"{stem}.external_id", role.external_id)]
        if self.is_starrocks:
            return [("aws.s3.use_instance_profile", "true"), ("aws.s3.iam_role_arn", role.arn), *outside]
        return [("s3.role_arn", role.arn), *outside]


def recognised(comment: str) -> Dialect:
    """From @@version_comment. Raises EngineFailed for a server that this release does not know."""
    product = "starrocks" if "starrocks" in comment.lower() else "doris"
    found = VERSION.search(comment)
    if found is None:
        raise EngineFailed(f"the server says it is {comment!r}, in which there is no version of Doris or StarRocks")
    major, minor, patch = (int(part or 0) for part in found.groups())
    dialect = Dialect(product, (major, minor, patch), comment, comment.rstrip().endswith("(Cloud Mode)"))
    if dialect.version < OLDEST[product]:
        oldest = ".".join(map(str, OLDEST[product]))
        raise EngineFailed(f"{dialect.label} is too old: {oldest} is the oldest that is supported")
    return dialect
