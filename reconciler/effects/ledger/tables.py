"""The ledger's tables, and how values become rows and come back.

A table's columns bear the names of the fields of its value in core.record, so that neither can drift alone.
"""

import functools
from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    bindparam,
    select,
)

from reconciler.core import document, instants
from reconciler.effects.ledger.lease_row import FORM

PORTION = 500
SMALL = 16_384  # characters of a document that is kept once it was read
Value = TypeVar("Value", bound=tuple[Any, ...])
metadata = MetaData()


class Instant(TypeDecorator[datetime]):
    """UTC as sortable text, to the second: readable with any SQL client."""

    impl = String(20)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> str | None:  # noqa: ARG002
        return None if value is None else instants.text(value)

    def process_result_value(self, value: str | None, dialect: Any) -> datetime | None:  # noqa: ARG002
        return None if value is None else instants.parse(str(value))  # a damaged file may give a number


LONG_TEXT = Text().with_variant(Text(2**32 - 1), "mysql")  # which is LONGTEXT; its TEXT ends at 64 KiB
LARGE = BigInteger().with_variant(Integer, "sqlite")  # there INTEGER has 64 bits, and counts up only by that name


class Prose(TypeDecorator[str]):
    """Words of servers and systems; what a database refuses in a text, NUL and half characters, is marked."""

    impl = LONG_TEXT
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:  # noqa: ARG002
        return value and value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


class Document(TypeDecorator[Any]):
    """A value of core.model as its JSON document."""

    impl = LONG_TEXT
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> str:  # noqa: ARG002
        return document.dump(value)

    def process_result_value(self, value: str | None, dialect: Any) -> Any:  # noqa: ARG002
        return None if value is None else _load(value) if len(value) < SMALL else document.load(value)


@functools.lru_cache(maxsize=512)
def _load(text: str) -> Any:
    """Values are frozen, and each pass reads the same ones again."""
    return document.load(text)


def _name() -> String:
    """Long enough for every name, id and digest of ours: a name has at most 63 characters, a set's id 128."""
    return String(128)


