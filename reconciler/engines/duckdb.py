"""Engine `duckdb`: a folder in which each NAME.duckdb is the database NAME.

A backup exports each chosen database, in one consistent snapshot, to Parquet. A restore builds a new file
beside the target and moves it into place in one step. While it works it holds DuckDB's own lock, so an
application that keeps a file open shuts us out, which is a passing error that names the holder.
"""

import contextlib
import fcntl
import json
import os
import shutil
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from reconciler.core import objects as patterns
from reconciler.core.manifest import Snapshot, file_from_document
from reconciler.core.model import Folder, Plan, Warehouse
from reconciler.core.ports import (
    AttemptFolder,
    BackupOrder,
    BackupResult,
    Finding,
    RestoreOrder,
    SetReader,
    Watch,
)
from reconciler.engines import duckdb_process
from reconciler.errors import EngineFailed, OutcomeUnknown

SUFFIX = ".duckdb"
INVENTORY = "inventory.json"


class Placement(NamedTuple):
    """What the journal says of one database: the new file's identity, known before it is moved.

    A link or rename keeps all of it; the inode alone would not do, since a file system gives it out again.
    """

    database: str
    device: int
    inode: int
    size: int
    modified_ns: int


def placement(database: str, path: Path) -> Placement:
    found = path.stat()
    return Placement(database, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


class DuckDB:
    """The Engine port for one folder."""

    def __init__(self, warehouse: Warehouse) -> None:
        assert isinstance(warehouse.connection, Folder)  # noqa: S101  the configuration's check says so
        self._name = warehouse.name
        self._folder = Path(warehouse.connection.path)

    def backup(self, order: BackupOrder, number: int, folder: AttemptFolder, watch: Watch) -> BackupResult:
        chosen = self._chosen(order)
        staging = folder.staging()
        snapshots = []
        skipped: list[str] = []
        version = ""
        for at, database in enumerate(chosen):
            span = (100 * at / len(chosen), 100 * (at + 1) / len(chosen))
            done = self._export(database, staging / str(at), watch, span)
            snapshots.append(_put(folder, staging / str(at), f"{at + 1:05}", database, number, done))
            skipped += [f"{database}: {statement}" for statement in done["broken"]]
            version = done["version"]
        return BackupResult(version, tuple(snapshots), tuple(skipped))

    def preflight(self, plan: Plan | None) -> tuple[Finding, ...]:
        existing = self._databases()
        if plan is None:
            return (Finding(self._name, "note", f"reachable; {len(existing)} databases"),)
        return tuple(patterns.coverage(self._name, plan.objects, existing))

    def precheck(self, order: RestoreOrder, reader: SetReader) -> None:  # noqa: ARG002
        self._databases()
        for _, target in order.databases:
            if target in order.replace:
                with _locked(self._file(target)):
                    continue
            taken = [path for path in (self._file(target), _log(self._file(target))) if path.exists()]
            if taken:
                raise EngineFailed(
                    f"{taken[0]} exists; restore under another name with `databases: {{…}}`, "
                    f"or name it under `if_exists: {{replace: [{target}]}}`"
                )

    def restore(self, order: RestoreOrder, reader: SetReader, watch: Watch) -> tuple[str, ...]:
        """Builds every file, notes their identities, then moves each: the note proves what was moved."""
        staging = self._folder / f".restore-{order.restore_id}"
        placements = _placements(order.journal)
        if not placements:
            placements = self._build(order, reader, staging, watch)
            order.claim(json.dumps([item._asdict() for item in placements]))
        for item in placements:
            if not self._is_placed(item):
                watch.check()  # what is in place is done, however late it is looked at
            self._place(item, staging / f"{item.database}{SUFFIX}", order)
        shutil.rmtree(staging, ignore_errors=True)
        return ()

    def abandon(self, order: RestoreOrder) -> str:
        shutil.rmtree(self._folder / f".restore-{order.restore_id}", ignore_errors=True)
        placed = [item.database for item in _placements(order.journal) if self._is_placed(item)]
        rest = [target for _, target in order.databases if target not in placed]
        if not placed:
            return "nothing in the target was changed"
        return f"restored and in place: {', '.join(placed)}; not changed: {', '.join(rest) or 'none'}"

    def _chosen(self, order: BackupOrder) -> tuple[str, ...]:
        existing = self._databases()
        chosen = patterns.chosen(order.objects, existing)
        if not chosen:
            raise EngineFailed(
                f"no database in {self._folder} matches {', '.join(order.objects.databases)}; "
                f"it has {', '.join(existing) or 'none'}"
            )
        return chosen

    def _databases(self) -> tuple[str, ...]:
        try:
            return tuple(sorted(
                path.name.removesuffix(SUFFIX) for path in self._folder.iterdir()
                if path.name.endswith(SUFFIX) and not path.name.startswith(".")
            ))  # fmt: skip
        except OSError as error:
            raise EngineFailed(
                f"warehouse {self._name}: cannot read the folder {self._folder}: {error.strerror}", passing=True
            ) from error

    def _export(self, database: str, folder: Path, watch: Watch, span: tuple[float, float]) -> Any:
        folder.mkdir()
        request = {"do": "export", "database": str(self._file(database)), "folder": str(folder)}
        with _named(f"database {database}"):
            return duckdb_process.run(request, watch, span)

    def _build(
        self, order: RestoreOrder, reader: SetReader, staging: Path, watch: Watch
    ) -> tuple[Placement, ...]:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        snapshots = {item.database: item for item in order.manifest.snapshots}
        placements = []
        for at, (source, target) in enumerate(order.databases):
            span = (100 * at / len(order.databases), 100 * (at + 1) / len(order.databases))
            with _named(f"database {target}"):
                path = _import(snapshots[source], reader, staging, target, watch, span)
            placements.append(placement(target, path))
        return tuple(placements)

    def _place(self, item: Placement, built: Path, order: RestoreOrder) -> None:
        target = self._file(item.database)
        if self._is_placed(item):
            built.unlink(missing_ok=True)
        elif not built.exists():
            raise OutcomeUnknown(
                f"{target} is not the file that this restore built, which is gone; "
                f"look whether the database is as you want it, and restore again under a new id if not"
            )
        elif item.database in order.replace:
            _replace(built, target, order.restore_id)
        else:
            _add(built, target)

    def _is_placed(self, item: Placement) -> bool:
        try:
            return placement(item.database, self._file(item.database)) == item
        except FileNotFoundError:
            return False

    def _file(self, database: str) -> Path:
        if "/" in database or "\0" in database or database.startswith(".") or not _is_text(database):
            raise EngineFailed(f"{database!r} cannot be the name of a file in {self._folder}")
        return self._folder / f"{database}{SUFFIX}"


def _put(
    folder: AttemptFolder, staged: Path, name: str, database: str, number: int, done: Any
) -> Snapshot:
    """Moves the files of one database into the attempt; the inventory, with all digests, comes last."""
    shutil.rmtree(staged / "spill", ignore_errors=True)
    inventory = json.loads((staged / INVENTORY).read_text())
    files = sorted(path for path in staged.iterdir() if path.name != INVENTORY)
    stored = [folder.put(path, f"{name}/{path.name}") for path in files]
    inventory |= {"database": database, "files": [file._asdict() for file in stored]}
    (staged / INVENTORY).write_text(json.dumps(inventory, indent=1))
    listed = folder.put(staged / INVENTORY, f"{name}/{INVENTORY}")
    size = sum(file.size for file in (*stored, listed))
    return Snapshot(database, number, listed, size, done["tables"], done["rows"])


def _import(
    snapshot: Snapshot, reader: SetReader, staging: Path, target: str, watch: Watch, span: tuple[float, float]
) -> Path:
    """A new database file from the set's files, each checked against the manifest before any is used."""
    work = staging / "work"
    work.mkdir()
    listed = reader.fetch(snapshot.attempt, snapshot.inventory, work)
    files = {INVENTORY: str(listed)}
    for document in json.loads(listed.read_text())["files"]:
        watch.check()
        file = file_from_document(document)
        files[Path(file.name).name] = str(reader.fetch(snapshot.attempt, file, work))
    path = staging / f"{target}{SUFFIX}"
    request = {"do": "import", "folder": str(work), "target": str(path), "files": files}
    duckdb_process.run(request, watch, span)
    shutil.rmtree(work)
    _sync(path)
    return path


def _add(built: Path, target: Path) -> None:
    """A link fails where somebody made the name meanwhile, so nothing is ever overwritten unasked."""
    if _log(target).exists():
        raise EngineFailed(f"{_log(target)} appeared meanwhile; nothing of it was changed")
    try:
        os.link(built, target)
    except FileExistsError:
        raise EngineFailed(f"{target} appeared meanwhile; nothing of it was changed") from None
    _sync(target.parent)
    built.unlink()


def _replace(built: Path, target: Path, restore_id: str) -> None:
    """Puts the new file in the old one's place. The old write-ahead log is set aside first: it must not meet
    the new file, and while the old file stands it could still be needed.
    """
    aside = target.with_name(f".{target.name}.wal.replaced-by-{restore_id}")
    with _locked(target):
        _give_rights(target, built)
        if _log(target).exists():
            _log(target).replace(aside)
            _sync(target.parent)
        built.replace(target)
        _sync(target.parent)
    aside.unlink(missing_ok=True)


def _give_rights(target: Path, built: Path) -> None:
    """Who could open the old file can open the new one, and nobody else."""
    with contextlib.suppress(FileNotFoundError):
        old = target.stat()
        with contextlib.suppress(PermissionError):  # only root gives files away; the mode is ours to set
            os.chown(built, old.st_uid, old.st_gid)
        built.chmod(stat.S_IMODE(old.st_mode))


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Holds the lock that DuckDB itself takes (fcntl, whole file), so that nobody has the old file open."""
    try:
        descriptor = os.open(target, os.O_RDWR)
    except FileNotFoundError:
        yield
        return
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise EngineFailed(
            f"{target} is open in process {_holder(descriptor)}; close it there", passing=True
        ) from None
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> int:
    """The process that holds a lock on the file; `struct flock` of Linux on 64 bits."""
    layout = "hhqqi4x"
    asked = struct.pack(layout, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    return int(struct.unpack(layout, fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))[4])


@contextlib.contextmanager
def _named(place: str) -> Iterator[None]:
    """Puts the place before an engine's words."""
    try:
        yield
    except EngineFailed as error:
        raise EngineFailed(f"{place}: {error}", passing=error.passing) from error


def _placements(journal: str | None) -> tuple[Placement, ...]:
    return tuple(Placement(**item) for item in json.loads(journal)) if journal else ()


def _is_text(name: str) -> bool:
    """A file's name may be bytes that are no UTF-8; no manifest and no ledger could say it."""
    return name.encode(errors="ignore").decode() == name


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
