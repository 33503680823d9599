"""SELECT, INSERT, DELETE, UPDATE: translated by sqlglot, names resolved to the store's tables, run by DuckDB."""

from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from . import groups, information
from .answers import Done, Rows
from .errors import Refused, unknown_database
from .tables import quoted

INTERNAL = {"internal", "default_catalog"}


def resolved(session: Any, sql: str) -> str:
    """A SELECT in DuckDB's words over the store's tables."""
    return _resolve(session, _parsed(sql)).sql("duckdb")


def run(session: Any, sql: str) -> Rows | Done:
    from . import exports

    answered = exports.outfile(session, sql) or exports.load(session, sql)
    if answered is not None:
        return answered
    tree = _parsed(sql)
    if isinstance(tree, exp.Insert | exp.Delete | exp.Update):
        written = tree.find(exp.Table)
        session.table_to_write(*_names(session, written))
    columns = [_column(each) for each in tree.expressions] if isinstance(tree, exp.Select) else None
    resolved = _resolve(session, tree)
    if session.touched:
        groups.work(session, "query" if columns else "insert", session.touched[0])
    try:
        answer = session.warehouse.store.run(resolved.sql("duckdb"))
        rows = answer.fetchall()
    except duckdb.Error as error:
        raise Refused(str(error), 1105) from error
    if isinstance(tree, exp.Insert | exp.Delete | exp.Update):
        return Done(rows[0][0] if rows else 0)
    names = [each[0] for each in answer.description]
    if columns and len(columns) == len(names):
        names = [own or name for own, name in zip(columns, names, strict=True)]
    return Rows(tuple(names), rows, tuple(str(each[1]) for each in answer.description))


def _parsed(sql: str) -> exp.Expression:
    try:
        trees = sqlglot.parse(sql, read="doris")
    except sqlglot.errors.SqlglotError as error:
        raise Refused(f"\nmismatched input: {str(error).splitlines()[0]}", 1105) from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query | exp.Insert | exp.Delete | exp.Update):
        raise Refused("\nextraneous input ';' expecting <EOF>", 1105)
    return trees[0]


def _column(each: exp.Expression) -> str:
    """The name of a result's column where DuckDB would choose another: @@version_comment, count(*)."""
    return (
        ""
        if isinstance(each, exp.Star | exp.Column | exp.Alias)
        else each.sql("doris").lower().replace("schema()", "database()")
    )


def _resolve(session: Any, tree: exp.Expression) -> exp.Expression:
    local = {cte.alias for cte in tree.find_all(exp.CTE)}
    tree = tree.transform(lambda node: _value(session, node))
    for node in list(tree.find_all(exp.Table)):
        if not (node.name in local and not node.args.get("db")) and isinstance(node.this, exp.Identifier):
            node.replace(_table(session, node))
    return tree


def _value(session: Any, node: exp.Expression) -> exp.Expression:
    """Variables and functions about the session."""
    if isinstance(node, exp.SessionParameter):
        return exp.Literal.string(session.variable(node.name, node.text("kind").lower()))
    name = node.name.lower() if isinstance(node, exp.Anonymous) else type(node).__name__.lower()
    known = session.functions()
    return exp.Literal.string(known[name]) if name in known and isinstance(node, exp.Func) else node


def _names(session: Any, node: exp.Table) -> tuple[str, str]:
    if node.catalog and node.catalog not in INTERNAL:
        raise Refused(f"the stand-in has no tables in the catalog {node.catalog}", 1105)
    return node.db or session.database or "", node.name


def _table(session: Any, node: exp.Table) -> exp.Expression:
    database, name = _names(session, node)
    if database.lower() == "information_schema":
        found: exp.Expression = exp.to_table(information.fresh(session, name))
        return _aliased(found, node.alias or name)
    if not database:
        raise Refused("No database selected", 1046)
    if database not in session.warehouse.databases:
        raise unknown_database(database)
    table = session.table_to_read(database, name)
    if table.kind == "VIEW":
        inner = _resolve(session.within(database), _parsed(table.definition.query))
        return _aliased(exp.Subquery(this=inner), node.alias or name)
    chosen = [each.name for each in node.args["partition"].expressions] if node.args.get("partition") else []
    if chosen:
        return _aliased(sqlglot.parse_one(_partitions(table, chosen), read="duckdb"), node.alias or name)
    alias = None if isinstance(node.parent, exp.Insert | exp.Schema) else node.alias or name
    return _aliased(exp.to_table(table.physical), alias)


def _partitions(table: Any, chosen: list[str]) -> str:
    predicates = table.definition.predicates(table.name)
    for name in chosen:
        if name not in predicates:
            raise Refused(f"partition {name} is not exist in table {table.name}", 1105)
    return (
        f"(SELECT * FROM {quoted(table.physical)} WHERE {' OR '.join(f'({predicates[name]})' for name in chosen)})"
    )


def _aliased(found: exp.Expression, alias: str | None) -> exp.Expression:
    if alias:
        found.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    return found
