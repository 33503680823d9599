"""Statements cut into tokens, and a reader of them: back-quotes and escaped strings."""

import re
from typing import NamedTuple

from .errors import Refused

TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
      | (?P<name>`(?:[^`]|``)*`)
      | (?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
      | (?P<word>\w+)
      | (?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}


class Token(NamedTuple):
    kind: str  # name (back-quoted), text, word, mark, end
    value: str  # without its quotes
    start: int
    end: int


def tokens(sql: str) -> list[Token]:
    found = [
        Token(str(match.lastgroup), _value(match), match.start(), match.end())
        for match in TOKEN.finditer(sql)
        if match.lastgroup != "space"
    ]
    while found and found[-1].value == ";":
        found.pop()
    return [*found, Token("end", "<EOF>", len(sql), len(sql))]


def _value(match: re.Match[str]) -> str:
    raw = match.group()
    if match.lastgroup == "name":
        return raw[1:-1].replace("``", "`")
    if match.lastgroup == "text":
        inner = raw[1:-1].replace(raw[0] * 2, raw[0])
        return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), inner, flags=re.DOTALL)
    return raw


class Reader:
    """Reads a statement from left to right; a surprise is the server's own syntax error."""

    def __init__(self, sql: str, starrocks: bool = False) -> None:
        self.sql, self.tokens, self.at, self.starrocks = sql, tokens(sql), 0, starrocks

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def sees(self, *words: str) -> bool:
        ahead = self.tokens[self.at : self.at + len(words)]
        return len(ahead) == len(words) and all(map(self._is, ahead, words))

    def take(self, *words: str) -> bool:
        """Whether these came next; then they are read."""
        seen = self.sees(*words)
        self.at += len(words) * seen
        return seen

    def expect(self, *words: str) -> None:
        for word in words:
            if not self.take(word):
                raise self.wrong(f"'{word}'")

    def one_of(self, *words: str) -> str:
        for word in words:
            if self.take(word):
                return word
        raise self.wrong("{" + ", ".join(f"'{word}'" for word in words) + "}")

    def name(self) -> str:
        """An identifier: back-quoted, or a word (which may begin with a digit, but is not a number)."""
        if self.next.kind not in {"name", "word"} or self.next.value.isdigit():
            raise self.wrong("identifier")
        return self._read()

    def text(self) -> str:
        if self.next.kind != "text":
            raise self.wrong("STRING_LITERAL")
        return self._read()

    def qualified(self) -> tuple[str, ...]:
        """Names with dots between them."""
        names = [self.name()]
        while self.take("."):
            names.append(self.name())
        return tuple(names)

    def listed(self, item) -> tuple:
        """( item , item … )"""
        self.expect("(")
        found = [item()]
        while self.take(","):
            found.append(item())
        self.expect(")")
        return tuple(found)

    def properties(self) -> dict[str, str]:
        """("k" = "v", …), after PROPERTIES."""
        return dict(self.listed(self._property))

    def maybe_properties(self) -> dict[str, str]:
        return self.properties() if self.take("PROPERTIES") else {}

    def end(self) -> None:
        if self.next.kind != "end":
            raise self.wrong("<EOF>", extraneous=True)

    def wrong(self, expecting: str, extraneous: bool = False) -> Refused:
        kind = "extraneous" if extraneous or self.next.value.upper() == "GLOBAL" else "mismatched"
        before = self.sql[: self.next.start]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1)
        if self.starrocks:
            text = (f"Getting syntax error at line {line}, column {column}. Detail message: "
                    f"Unexpected input '{self.next.value}', the most similar input is {{{expecting}}}.")  # fmt: skip
            return Refused(text, 1064)
        text = f"\n{kind} input '{self.next.value}' expecting {expecting}(line {line}, pos {column})\n"
        return Refused(text, 1105)

    def _property(self) -> tuple[str, str]:
        key = self.text()
        self.expect("=")
        return key, self.text()

    def _read(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1].value

    def _is(self, token: Token, word: str) -> bool:
        return token.kind in {"word", "mark"} and token.value.upper() == word
