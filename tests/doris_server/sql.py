"""Statements as trees, by sqlglot."""

import sqlglot
from sqlglot import exp
from sqlglot.dialects.doris import Doris
from sqlglot.tokens import TokenType

from .errors import Refused


class Sql(Doris):
    """sqlglot's Doris, with the types it does not know."""

    class Tokenizer(Doris.Tokenizer):
        KEYWORDS = Doris.Tokenizer.KEYWORDS | {
            "LARGEINT": TokenType.INT128, "IPV4": TokenType.IPV4, "IPV6": TokenType.IPV6, "VARIANT": TokenType.VARIANT,
            "DATETIMEV2": TokenType.DATETIME, "DATEV2": TokenType.DATE, "DECIMALV3": TokenType.DECIMAL,
        }  # fmt: skip


def parsed(sql: str) -> exp.Expression:
    try:
        trees = sqlglot.parse(sql, read=Sql)
    except sqlglot.errors.SqlglotError as error:
        raise Refused(f"\nmismatched input: {str(error).splitlines()[0]}", 1105) from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Query | exp.Insert | exp.Delete | exp.Update):
        raise Refused("\nextraneous input ';' expecting <EOF>", 1105)
    return trees[0]
