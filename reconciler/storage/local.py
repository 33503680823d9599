"""Storage kind `local`: a folder. Keys are paths below its root, and nothing leaves the root.

Created objects appear whole: bytes go to a file without a name, or a hidden one, are synced, and are then linked
or renamed to their name. `link(2)` refuses an existing name, which makes `create` atomic among processes. The
folder is walked part by part without following links, so that a link planted inside cannot lead outside.
"""

import contextlib
import errno
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from reconciler.core.ports import Entry, ObjectLocation
from reconciler.errors import StorageFailed, may_pass

HIDDEN = ".writing-"
UNNAMED_UNKNOWN = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL})
STAGING = ".staging"

class LocalStore:
    """An ObjectStore in a folder, which is made where it does not exist."""

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self._root = Path(path)

    def create(self, key: str, content: bytes) -> bool:
        with self._failing("create", key):
            path = self._path(key, make_parents=True)
            try:
                self._link_whole(path, content)
            except FileExistsError:
                return False
            _sync_folder(path.parent)
            return True

    def put(self, key: str, content: bytes) -> None:
        with self._failing("write", key):
            path = self._path(key, make_parents=True)
            self._write_hidden(path, content).replace(path)
            _sync_folder(path.parent)

    def read(self, key: str) -> bytes | None:
        with self._failing("read", key):
            try:
                return _regular(self._path(key)).read_bytes()
            except FileNotFoundError:
                return None

    def entries(self, prefix: str) -> Iterator[Entry]:
        with self._failing("list", prefix):
            try:
                folder = self._path(prefix.rstrip("/"))
                yield from self._walk(folder, prefix)
            except FileNotFoundError:
                return

    def delete(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            with self._failing("remove", key), contextlib.suppress(FileNotFoundError):
                path = self._path(key)
                path.unlink()
                self._remove_empty(path.parent)
        return ()

    def take(self, path: Path, key: str) -> None:
        with self._failing("write", key):
            target = self._path(key, make_parents=True)
            _sync_file(path)
            path.chmod(0o600)
            path.replace(target)
            _sync_folder(target.parent)

    def staging(self, prefix: str) -> Path:
        """Inside the root, so that `take` is a rename; its hidden name keeps it out of every listing."""
        with self._failing("write", prefix):
            self.discard_staging(prefix)
            folder = self._path(prefix + STAGING, make_parents=True)
            folder.mkdir(mode=0o700)
            return folder

    def discard_staging(self, prefix: str) -> None:
        with self._failing("remove", prefix), contextlib.suppress(FileNotFoundError):
            folder = self._path(prefix + STAGING)
            shutil.rmtree(folder)
            self._remove_empty(folder.parent)

    def fetch(self, key: str, folder: Path) -> Path:  # noqa: ARG002  the object itself serves
        with self._failing("read", key):
            return _regular(self._path(key))

    def now(self) -> datetime | None:
        """A folder has this machine's clock and no other."""
        return None

    def location(self, prefix: str) -> ObjectLocation:
        raise StorageFailed(f"storage {self.name}: no server can reach the folder {self._root / prefix}")

    def _path(self, key: str, *, make_parents: bool = False) -> Path:
        """The path of a key; refuses what would leave the root, by its parts or through a link."""
        parts = key.split("/")
        if not all(parts) or {".", ".."} & set(parts) or "\0" in key or "\\" in key:
            raise StorageFailed(f"storage {self.name}: {key!r} is no key")
        if make_parents:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._root
        for part in parts[:-1]:
            path /= part
            if make_parents:
                with contextlib.suppress(FileExistsError):
                    path.mkdir(mode=0o700)
                    _sync_folder(path.parent)
            self._refuse_link(path)
        path /= parts[-1]
        if not make_parents or path.is_symlink():
            self._refuse_link(path)
        return path

    def _refuse_link(self, path: Path) -> None:
        if stat.S_ISLNK(path.lstat().st_mode):
            raise StorageFailed(
                f"storage {self.name}: {path} is a link; a local storage follows none. "
                f"Look who put it there, then remove it"
            )

    def _link_whole(self, path: Path, content: bytes) -> None:
        """A file without a name until it is whole: a kill leaves nothing (open(2), O_TMPFILE).

        Where the file system has none of those, a hidden one. Raises FileExistsError.
        """
        try:
            descriptor = os.open(path.parent, os.O_TMPFILE | os.O_WRONLY, 0o600)
        except OSError as error:
            if error.errno not in UNNAMED_UNKNOWN:
                raise
            hidden = self._write_hidden(path, content)
            try:
                os.link(hidden, path)
            finally:
                hidden.unlink()
            return
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            # src_dir_fd makes it linkat(2) that follows the link in /proc; without, it is link(2), which does not
            os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor, follow_symlinks=True)

    def _write_hidden(self, path: Path, content: bytes) -> Path:
        hidden = path.parent / f"{HIDDEN}{uuid.uuid4().hex}"
        try:
            with os.fdopen(os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            hidden.unlink(missing_ok=True)
            raise
        return hidden

    def _walk(self, folder: Path, prefix: str) -> Iterator[Entry]:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            if entry.name == STAGING:
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(Path(entry.path), f"{prefix}{entry.name}/")
            else:
                yield Entry(prefix + entry.name, entry.stat(follow_symlinks=False).st_size)

    def _remove_empty(self, folder: Path) -> None:
        """Empty folders go with their last object; another writer's new object keeps its folder."""
        while folder != self._root:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    @contextlib.contextmanager
    def _failing(self, step: str, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageFailed(
                f"storage {self.name}: cannot {step} {self._root / key}: {error.strerror}",
                passing=may_pass(error),
            ) from error


def _regular(path: Path) -> Path:
    if not stat.S_ISREG(path.lstat().st_mode):
        raise StorageFailed(f"{path} is not a file")
    return path


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(path: Path) -> None:
    _sync_file(path)
