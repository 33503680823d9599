"""SELECT, INSERT, DELETE, UPDATE: translated by sqlglot, names resolved to the store's tables, run by DuckDB."""

import re
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from . import groups, information, kinds, macros, sources
from .answers import Done, Rows
from .column_facts import SEQUENCE
from .errors import Refused, unknown_database
from .sql import parsed
from .tables import quoted

INTERNAL = {"internal", "default_catalog"}
OWN_CASTS = {"text_of", "ipv4_of", "wide_of", "json_of"}


def run(session: Any, sql: str) -> Rows | Done:
    from . import outfile, writes

    if sql.lstrip()[:6].upper() == "INSERT":
        return writes.insert(session, sql)
    return outfile.run(session, sql) or _plain(session, sql)


def _plain(session: Any, sql: str) -> Rows | Done:
    chosen, sql = _tablets(sql)
    tree = parsed(sql)
    writes = isinstance(tree, exp.Delete | exp.Update)
    written = session.table_to_write(*names(session, tree.find(exp.Table))) if writes else None
    columns = [_column(each) for each in tree.expressions] if isinstance(tree, exp.Select) else None
    resolved = resolve(session, tree, chosen).sql("duckdb")
    if session.touched:
        groups.work(session, "insert" if writes else "query", session.touched[0])
    answer = duck(session, resolved)
    rows = answer.fetchall()
    if written is not None:
        written.written(written.definition.predicates(written.name), session.warehouse.clock.now)
        return Done(rows[0][0] if rows else 0)
    found = [each[0] for each in answer.description]
    if columns and len(columns) == len(found):
        found = [own or name for own, name in zip(columns, found, strict=True)]
    types = tuple(str(each[1]) for each in answer.description)
    return Rows(tuple(found), [tuple(map(_shown, row)) for row in rows], types)


def duck(session: Any, sql: str) -> Any:
    try:
        return session.warehouse.store.run(sql)
    except duckdb.Error as error:
        raise Refused(str(error), 1105) from error


def select(session: Any, sql: str) -> str:
    """A query, as DuckDB's words over the store's tables."""
    chosen, sql = _tablets(sql)
    return resolve(session, parsed(sql), chosen).sql("duckdb")


def values(session: Any, sql: str) -> str:
    """What an INSERT gives: VALUES or a query."""
    tree = parsed(f"INSERT INTO x {sql}").expression
    return resolve(session, tree, ()).sql("duckdb")


def described(session: Any, sql: str) -> list[tuple[str, str]]:
    """Names and types of the columns of a query in DuckDB's words."""
    return [(row[0], row[1]) for row in duck(session, f"DESCRIBE {sql}").fetchall()]


def expression(session: Any, sql: str) -> str:
    """A generated column's."""
    return resolve(session, parsed(f"SELECT {sql}"), ()).sql("duckdb").removeprefix("SELECT ")


def _shown(value: Any) -> Any:
    """Addresses and wide decimals as text; what is opaque stays, for tests that look from behind."""
    if isinstance(value, dict) and set(value) == {"ipv4"}:
        return ".".join(str(value["ipv4"] >> bits & 255) for bits in (24, 16, 8, 0))
    return value["wide"] if isinstance(value, dict) and set(value) == {"wide"} else value


def _tablets(sql: str) -> tuple[tuple[int, ...], str]:
    """TABLET (1, 2) after a table's name, which sqlglot does not know, and the rest."""
    found = re.search(r"\bTABLET\s*\(\s*(\d+(?:\s*,\s*\d+)*)\s*\)", sql, re.IGNORECASE)
    if found is None:
        return (), sql
    return tuple(int(number) for number in found[1].split(",")), sql[: found.start()] + sql[found.end() :]


def _column(each: exp.Expression) -> str:
    """The name of a result's column where DuckDB would choose another: @@version_comment, count(*)."""
    return (
        ""
        if isinstance(each, exp.Star | exp.Column | exp.Alias)
        else each.sql("doris").lower().replace("schema()", "database()")
    )


def resolve(session: Any, tree: exp.Expression, tablets: tuple[int, ...]) -> exp.Expression:
    local = {cte.alias for cte in tree.find_all(exp.CTE)}
    star = tree.find(exp.Star) is not None
    tree = tree.transform(lambda node: _function(session, node)).transform(lambda node: _cast(session, node))
    for node in list(tree.find_all(exp.Table)):
        if isinstance(node.this, exp.Anonymous):
            node.replace(_aliased(exp.to_table(sources.table(session, node.this)), node.alias or None))
        elif not (node.name in local and not node.args.get("db")) and isinstance(node.this, exp.Identifier):
            node.replace(_table(session, node, tablets, star))
    return tree


