"""Loads by their labels: what is taken, what was told, what is forgotten."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from . import clock
from .answers import Rows, table
from .errors import Refused
from .labels import check_label

COLUMNS = ("TransactionId Label Coordinator TransactionStatus LoadJobSourceType PrepareTime PreCommitTime CommitTime "
           "PublishTime FinishTime Reason ErrorReplicasCount ListenerId TimeoutMs ErrMsg")  # fmt: skip
LOADS = ("JobId Label State Progress Type EtlInfo TaskInfo ErrorMsg CreateTime EtlStartTime EtlFinishTime LoadStartTime "
         "LoadFinishTime URL JobDetails TransactionId ErrorTablets User Comment")  # fmt: skip
STARROCKS_LOADS = ("JobId Label State Progress Type Priority EtlInfo TaskInfo ErrorMsg CreateTime EtlStartTime EtlFinishTime "
                   "LoadStartTime LoadFinishTime TrackingSQL JobDetails")  # fmt: skip
KEPT = timedelta(hours=12)  # streaming_label_keep_max_second
KEPT_APART = timedelta(days=3)  # label_keep_max_second of the meta service


@dataclass
class Transaction:
    id: int
    database: int  # by its id, so that a renamed one keeps its labels
    table: str
    label: str
    user: str
    prepared: datetime
    status: str = "PREPARE"
    committed: datetime | None = None
    finished: datetime | None = None
    reason: str = ""
    rows: int = 0
    publish: Callable[[], None] | None = None  # what makes its rows visible

    def told(self) -> str:
        late = ", 'err':'transaction commit successfully, BUT data will be visible later'" if self.status == "COMMITTED" else ""
        return f"{{'label':'{self.label}', 'status':'{self.status}', 'txnId':'{self.id}'{late}}}"


def begin(session: Any, database: Any, name: str, label: str | None) -> Transaction:
    """Refuses a label that a running or successful load has: an aborted one freed it."""
    warehouse = session.warehouse
    used = refuse_used(session, database, label)
    made = Transaction(next(warehouse.ids), database.id, name, used, session.user.name, warehouse.clock.now)
    warehouse.transactions.append(made)
    return made


def refuse_used(session: Any, database: Any, label: str | None) -> str:
    if label is None:
        return f"label_{next(session.warehouse.ids):x}"
    check_label(label)
    for other in known(session.warehouse, database):
        if other.label == label and other.status != "ABORTED":
            raise Refused(f"Label [{label}] has already been used, relate to txn [{other.id}], status [{other.status}].", 1105)
    return label


def known(warehouse: Any, database: Any) -> list[Transaction]:
    """Of a database, without those that are forgotten."""
    kept = KEPT_APART if warehouse.dialect.cloud else KEPT
    return [each for each in warehouse.transactions if each.database == database.id
            and (each.finished is None or warehouse.clock.now - each.finished <= kept)]  # fmt: skip


def commit(session: Any, transaction: Transaction, publish: Callable[[], None]) -> None:
    """COMMITTED, and VISIBLE at once unless a switch makes it late."""
    if transaction.status == "ABORTED":
        raise Refused(f"transaction {transaction.id} is already aborted: {transaction.reason}", 1105)
    transaction.status, transaction.committed, transaction.publish = "COMMITTED", session.warehouse.clock.now, publish


def make_visible(warehouse: Any, transaction: Transaction) -> None:
    if transaction.status == "COMMITTED" and transaction.publish:
        transaction.publish()
        transaction.publish = None
        transaction.status, transaction.finished = "VISIBLE", warehouse.clock.now


def abort(warehouse: Any, transaction: Transaction, reason: str) -> None:
    if transaction.status == "PREPARE":
        transaction.status, transaction.finished, transaction.reason = "ABORTED", warehouse.clock.now, reason


def shown(session: Any, name: str, label: str) -> Rows:
    """The newest of the label, as one row (ShowTransactionCommand)."""
    database, warehouse = session.warehouse.database(name), session.warehouse
    zone = session.variable("time_zone")
    rows = []
    for each in reversed(known(warehouse, database)):
        if each.label == label and not rows:
            prepared, committed, finished = (clock.shown(at, zone) for at in (each.prepared, each.committed, each.finished))
            rows.append((each.id, each.label, "FE: 127.0.0.1", each.status, "INSERT_STREAMING", prepared, "\\N", committed, committed,
                         finished, each.reason, 0, -1, 14400000, ""))  # fmt: skip
    if not rows:
        raise Refused(f"transaction with label {label} does not exist", 1105)
    return table(COLUMNS, rows)


def loads(session: Any, name: str | None, label: str | None) -> Rows:
    """SHOW LOAD: INSERTs that ended. StarRocks shows running ones too [?]."""
    database, zone = session.warehouse.database(name or session.database), session.variable("time_zone")
    starrocks, rows = session.warehouse.dialect.starrocks, []
    for each in known(session.warehouse, database):
        if label in {None, each.label} and (each.finished or starrocks):
            at, end = clock.shown(each.prepared, zone), clock.shown(each.finished, zone)
            state = {"VISIBLE": "FINISHED", "ABORTED": "CANCELLED"}.get(each.status, "LOADING")
            error = "\\N" if not each.reason else f"type:LOAD_RUN_FAIL; msg:{each.reason}"
            head = (each.id, each.label, state, "100%" if each.finished else "0%", "INSERT")
            if starrocks:
                rows.append((*head, "NORMAL", "\\N", "", error, at, at, at, at, end, "", "{}"))
            else:
                rows.append((*head, "\\N", "", error, at, at, at, at, end, "", "{}", each.id, "{}", each.user, ""))
    return table(STARROCKS_LOADS if starrocks else LOADS, rows)
