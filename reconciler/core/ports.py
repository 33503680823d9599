"""What the effects ask of the world: the small protocols that engines, storages and clocks fulfil.

An error that crosses a port is a StepFailed that says whether it may pass; Cancelled and DeadlinePassed come
out of a Watch, an OSError out of a local disk.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from reconciler.core.manifest import Manifest, Snapshot, StoredCatalog, StoredFile
from reconciler.core.model import Objects, Plan, Restore, Role, Warehouse
from reconciler.core.naming import TaskPlace
from reconciler.core.pause import Mark
from reconciler.core.rebuild import Inventory


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall time, aware and in UTC."""

    def monotonic(self) -> float:
        """Seconds since some moment, suspended or not, which no setting of the clock changes."""

    def pause(self, seconds: float) -> None:
        """Waits that long."""


class ObjectLocation(NamedTuple):
    """Where a server finds a prefix itself, and what it needs to read and write there: keys, or a role that it is
    to assume; with neither it takes that of its machine.

    `prefix` ends with a slash. It is never shown: the text of it leaves the keys out.
    """

    bucket: str
    prefix: str
    region: str
    endpoint: str | None
    access_key: str | None
    secret_key: str | None
    role: Role | None = None

    def __repr__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


class Watch(Protocol):
    """What an engine tells and asks while it works."""

    def pause(self, seconds: float) -> None:
        """Waits that long. Raises as `check` does."""

    def progress(self, percent: float) -> None:
        """How far the whole job is, 0 to 100. Raises as `check` does."""

    def rest(self, seconds: float) -> None:
        """Waits that long whatever is wished: for what must be settled before a stop."""

    def check(self) -> None:
        """Raises Cancelled or DeadlinePassed when the work shall stop."""


class Entry(NamedTuple):
    """An object in a store. `etag` is what S3 tells of its bytes, and changes when they are written anew."""

    key: str
    size: int
    etag: str | None = None