def _function(session: Any, node: exp.Expression) -> exp.Expression:
    """Variables and functions about the session; those that only the one product has."""
    if isinstance(node, exp.SessionParameter):
        return exp.Literal.string(session.variable(node.name, node.text("kind").lower()))
    if not isinstance(node, exp.Func):
        return node
    name = node.name.lower() if isinstance(node, exp.Anonymous) else type(node).__name__.lower()
    if name in {"utc_timestamp", "utctimestamp"}:
        return _timestamp(session.warehouse.clock.now.strftime("%Y-%m-%d %H:%M:%S"))
    if macros.absent(name, session.warehouse.dialect):
        raise Refused(f"Can not found function '{name}'", 1105)
    if isinstance(node, exp.JSONObject):
        (pair,) = node.expressions
        return _called("json_with", pair.this, pair.expression)
    if isinstance(node, exp.ParseJSON):
        return _called("json_or_string_of", node.this)
    if isinstance(node, exp.ToBase64 | exp.FromBase64):
        return exp.Anonymous(this=f"plain_{'to' if isinstance(node, exp.ToBase64) else 'from'}_base64", expressions=[node.this])
    known = session.functions()
    return exp.Literal.string(known[name]) if name in known else node


def _timestamp(text: str) -> exp.Expression:
    return exp.Anonymous(this="strptime", expressions=[exp.Literal.string(text), exp.Literal.string("%Y-%m-%d %H:%M:%S")])


def _cast(session: Any, node: exp.Expression) -> exp.Expression:
    """A failing CAST is NULL unless enable_strict_cast is on. Texts are the server's own."""
    if type(node) is not exp.Cast:
        return node
    strict = session.variables.get("enable_strict_cast") in {"true", "1"}
    name = node.to.this.value if hasattr(node.to.this, "value") else str(node.to.this)
    if name in {"TEXT", "VARCHAR", "CHAR"}:
        return _called("text_of", node.this)
    if name == "IPV4":
        return _called("ipv4_of", node.this)
    if name in {"JSON", "JSONB"}:
        return _called("json_or_string_of" if session.warehouse.dialect.starrocks else "json_of", node.this)
    if name in {"IPV6", "VARIANT"}:
        return _called("text_of", node.this)
    if name == "DECIMAL" and node.to.expressions and int(node.to.expressions[0].name) > kinds.WIDEST:
        return _called("wide_of", node.this)
    kind = exp.DataType.build("DATETIME") if name == "DATETIME" else node.to
    made = (exp.Cast if strict else exp.TryCast)(this=_called("text_of", node.this) if _from_own(node.this) else node.this, to=kind)
    if name == "DATETIME" and not session.warehouse.dialect.starrocks:
        digits = int(node.to.expressions[0].name) if node.to.expressions else 0
        return _called("scaled", made, exp.Literal.number(10 ** (6 - digits)))
    return made


def _from_own(node: exp.Expression) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() in OWN_CASTS


def _called(name: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=list(arguments))


def names(session: Any, node: exp.Table) -> tuple[str, str]:
    if node.catalog and node.catalog not in INTERNAL:
        raise Refused(f"the stand-in has no tables in the catalog {node.catalog}", 1105)
    return node.db or session.database or "", node.name


def _table(session: Any, node: exp.Table, tablets: tuple[int, ...], star: bool) -> exp.Expression:
    database, name = names(session, node)
    if database.lower() == "information_schema":
        found: exp.Expression = exp.to_table(information.fresh(session, name))
        return _aliased(found, node.alias or name)
    if not database:
        raise Refused("No database selected", 1046)
    if database not in session.warehouse.databases:
        raise unknown_database(database)
    table = session.table_to_read(database, name)
    if table.kind == "VIEW":
        inner = resolve(session.within(database), parsed(table.definition.query), ())
        return _aliased(exp.Subquery(this=inner), node.alias or name)
    chosen = [each.name for each in node.args["partition"].expressions] if node.args.get("partition") else []
    hides = star and table.hidden and session.variables["show_hidden_columns"] not in {"true", "1"}
    if chosen or tablets or hides:
        text = _part(table, chosen, tablets, f"* EXCLUDE ({SEQUENCE})" if hides else "*")
        return _aliased(sqlglot.parse_one(text, read="duckdb"), node.alias or name)
    alias = None if isinstance(node.parent, exp.Insert | exp.Schema) else node.alias or name
    return _aliased(exp.to_table(table.physical), alias)


def _part(table: Any, chosen: list[str], tablets: tuple[int, ...], columns: str) -> str:
    """Some partitions of a table, or some tablets."""
    predicates = table.definition.predicates(table.name)
    for name in chosen:
        if name not in predicates:
            raise Refused(f"partition {name} is not exist in table {table.name}", 1105)
    parts = [f"({predicates[name]})" for name in chosen or predicates] or ["FALSE"]
    own = {tablet: predicate for _, tablet, predicate in table.tablets()}
    pieces = [f"({own.get(tablet, 'FALSE')})" for tablet in tablets] or ["TRUE"]
    return f"(SELECT {columns} FROM {quoted(table.physical)} WHERE ({' OR '.join(parts)}) AND ({' OR '.join(pieces)}))"


def _aliased(found: exp.Expression, alias: str | None) -> exp.Expression:
    if alias:
        found.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    return found
