"""Reads YAML into plain values that remember where they stood: our own small builder over PyYAML's events.

Strict YAML 1.2 core scalars (unquoted 12:30 and on are text), no repeated key, no tag, one document, bounded
in size, depth and aliases. PyYAML's own constructors follow YAML 1.1, let the last of two equal keys win, and
libyaml's crash on 100 kB of `[` (0.2.5); stopping by depth on the event stream is also five times faster than
its safe load (docs/decisions/004).
"""

import re
from typing import Any

import yaml

from reconciler.errors import Problem

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 64
MAX_ALIASED = 10_000  # nodes that aliases may stand for, all together

LINE_BITS = 16  # a mark is line << 16 | column; longer lines have their column cut
Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAYBE_SPECIAL = frozenset("0123456789+-.~nNtTfF")
NULLS = frozenset(["", "~", "null", "Null", "NULL"])
BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,18})")  # 0755 stays text: it is octal to some and not to others
FLOAT = re.compile(r"[-+]?(?!0[0-9])(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class Map(dict[str, Any]):
    """A mapping; `marks` holds the marks of key and value in turn, in the order of the keys."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[int] = []


class Seq(list[Any]):
    """A sequence; `marks` holds the mark of each item."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        super().__init__()
        self.marks: list[int] = []


class Unreadable(Exception):
    def __init__(self, mark: int, message: str, code: str) -> None:
        super().__init__(message)
        self.mark, self.message, self.code = mark, message, code


def read(content: bytes, file: str) -> tuple[Map | None, list[Problem]]:
    """The document's mapping, and every problem of reading it; None where it could not be read to its end."""
    problems: list[Problem] = []
    if len(content) > MAX_BYTES:
        return None, [Problem(file, 0, 0, f"larger than {MAX_BYTES:,} bytes; split it into several files",
                              "too-large")]  # fmt: skip
    try:
        text = content.decode("utf-8-sig")
        tree = _Builder(file, problems).build(Parser(text))
    except UnicodeDecodeError as error:
        return None, [Problem(file, 0, 0, f"not UTF-8: byte {error.start}", "encoding")]
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        return None, [*problems, _problem(file, _mark(at), _words(error), "syntax")]
    except yaml.YAMLError as error:
        return None, [*problems, Problem(file, 0, 0, str(error).replace("\n", " "), "syntax")]
    except Unreadable as error:
        return None, [*problems, _problem(file, error.mark, error.message, error.code)]
    if not isinstance(tree, Map):
        found = "nothing" if tree is None else "something else"
        problems.append(Problem(file, 1, 1, f"a file of plans is a mapping, and here is {found}", "type"))
        return None, problems
    return tree, problems


def place(mark: int) -> tuple[int, int]:
    """Line and column, both from 1."""
    return (mark >> LINE_BITS) + 1, (mark & ((1 << LINE_BITS) - 1)) + 1


def mark_at(tree: Any, path: tuple[str | int, ...], *, key: bool = False) -> int:
    """Where the value at a path stands, or with `key` its key; the nearest parent where it does not exist."""
    mark = 0
    for at, step in enumerate(path):
        if isinstance(tree, Map) and step in tree:
            position = 2 * list(tree).index(str(step))
            wants_key = key and at == len(path) - 1
            mark = tree.marks[position if wants_key else position + 1]
        elif isinstance(tree, Seq) and isinstance(step, int) and step < len(tree):
            mark = tree.marks[step]
        else:
            break
        tree = tree[step]
    return mark


class _Builder:
    def __init__(self, file: str, problems: list[Problem]) -> None:
        self._file = file
        self._problems = problems
        self._anchors: dict[str, Any] = {}
        self._aliased = 0

    def build(self, parser: Any) -> Any:  # noqa: C901, PLR0912  one loop over events is the fast way
        """Walks the events once. A container in the making is on the stack with its pending key."""
        next_event, problems = parser.get_event, self._problems
        root: Any = None
        stack: list[tuple[Any, str | None, int, str | None]] = []
        container: Any = None
        key: str | None = None
        key_mark = 0
        anchor: str | None = None
        documents = 0
        while True:
            event = next_event()
            kind = type(event)
            if kind is yaml.ScalarEvent:
                if event.tag is not None:
                    raise Unreadable(_mark(event.start_mark), f"tags are not used here: {event.tag}", "tag")
                value = event.value
                if event.implicit[0] and (not value or value[0] in MAYBE_SPECIAL):
                    value = _resolve(value)
                if event.anchor is not None:
                    self._anchors[event.anchor] = value
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                at = _mark(event.start_mark)
                if event.tag is not None:
                    raise Unreadable(at, f"tags are not used here: {event.tag}", "tag")
                if type(container) is Map and key is None:
                    raise Unreadable(at, "a key must be text", "key")
                if len(stack) >= MAX_DEPTH:
                    raise Unreadable(at, f"deeper than {MAX_DEPTH} levels", "too-deep")
                stack.append((container, key, key_mark, anchor))
                anchor = event.anchor
                container = Map() if kind is yaml.MappingStartEvent else Seq()
                container.marks.append(at)  # until it is closed, for its own place
                key = None
                continue
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                value = container
                start = value.marks.pop(0)
                if anchor is not None:
                    self._anchors[anchor] = value
                container, key, key_mark, anchor = stack.pop()
                if container is None:
                    root = value
                elif type(container) is Map:
                    container[str(key)] = value
                    container.marks += (key_mark, start)
                    key = None
                else:
                    container.append(value)
                    container.marks.append(start)
                continue
            elif kind is yaml.AliasEvent:
                value = self._alias(event)
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    raise Unreadable(_mark(event.start_mark), "several documents in one file", "documents")
                continue
            elif kind is yaml.StreamEndEvent:
                return root
            else:
                continue
            mark = event.start_mark
            at = mark.line << LINE_BITS | mark.column
            if container is None:
                root = value
            elif type(container) is Seq:
                container.append(value)
                container.marks.append(at)
            elif key is None:
                key, key_mark = self._key(event, value, at), at
                if key in container:
                    line, column = place(container.marks[1 + 2 * list(container).index(key)])
                    problems.append(_problem(self._file, at, f"key {key!r} stands here again; first at "
                                             f"{line}:{column}", "duplicate-key"))  # fmt: skip
                    key = f"{key}\0{at}"  # kept apart, so that the rest is read and checked as well
            else:
                container[key] = value
                container.marks += (key_mark, at)
                key = None

    def _key(self, event: Any, value: Any, at: int) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise Unreadable(at, "an alias cannot be a key", "key")
        if isinstance(value, str):
            if value == "<<":
                raise Unreadable(at, "merge keys are not used here; write the fields out", "merge-key")
            return value
        self._problems.append(_problem(self._file, at, f"a key must be text; quote it: {event.value!r}", "key"))
        return str(event.value)

    def _alias(self, event: Any) -> Any:
        at = _mark(event.start_mark)
        if event.anchor not in self._anchors:
            raise Unreadable(at, f"nothing is anchored as {event.anchor} before this place", "alias")
        value = self._anchors[event.anchor]
        self._aliased += _count(value, MAX_ALIASED)
        if self._aliased > MAX_ALIASED:
            raise Unreadable(at, f"aliases stand for more than {MAX_ALIASED:,} values", "alias-bomb")
        return value


def _count(value: Any, limit: int) -> int:
    """How many nodes a value has, counting no further than the limit."""
    total, waiting = 0, [value]
    while waiting and total <= limit:
        item = waiting.pop()
        total += 1
        if isinstance(item, dict):
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return total


def _resolve(text: str) -> Any:
    """A plain scalar by YAML 1.2's core schema."""
    if text in NULLS:
        return None
    if text in BOOLEANS:
        return BOOLEANS[text]
    if INTEGER.fullmatch(text):
        return int(text)
    if FLOAT.fullmatch(text):
        return float(text)
    if INFINITE.fullmatch(text):
        return float(text.replace(".", "", 1))
    return text


def _mark(mark: Any) -> int:
    return 0 if mark is None else mark.line << LINE_BITS | mark.column


def _words(error: yaml.MarkedYAMLError) -> str:
    return " ".join(filter(None, (error.context, error.problem))) or "not YAML"


def _problem(file: str, mark: int, message: str, code: str) -> Problem:
    return Problem(file, *place(mark), message, code)