meta = Table("meta", metadata, Column("name", _name(), primary_key=True), Column("content", Text), **FORM)
configuration = Table(
    "configuration", metadata,
    Column("id", Integer, primary_key=True),
    Column("document", Document, nullable=False),
    Column("accepted_at", Instant, nullable=False),
    **FORM,
)  # fmt: skip
plans = Table(
    "plans", metadata,
    Column("warehouse", _name(), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("entry", Document, nullable=False),
    Column("taken_over_at", Instant, nullable=False),
    Column("settled_until", Instant, nullable=False),
    Column("git_revision", Prose),
    Column("ended_at", Instant),
    **FORM,
)  # fmt: skip
tasks = Table(
    "tasks", metadata,
    Column("id", _name(), primary_key=True),
    Column("warehouse", _name(), nullable=False),
    Column("slot", Instant, nullable=False),
    Column("state", _name(), nullable=False),
    Column("plan_revision", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("created_at", Instant),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("reason", Prose),
    Column("progress", Integer),
    Column("size_bytes", LARGE),
    Column("objects", Document, nullable=False),
    Column("skipped_objects", Document, nullable=False),
    UniqueConstraint("warehouse", "slot"),
    Index("tasks_by_state", "state"),
    **FORM,
)  # fmt: skip
attempts = Table(
    "attempts", metadata,
    Column("task_id", _name(), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("home", _name(), nullable=False),
    Column("storage", _name(), nullable=False),
    Column("state", _name(), nullable=False),  # open, good, leftover, removed, foreign
    Column("begun_at", Instant, nullable=False),
    Column("removable_at", Instant),
    Column("reason", Prose),
    Index("attempts_by_state", "state"),
    **FORM,
)  # fmt: skip
sets = Table(
    "sets", metadata,
    Column("id", _name(), primary_key=True),
    Column("warehouse", _name(), nullable=False),
    Column("home", _name(), nullable=False),
    Column("engine", _name(), nullable=False),
    Column("storage", _name(), nullable=False),
    Column("slot", Instant, nullable=False),
    Column("completed_at", Instant, nullable=False),
    Column("retention_days", Integer, nullable=False),
    Column("keep_last", Integer, nullable=False),
    Column("size_bytes", LARGE, nullable=False),
    Column("state", _name(), nullable=False),
    Column("databases", Document, nullable=False),
    Column("tried_at", Instant),
    Index("sets_by_state", "state"),
    **FORM,
)  # fmt: skip
restores = Table(
    "restores", metadata,
    Column("id", _name(), primary_key=True),
    Column("entry", Document, nullable=False),
    Column("digest", _name(), nullable=False),
    Column("state", _name(), nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("backup_set", _name()),
    Column("storage", _name()),
    Column("source_warehouse", _name()),
    Column("claimed_at", Instant),
    Column("started_at", Instant),
    Column("ended_at", Instant),
    Column("reason", Prose),
    Column("progress", Integer),
    Column("size_bytes", LARGE),
    Column("journal", LONG_TEXT),
    **FORM,
)  # fmt: skip
holds = Table(
    "holds", metadata,
    Column("backup_set", _name(), primary_key=True),
    Column("seen_at", Instant, primary_key=True),
    Column("reason", Prose, nullable=False),
    Column("until", Instant),
    Column("gone_at", Instant),
    **FORM,
)  # fmt: skip
storages = Table(
    "storages", metadata,
    Column("name", _name(), primary_key=True),
    Column("location", LONG_TEXT, nullable=False),
    Column("looked_at", Instant, nullable=False),
    **FORM,
)  # fmt: skip
notes = Table(
    "notes", metadata,
    Column("storage", _name(), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("content", Document, nullable=False),
    Column("written", Boolean, nullable=False),
    **FORM,
)  # fmt: skip
allowances = Table(
    "allowances", metadata,
    Column("what", _name(), primary_key=True),
    Column("subject", _name(), primary_key=True),
    Column("at", Instant, nullable=False),
    **FORM,
)  # fmt: skip
cancellations = Table(
    "cancellations", metadata,
    Column("subject", _name(), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("done", Boolean, nullable=False),
    **FORM,
)  # fmt: skip
decisions = Table(
    "decisions", metadata,
    Column("number", LARGE, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("kind", _name(), nullable=False),
    Column("subject", _name(), nullable=False),
    Column("detail", Prose),
    **FORM,
)  # fmt: skip


def value_of(kind: type[Value], row: Any) -> Value:
    """The row as its value; columns that are not its fields are passed over."""
    fields = kind._fields  # type: ignore[attr-defined]
    return kind(**{name: row[name] for name in fields})


def save(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Inserts the rows whose key is new and updates the others, a statement of each kind for all."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key.columns]
    known = known_keys(connection, table, [row[keys[0]] for row in rows])
    fresh = [row for row in rows if tuple(row[key] for key in keys) not in known]
    stale = [row for row in rows if tuple(row[key] for key in keys) in known]
    if fresh:
        connection.execute(table.insert(), fresh)
    if stale:
        condition = [table.c[key] == bindparam(f"key_{key}") for key in keys]
        changed: dict[str, Any] = {name: bindparam(f"new_{name}") for name in stale[0] if name not in keys}
        connection.execute(
            table.update().where(*condition).values(changed),
            [{f"key_{key}": row[key] for key in keys} | {f"new_{name}": row[name] for name in changed}
             for row in stale],
        )  # fmt: skip


def portions(items: list[Value]) -> Iterator[list[Value]]:
    """As many at once as each database takes in one statement."""
    return (items[at : at + PORTION] for at in range(0, len(items), PORTION))


def known_keys(connection: Connection, table: Table, firsts: list[Any]) -> set[tuple[Any, ...]]:
    """The keys that exist among those whose first part is given."""
    first, *_ = columns = table.primary_key.columns
    return {
        tuple(row)
        for some in portions(firsts)
        for row in connection.execute(select(*columns).where(first.in_(some)))
    }
