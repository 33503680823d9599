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
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
NO_FOLDER = frozenset({errno.ENOTDIR, errno.ELOOP})


class LocalStore:
    """An ObjectStore in a folder, which is made where it does not exist."""

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self._root = Path(path)

    def create(self, key: str, content: bytes) -> bool:
        with self._failing("create", key), self._place(key, make=True) as path:
            try:
                self._link_whole(path, content)
            except FileExistsError:
                self._refuse_link(path, key)
                return False
            _sync_folder(path.parent)
            return True

    def put(self, key: str, content: bytes) -> None:
        with self._failing("write", key), self._place(key, make=True) as path:
            self._refuse_link(path, key)
            self._write_hidden(path, content).replace(path)
            _sync_folder(path.parent)

    def read(self, key: str) -> bytes | None:
        with self._failing("read", key):
            try:
                with self._place(key) as path:
                    self._refuse_link(path, key)
                    return _content(path, self._root / key)
            except FileNotFoundError:
                return None

    def entries(self, prefix: str) -> Iterator[Entry]:
        with (
            self._failing("list", prefix), contextlib.suppress(FileNotFoundError),
            self._folder(self._parts(prefix.rstrip("/"))) as folder,
        ):  # fmt: skip
            yield from self._walk(folder, prefix)

    def delete(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            with self._failing("remove", key), contextlib.suppress(FileNotFoundError):
                with self._place(key) as path:
                    self._refuse_link(path, key)
                    path.unlink()
                self._remove_empty(key)
        return ()

    def take(self, path: Path, key: str) -> None:
        with self._failing("write", key), self._place(key, make=True) as target:
            self._refuse_link(target, key)
            _sync_file(path)
            path.chmod(0o600)
            path.replace(target)
            _sync_folder(target.parent)

    def staging(self, prefix: str) -> Path:
        """Inside the root, so that `take` is a rename; its hidden name keeps it out of every listing."""
        self.discard_staging(prefix)
        with self._failing("write", prefix), self._place(prefix + STAGING, make=True) as folder:
            folder.mkdir(mode=0o700)
            return self._root / prefix / STAGING

    def discard_staging(self, prefix: str) -> None:
        with self._failing("remove", prefix), contextlib.suppress(FileNotFoundError):
            with self._place(prefix + STAGING) as folder:
                self._refuse_link(folder, prefix + STAGING)
                shutil.rmtree(folder)
            self._remove_empty(prefix + STAGING)

    def fetch(self, key: str, folder: Path) -> Path:  # noqa: ARG002  the object itself serves
        """By its own path, since another process reads it; what it holds is proven by its digest."""
        with self._failing("read", key), self._place(key) as path:
            self._refuse_link(path, key)
            if not stat.S_ISREG(path.lstat().st_mode):
                raise StorageFailed(f"{self._root / key} is not a file")
            return self._root / key

    def now(self) -> datetime | None:
        """A folder has this machine's clock and no other."""
        return None

    def location(self, prefix: str) -> ObjectLocation:
        raise StorageFailed(f"storage {self.name}: no server can reach the folder {self._root / prefix}")

    def _parts(self, key: str) -> list[str]:
        """Refuses what would leave the root by its parts."""
        parts = key.split("/")
        if not all(parts) or {".", ".."} & set(parts) or "\0" in key or "\\" in key:
            raise StorageFailed(f"storage {self.name}: {key!r} is no key")
        return parts

    @contextlib.contextmanager
    def _place(self, key: str, *, make: bool = False) -> Iterator[Path]:
        """The path of a key within its folder, which is held open: wherever somebody moves that folder meanwhile,
        and whatever is put in its place, the act meets the folder that was looked at.
        """
        *folders, name = self._parts(key)
        with self._folder(folders, make=make) as descriptor:
            yield Path(f"/proc/self/fd/{descriptor}") / name

    @contextlib.contextmanager
    def _folder(self, parts: list[str], *, make: bool = False) -> Iterator[int]:
        """A descriptor of the folder, reached part by part without following a link."""
        if make:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._root, FOLDER & ~os.O_NOFOLLOW)  # the root itself is the operator's to link
        try:
            for at, part in enumerate(parts):
                inner = self._enter(descriptor, part, "/".join(parts[: at + 1]), make=make)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    def _enter(self, folder: int, part: str, key: str, *, make: bool) -> int:
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o700, dir_fd=folder)
                os.fsync(folder)
        try:
            return os.open(part, FOLDER, dir_fd=folder)
        except OSError as error:
            if error.errno in NO_FOLDER:
                self._refuse_link(Path(f"/proc/self/fd/{folder}") / part, key)
            raise

    def _refuse_link(self, path: Path, key: str) -> None:
        if path.is_symlink():
            raise StorageFailed(
                f"storage {self.name}: {self._root / key} is a link; a local storage follows none. "
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

    def _walk(self, folder: int, prefix: str) -> Iterator[Entry]:
        """A folder that goes meanwhile has nothing to list; one that became a link is refused."""
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            if entry.name == STAGING:
                continue
            key = prefix + entry.name
            with contextlib.suppress(FileNotFoundError):
                if not entry.is_dir(follow_symlinks=False):
                    yield Entry(key, entry.stat(follow_symlinks=False).st_size)
                    continue
                inner = self._enter(folder, entry.name, key, make=False)
                try:
                    yield from self._walk(inner, f"{key}/")
                finally:
                    os.close(inner)

    def _remove_empty(self, key: str) -> None:
        """Empty folders go with their last object; another writer's new object keeps its folder."""
        parts = self._parts(key)
        with contextlib.suppress(OSError):
            for end in range(len(parts) - 1, 0, -1):
                with self._place("/".join(parts[:end])) as folder:
                    folder.rmdir()

    @contextlib.contextmanager
    def _failing(self, step: str, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageFailed(
                f"storage {self.name}: cannot {step} {self._root / key}: {error.strerror}",
                passing=may_pass(error),
            ) from error


def _content(path: Path, shown: Path) -> bytes:
    """Of a file; a pipe or a device is none, and is not waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise StorageFailed(f"{shown} is not a file")
        return file.read()


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(path: Path) -> None:
    _sync_file(path)
