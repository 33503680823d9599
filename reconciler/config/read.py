"""Reads YAML into plain values that remember where they stood: our own small builder over PyYAML's events.

Strict YAML 1.2 core scalars (unquoted 12:30 and on are text), but that 0755, 0o14 and 0x1F are text too, since
readers differ on them; no repeated key, no tag, one document, bounded in size, depth and aliases. PyYAML's own
constructors follow YAML 1.1, let the last of two equal keys win, and libyaml's crash on 100 kB of `[` (0.2.5);
stopping by depth on the event stream is also five times faster than its safe load (docs/decisions/004).
"""

import codecs
import re
from typing import Any

import yaml

from reconciler.config.marks import LINE_BITS, Map, Seq, Told, place
from reconciler.errors import Problem

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 64
MAX_ALIASED = 10_000  # nodes that aliases may stand for, all together

TAGGED = "tags are not used here; write the value without it"
Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAYBE_SPECIAL = frozenset("0123456789+-.~nNtTfF")
NULLS = frozenset(["", "~", "null", "Null", "NULL"])
BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,18})")  # 0755 stays text: it is octal to some and not to others
FLOAT = re.compile(r"[-+]?(?!0[0-9])(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
TEXT_TAGS = ("!", "tag:yaml.org,2002:str")
HINTS = {  # what the parser's words mostly stand for
    "mapping values are not allowed in this context": "look at the indentation, and quote a text that holds `: `",
    "did not find expected alphabetic or numeric character": "a text that begins with * or & needs quotes",
    "could not find expected ':'": "look at the indentation, and for a key without `:`",
    "found character that cannot start any token": "a tab cannot indent, and a text that begins with @, % or ` "
                                                   "needs quotes",
}  # fmt: skip


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
        tree = _Builder(file, problems, escapes="\\" in text).build(Parser(text))
    except UnicodeDecodeError as error:
        before = content.removeprefix(codecs.BOM_UTF8)[: error.start].decode()
        return None, [_problem(file, _end(before), "not UTF-8; save the file as UTF-8", "encoding")]
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        if "maximum nesting depth" in str(error.problem):  # libyaml 0.2.6, at 1,000 by itself
            return None, [*problems, _problem(file, _mark(at), f"deeper than {MAX_DEPTH} levels", "too-deep")]
        return None, [*problems, _problem(file, _mark(at), _words(error), "syntax")]
    except yaml.reader.ReaderError as error:
        before = text.partition(chr(error.character))[0]
        words = f"the character U+{error.character:04X} cannot stand in YAML"
        return None, [*problems, _problem(file, _end(before), words, "syntax")]
    except Unreadable as error:
        return None, [*problems, _problem(file, error.mark, error.message, error.code)]
    if not isinstance(tree, Map):
        found = "nothing" if tree is None else "a list" if isinstance(tree, Seq) else "a single value"
        words = f"a file of plans is a mapping that begins with `version: 1`, and here is {found}"
        problems.append(Problem(file, 1, 1, words, "type"))
        return None, problems
    return tree, problems


class _Builder:
    def __init__(self, file: str, problems: list[Problem], *, escapes: bool) -> None:
        self._file = file
        self._problems = problems
        self._escapes = escapes  # only an escape can write the character NUL
        self._anchors: dict[str, Any] = {}
        self._aliased = 0

    def build(self, parser: Any) -> Any:  # noqa: C901, PLR0912, PLR0915  one loop over events is the fast way
        """Walks the events once. A container in the making is on the stack with its pending key."""
        next_event, escapes = parser.get_event, self._escapes
        root: Any = None
        stack: list[tuple[Any, Any, int, str | None]] = []
        container: Any = None
        key: Any = None
        key_mark = 0
        anchor: str | None = None
        documents = 0
        while True:
            event = next_event()
            kind = type(event)
            if kind is yaml.ScalarEvent:
                value = event.value
                if event.tag is not None:
                    value = self._tagged(event)
                elif event.implicit[0] and (not value or value[0] in MAYBE_SPECIAL):
                    value = _resolve(value)
                elif escapes and "\0" in value:
                    self._tell(event, "a text cannot hold the character NUL", "nul")
                    value = value.replace("\0", "")
                if event.anchor is not None:
                    self._anchors[event.anchor] = value
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                at = _mark(event.start_mark)
                if event.tag is not None:
                    self._tell(event, TAGGED, "tag")
                if type(container) is Map and key is None:
                    raise Unreadable(at, "a key must be text, and here is a list or a mapping", "key")
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
                    container[key] = value
                    container.marks += (key_mark, start)
                    key = None
                else:
                    container.append(value)
                    container.marks.append(start)
                continue
            elif kind is yaml.AliasEvent:
                value = self._alias(event, len(stack))
            elif kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    self._tell(event, "a second document begins here; put it into a file of its own", "documents")
                    return root
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
                    self._tell(event, f"key {key!r} stands here again; first at {line}:{column}", "duplicate-key")
                    key = Told(f"{key}\0{at}")  # kept apart, so that the rest is read and checked as well
            else:
                container[key] = value
                container.marks += (key_mark, at)
                key = None

    def _key(self, event: Any, value: Any, at: int) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise Unreadable(at, "an alias cannot be a key", "key")
        if value == "<<" and not event.style:
            self._tell(event, "merge keys are not used here; write the fields out", "merge-key")
        elif isinstance(value, str):
            return value
        else:
            words = f"quote it: {event.value!r}" if event.value else "here is none"
            self._tell(event, f"a key must be text; {words}", "key")
        return Told(f"{event.value}\0{at}")

    def _tagged(self, event: Any) -> Any:
        """The value as if the tag were not there."""
        self._tell(event, TAGGED, "tag")
        return event.value if event.style or event.tag in TEXT_TAGS else _resolve(event.value)

    def _alias(self, event: Any, depth: int) -> Any:
        at = _mark(event.start_mark)
        if event.anchor not in self._anchors:
            raise Unreadable(at, "no anchor of this name stands before; a text that begins with * needs quotes",
                             "alias")  # fmt: skip
        value = self._anchors[event.anchor]
        count, height = _extent(value, MAX_ALIASED)
        self._aliased += count
        if self._aliased > MAX_ALIASED:
            raise Unreadable(at, f"aliases stand for more than {MAX_ALIASED:,} values", "alias-bomb")
        if depth + height > MAX_DEPTH:
            raise Unreadable(at, f"deeper than {MAX_DEPTH} levels", "too-deep")
        return value

    def _tell(self, event: Any, message: str, code: str) -> None:
        self._problems.append(_problem(self._file, _mark(event.start_mark), message, code))


def _extent(value: Any, limit: int) -> tuple[int, int]:
    """How many nodes a value has, counting no further than the limit, and how many levels of containers."""
    total, height, waiting = 0, 0, [(value, 0)]
    while waiting and total <= limit:
        item, above = waiting.pop()
        total += 1
        if isinstance(item, Map | Seq):
            height = max(height, above + 1)
            waiting += [(inner, above + 1) for inner in (item.values() if isinstance(item, Map) else item)]
    return total, height


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
    """What was found; in what, and where that begins; what to look for."""
    words = " ".join(filter(None, (error.problem, error.context))) or "not YAML"
    if error.context and error.context_mark and _mark(error.context_mark) != _mark(error.problem_mark):
        line, column = place(_mark(error.context_mark))
        words += f" that begins at {line}:{column}"
    hint = HINTS.get(str(error.problem))
    return f"{words}; {hint}" if hint else words


def _end(text: str) -> int:
    """The mark just behind a text that begins the file."""
    return text.count("\n") << LINE_BITS | len(text.rpartition("\n")[2])


def _problem(file: str, mark: int, message: str, code: str) -> Problem:
    return Problem(file, *place(mark), message, code)
