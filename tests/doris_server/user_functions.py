"""Functions of the users' own: kept as texts, never run."""

from typing import Any, NamedTuple

from . import statements as s
from .answers import Rows, table
from .errors import Refused


class Function(NamedTuple):
    name: str
    arguments: tuple[str, ...]
    kind: str  # SCALAR, AGGREGATE, TABLES, ALIAS
    returns: str
    properties: dict[str, str]
    text: str  # as SHOW CREATE FUNCTION prints it

    @property
    def signature(self) -> str:
        return f"{self.name}({', '.join(self.arguments)})"


def create(session: Any, asked: s.CreateFunction) -> None:
    database, name = session.place(asked.target)
    properties = ",\n".join(f'"{key}"="{value}"' for key, value in asked.properties.items())
    kind = "" if asked.kind == "SCALAR" else f"{asked.kind} "
    body = f"RETURNS {asked.returns} PROPERTIES (\n{properties}\n)" if asked.kind != "ALIAS" else asked.body
    text = f"CREATE {kind}FUNCTION {name}({', '.join(asked.arguments)}) {body};"
    made = Function(name, asked.arguments, asked.kind, asked.returns, asked.properties, text)
    known = session.warehouse.functions.setdefault(database.id, {})
    if made.signature in known:
        if asked.quiet:
            return
        raise Refused(f"function already exists: {made.signature}", 1105)
    known[made.signature] = made


def drop(session: Any, asked: s.DropFunction) -> None:
    database, name = session.place(asked.target)
    known = session.warehouse.functions.get(database.id, {})
    signature = f"{name}({', '.join(asked.arguments)})"
    if known.pop(signature, None) is None and not asked.quiet:
        raise Refused(f"Unknown function, function={signature}", 1105)


def shown(session: Any, target: tuple[str, ...], full: bool) -> Rows:
    database = session.warehouse.database(target[-1] if target else session.database)
    found = sorted(session.warehouse.functions.get(database.id, {}).values(), key=lambda each: each.signature)
    if not full:
        return table("Function_Name", [(name,) for name in sorted({each.name for each in found})])
    rows = [(each.signature, each.returns, each.kind.title(), "NULL", _pairs(each)) for each in found]
    return Rows(("Signature", "Return Type", "Function Type", "Intermediate Type", "Properties"), rows)


def _pairs(each: Function) -> str:
    return "{" + ", ".join(f'"{key}":"{value}"' for key, value in each.properties.items()) + "}"


def show_create(session: Any, asked: s.ShowCreateFunction) -> Rows:
    database = session.warehouse.database(asked.database or session.database)
    signature = f"{asked.name}({', '.join(asked.arguments)})"
    found = session.warehouse.functions.get(database.id, {}).get(signature)
    if found is None:
        raise Refused(f"Unknown function, function={signature}", 1105)
    return Rows(("Function Signature", "Create Function"), [(found.signature, found.text)])
