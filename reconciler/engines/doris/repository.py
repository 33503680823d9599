"""A snapshot in storage: whether it is whole, by the server's own layout.

`__info_<timestamp>.<md5>` is written last and lists every file (Doris, Repository.java and BackupJobInfo.java);
nothing but this proves a backup, since a job's state may be told before it is durable (Doris #56168).
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from reconciler.core.ports import Entry
from reconciler.engines.doris.dialect import Dialect
from reconciler.errors import EngineFailed

INFO = re.compile(r"__info_(?P<timestamp>.+)\.(?P<md5>[0-9a-f]{32})")
META = re.compile(r"__meta\.[0-9a-f]{32}")


class StoredSnapshot(NamedTuple):
    """`timestamp` is the server's own name for it; `tables` and `views` are those that it holds."""

    timestamp: str
    tables: tuple[str, ...]
    views: tuple[str, ...]
    files: dict[str, int]

    @property
    def size_bytes(self) -> int:
        return sum(self.files.values())


def folder(dialect: Dialect, repository: str, label: str) -> str:
    """The snapshot's prefix below the repository's location, with its slash: `a` must not reach into `a_b`."""
    return f"{dialect.repository_folder}{repository}/__ss_{label}/"


def examined(entries: Iterable[Entry], prefix: str, read: Any) -> StoredSnapshot | None:
    """The snapshot, where it is whole; None where it has no info file yet. Raises EngineFailed where it is damaged.

    `read` gives an object's bytes by its name.
    """
    files = {entry.key.removeprefix(prefix): entry.size for entry in entries}
    infos = [found for name in files if (found := INFO.fullmatch(name))]
    metas = [name for name in files if META.fullmatch(name)]
    if not infos:
        return None
    if len(infos) != 1 or len(metas) != 1:
        raise _damaged(
            f"{prefix} has {len(infos)} info files and {len(metas)} meta files; a restore needs one of each"
        )
    content = read(prefix + infos[0][0]) or b""
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != infos[0]["md5"]:
        raise _damaged(f"{prefix}{infos[0][0]} has another MD5 than its name says")
    try:
        return _complete(json.loads(content), files, infos[0]["timestamp"], prefix)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(f"{prefix}{infos[0][0]} cannot be read: {error}") from error


def is_begun(entries: Iterable[Entry]) -> bool:
    """Whether anything is left of a snapshot, which keeps its label taken."""
    return next(iter(entries), None) is not None


def _complete(info: dict[str, Any], files: dict[str, int], timestamp: str, prefix: str) -> StoredSnapshot:
    objects = info.get("backup_objects") or info.get("tables") or {}
    present = {"/".join(name.split("/")[-2:]) for name in files}
    missing = [name for name in _listed(objects) if name not in present]
    if missing:
        raise _damaged(f"{prefix} lacks {len(missing)} of its files, the first is {missing[0]}")
    views = tuple(view["name"] for view in (info.get("new_backup_objects") or {}).get("views") or ())
    return StoredSnapshot(timestamp, tuple(sorted(objects)), tuple(sorted(views)), files)


def _listed(objects: dict[str, Any]) -> Iterator[str]:
    """`__<tablet>/<file>` of every tablet. StarRocks has one level of partitions more."""
    for table in objects.values():
        for outer in table["partitions"].values():
            for partition in outer.get("subPartitions", {"": outer}).values():
                for index in partition["indexes"].values():
                    for tablet, files in index["tablets"].items():
                        yield from (f"__{tablet}/{name}" for name in files)


def _damaged(words: str) -> EngineFailed:
    return EngineFailed(f"the snapshot is damaged: {words}", passing=True, spoiled=True)
