"""A definition as the server prints it, taken apart as far as needed: words, quotes and parentheses, no grammar."""

import re
from collections.abc import Iterator
from typing import NamedTuple

TOKEN = re.compile(
    r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`]|``)*`|[()\[\],]|[^\s()\[\],'"`]+|['"`]""", re.DOTALL
)  # fmt: skip
PAIR = re.compile(r'"([^"]*)"\s*=\s*"([^"]*)"')


class Word(NamedTuple):
    """`depth` is the number of parentheses around it; they themselves stand outside."""

    text: str
    start: int
    end: int
    depth: int

    @property
    def is_name(self) -> bool:
        return self.text.startswith("`")

    @property
    def name(self) -> str:
        return self.text[1:-1].replace("``", "`") if self.is_name else self.text


def words(text: str) -> tuple[Word, ...]:
    """Raises ValueError where parentheses do not match, as behind a quote that the server did not escape."""
    found: list[Word] = []
    depth = 0
    for token in TOKEN.finditer(text):
        depth -= token[0] in ")]"  # a range that is open at its end begins with [ and ends with )
        found.append(Word(token[0], token.start(), token.end(), depth))
        depth += token[0] in "(["
        if depth < 0 or token[0] in {"'", '"', "`"}:
            depth = -1
            break
    if depth != 0:
        raise ValueError(f"its parentheses or quotes do not match: {' '.join(text.split())[:80]}")
    return tuple(found)


class Group(NamedTuple):
    """A parenthesis outside all others: from the word before it to its end. `inside` is what it holds."""

    before: str
    start: int
    end: int
    inside: str


def groups(text: str) -> Iterator[Group]:
    before, opened = "", 0
    for word in words(text):
        if word.depth:
            continue
        if word.text == "(":
            opened = word.start
        elif word.text == ")":
            yield Group(before, opened, word.end, text[opened + 1 : word.start])
        else:
            before = word.text.upper()


def properties(text: str) -> tuple[str, dict[str, str], str]:
    """What stands before the list of properties, the pairs, and what stands after."""
    found = [group for group in groups(text) if group.before == "PROPERTIES"]
    if not found:
        return text, {}, ""
    start = text.upper().rindex("PROPERTIES", 0, found[-1].start)
    return text[:start], dict(PAIR.findall(found[-1].inside)), text[found[-1].end :]


def last_properties(text: str) -> dict[str, str]:
    """The pairs of a list that ends the text, also where something before it is printed without escapes."""
    return dict(PAIR.findall(text[max(0, text.rfind("\nPROPERTIES (")) :]))


def without_partitions(text: str) -> str:
    """The definition but for its list of partitions, which grows and shrinks by itself."""
    for group in groups(text):
        first = group.inside.lstrip().upper()
        if first.startswith(("PARTITION ", "FROM ", "START ")):
            return text[: group.start] + text[group.end :]
    return text
