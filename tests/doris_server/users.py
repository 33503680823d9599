"""Users and what they may do."""

from dataclasses import dataclass, field

from .errors import Refused


@dataclass
class User:
    name: str
    password: str
    admin: bool = False
    load: frozenset[str] = frozenset()  # databases, or "*"
    select: frozenset[str] = frozenset({"*"})
    tables: frozenset[str] = frozenset()  # `sales.orders`, beyond the databases
    usage: frozenset[str] = frozenset({"*"})  # compute groups
    default_group: str | None = None

    def needs_admin(self) -> None:
        if not self.admin:
            raise denied("ADMIN")

    def needs_load(self, database: str | None, show: bool = False) -> None:
        """LOAD on the database for jobs; looking at them fails as if there were no such database for the user."""
        if self.admin or self.load & {"*", database}:
            return
        if show:
            raise Refused(f"Access denied for user '{self.name}'@'%' to database '{database}'", 1044)
        raise denied("LOAD")

    def sees(self, database: str) -> bool:
        return self.admin or bool((self.load | self.select) & {"*", database}) or any(name.startswith(f"{database}.") for name in self.tables)

    def sees_table(self, database: str, table: str) -> bool:
        return bool(self.load & {"*", database}) or self.reads(database, table)

    def reads(self, database: str, table: str) -> bool:
        return self.admin or bool(self.select & {"*", database}) or f"{database}.{table}" in self.tables

    def uses(self, group: str) -> bool:
        return self.admin or bool(self.usage & {"*", group})


@dataclass
class Users:
    known: dict[str, User] = field(default_factory=dict)

    def add(self, name: str, password: str = "", **rights: object) -> User:
        """rights: admin, load, select, tables, usage (sets of names, or {"*"}), default_group."""
        sets = {
            key: frozenset(value) if isinstance(value, list | set | tuple) else value
            for key, value in rights.items()
        }
        self.known[name] = User(name, password, **sets)
        return self.known[name]


def denied(privilege: str) -> Refused:
    return Refused(
        f"Access denied; you need (at least one of) the ({privilege}) privilege(s) for this operation", 1227
    )