class ObjectStore(Protocol):
    """Bytes under keys: what S3 and a folder have in common. Keys are relative, with `/` between parts."""

    name: str

    def create(self, key: str, content: bytes) -> bool:
        """Writes the object if there is none and says whether it did; atomic among any number of writers."""

    def put(self, key: str, content: bytes) -> None:
        """Writes or replaces the object; a reader sees the old bytes or the new."""

    def read(self, key: str) -> bytes | None:
        """The object's bytes; None where there is no object."""

    def entries(self, prefix: str) -> Iterator[Entry]:
        """The objects whose key begins with the prefix, which ends with a slash; in no order."""

    def delete(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        """Removes the objects; the keys that are retained by a lock come back. No object is no error."""

    def take(self, path: Path, key: str) -> None:
        """Moves a local file to the key, durable when this returns."""

    def staging(self, prefix: str) -> Path:
        """A local folder for files that `take` shall move below the prefix; made new and empty."""

    def fetch(self, key: str, folder: Path) -> Path:
        """A local path with the object's bytes: the object itself, or a copy made in the folder."""

    def discard_staging(self, prefix: str) -> None:
        """Removes the staging folder of the prefix and what is left in it."""

    def now(self) -> datetime | None:
        """The time by the store's own clock, in UTC; None where it has none of its own."""

    def location(self, prefix: str) -> ObjectLocation:
        """For servers that read and write themselves. Raises StorageFailed where none can reach it."""


class AttemptFolder(Protocol):
    """The prefix of one attempt, begun with its owner mark."""

    def staging(self) -> Path:
        """A local folder to make files in, on the storage's own disk where it has one."""

    def put(self, path: Path, name: str) -> StoredFile:
        """Moves a file from staging into the attempt; size and digest are taken on the way."""

    def remember(self, name: str, document: dict[str, Any]) -> dict[str, Any]:
        """Keeps a small document in the attempt, once, and gives back the one that stands."""

    def location(self) -> ObjectLocation:
        """For servers that write themselves. Raises StorageFailed in a storage that no server can reach."""

    def entries(self, prefix: str) -> Iterator[Entry]:
        """The objects whose names in the attempt begin with the prefix, which ends with a slash."""

    def read(self, name: str) -> bytes | None: ...

    def remove(self, names: tuple[str, ...]) -> None:
        """Removes objects of this attempt, never its owner mark: what broken tries left and no record counts."""


class SetReader(Protocol):
    """The files of one set, checked against its manifest as they are read."""

    def fetch(self, attempt: int, file: StoredFile, folder: Path) -> Path:
        """A local path with the file's bytes. Raises StorageFailed, naming the file, where they are altered."""

    def location(self, attempt: int) -> ObjectLocation: ...

    def entries(self, attempt: int, prefix: str) -> Iterator[Entry]: ...


class Removal(NamedTuple):
    """What a removal left: the keys that the storage's own lock retains."""

    retained: tuple[str, ...] = ()


class Storage(Protocol):
    """Owners, manifests, claims and removal over an object store."""

    name: str

    def open_attempt(self, place: TaskPlace, number: int, ledger: str) -> AttemptFolder:
        """The attempt's prefix, marked as begun by this ledger, once or again.

        Raises AttemptTaken where another ledger's run has begun this attempt; its prefix is not ours then.
        """

    def commit(self, manifest: Manifest) -> Manifest:
        """Writes the manifest, once, and gives back the one that stands: an earlier one of the task wins."""

    def read_manifest(self, place: TaskPlace) -> Manifest | None: ...

    def reader(self, manifest: Manifest) -> SetReader: ...

    def remove_set(self, place: TaskPlace) -> Removal:
        """Manifest first, owner marks last, nothing outside the task's prefix (S4)."""

    def remove_attempt(self, place: TaskPlace, number: int) -> Removal: ...

    def find_claim(self, installation: str, restore_id: str) -> dict[str, Any] | None: ...

    def find_outcome(self, installation: str, restore_id: str) -> dict[str, Any] | None: ...

    def claim(self, installation: str, restore_id: str, content: dict[str, Any]) -> bool:
        """Takes the id, once for ever, and says whether it was free (R1)."""

    def record_outcome(self, installation: str, restore_id: str, content: dict[str, Any]) -> None: ...

    def write_note(self, key: str, content: dict[str, Any]) -> None: ...

    def inventory(self, installation: str) -> Inventory:
        """Everything of the installation, read anew; what is damaged or foreign is listed and left alone (T2)."""

    def mark(self, installation: str) -> Mark | None:
        """The ledger that the storage names as the installation's (T5)."""

    def set_mark(self, installation: str, own: Mark, *, replace: bool) -> None:
        """Names the ledger; with `replace` false only where none is named."""

    def now(self) -> datetime | None:
        """The time by the storage's own clock, in UTC; None where it has none of its own (S5)."""


class BackupOrder(NamedTuple):
    """`timeout` is the task's own, in seconds."""

    place: TaskPlace
    entry: Warehouse
    plan: Plan

    @property
    def objects(self) -> Objects:
        return self.plan.objects


class BackupResult(NamedTuple):
    engine_version: str
    snapshots: tuple[Snapshot, ...]
    skipped_objects: tuple[str, ...] = ()
    external_catalogs: tuple[StoredCatalog, ...] = ()


class RestoreOrder(NamedTuple):
    """`databases` are (source, target) pairs, `request` the entry. `journal` is what an earlier run of this claim
    noted, if any.

    `claim` takes the id for ever and makes the journal durable: called before the first change at the target.
    """

    request: Restore
    entry: Warehouse
    manifest: Manifest
    databases: tuple[tuple[str, str], ...]
    journal: str | None
    claim: Callable[[str], None]

    @property
    def restore_id(self) -> str:
        return self.request.id

    @property
    def replace(self) -> tuple[str, ...]:
        return self.request.replace or ()


class Finding(NamedTuple):
    """What a look at a warehouse or at a restore's target found. `level` is error, warning or note."""

    subject: str
    level: str
    message: str


class Engine(Protocol):
    """One kind of warehouse."""

    def preflight(self, plan: Plan | None) -> tuple[Finding, ...]:
        """Looks, changing nothing, at what the plan needs of the warehouse. Raises EngineFailed where it cannot."""

    def backup(self, order: BackupOrder, number: int, folder: AttemptFolder, watch: Watch) -> BackupResult:
        """Makes attempt `number` of the set. Zero matching databases is a failure (D7).

        When the watch wants a stop, or with an error that will not pass, what the attempt has begun at a server is
        ended first; raises JobLost where that cannot be known.
        """

    def precheck(self, order: RestoreOrder, reader: SetReader) -> None:
        """Looks at the target, changing nothing; raises EngineFailed where the restore cannot be begun (R4)."""

    def restore(self, order: RestoreOrder, reader: SetReader, watch: Watch) -> tuple[str, ...]:
        """Restores, or goes on with what the journal proves. Raises OutcomeUnknown where nothing proves it. What of
        the set's objects was not taken over comes back, in words.
        """

    def abandon(self, order: RestoreOrder) -> str:
        """Removes what is half made and says in what state the target is (R4)."""
