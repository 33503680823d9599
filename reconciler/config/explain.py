"""Every way in which a file breaks the schema, in our own words, at its line and column.

What stands where a secret is expected is never shown: it may be one.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from reconciler.config import marks, read, schema
from reconciler.config.marks import Map, Told
from reconciler.errors import Problem

Path = tuple[str | int, ...]
Finding = tuple[int, str, str]  # mark, message, code

KINDS = {"object": "a mapping", "array": "a list", "string": "text", "integer": "a whole number",
         "boolean": "true or false"}  # fmt: skip
CODES = {"type": "type", "enum": "enum", "const": "enum", "pattern": "pattern", "minimum": "range",
         "maximum": "range"}  # fmt: skip
SECRET_PLACES = frozenset({"password", "credentials"})
SECRET = "a secret is a reference, {env: NAME} or {file: PATH}, and never stands here itself"  # noqa: S105  words
LONG = 60
MOST = 1_000  # problems of one load; who has more mends these first


def problems(tree: Map, file: str) -> list[Problem]:
    """Jsonschema finds, we tell; in the order of the file."""
    from jsonschema import Draft7Validator  # noqa: PLC0415  88 ms, and only a broken file needs it

    validator = Draft7Validator(schema.document("plans"))
    found = {
        Problem(file, *marks.place(mark), message, code)
        for error in validator.iter_errors(tree)
        for mark, message, code in _explain(tree, error)
    }
    return sorted(found, key=lambda problem: (problem.line, problem.column, problem.message))


def _explain(tree: Map, error: Any) -> Iterator[Finding]:
    path = tuple(error.absolute_path)
    match error.validator:
        case "additionalProperties":
            yield from _unknown_keys(tree, path, error)
        case "required":
            yield from _missing(tree, path, error)
        case "oneOf" if isinstance(error.instance, Map):
            wanted = [part["required"][0] for part in error.validator_value]
            yield from _one_of(tree, path, wanted, error.instance)
        case "minProperties" | "maxProperties":
            yield from _one_of(tree, path, list(error.schema.get("properties", {})), error.instance)
        case "uniqueItems":
            yield from _repeated(tree, path, error.instance)
        case "oneOf":
            pass  # it is no mapping, which another error says
        case "minimum" | "maximum" if not _is_whole(error.instance):
            pass  # likewise
        case _ if "propertyNames" in error.schema_path:
            yield from _bad_name(tree, path, error)
        case _:
            words = f"{name(path)} {_ought(path, error)}"
            yield marks.mark_at(tree, path), words, CODES.get(error.validator, "size")


def _unknown_keys(tree: Map, path: Path, error: Any) -> Iterator[Finding]:
    known = error.schema["properties"]
    for key in error.instance.keys() - known.keys():
        if isinstance(key, Told):
            continue
        near = near_to(key, known)
        advice = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(known))}"
        words = f"unknown key {_shown(path, key)} in {name(path)}; {advice}"
        yield marks.mark_at(tree, (*path, key), key=True), words, "unknown-key"


def near_to(written: str, known: Iterable[str]) -> list[str]:
    """The nearest valid one, if any is near; a text that is longer than any of them is near to none."""
    return difflib.get_close_matches(written, known, n=1) if len(written) < LONG else []


def _missing(tree: Map, path: Path, error: Any) -> Iterator[Finding]:
    """Jsonschema names one missing key an error, in its message only."""
    for key in error.validator_value:
        if error.message.startswith(repr(key)) and not _merges(error.instance):
            yield _key_mark(tree, path), f"{name(path)} needs {key!r}", "required"


def _one_of(tree: Map, path: Path, wanted: list[str], instance: Map) -> Iterator[Finding]:
    given = [key for key in wanted if key in instance]
    if len(given) > 1:
        words = f"{name(path)} has both {' and '.join(map(repr, given))}; keep one"
        yield max(marks.mark_at(tree, (*path, key), key=True) for key in given), words, "one-of"
    elif not given and not _merges(instance):
        words = f"needs {' or '.join(map(repr, wanted))}" if wanted else "must not be empty"
        yield _key_mark(tree, path), f"{name(path)} {words}", "one-of"


def _repeated(tree: Map, path: Path, items: list[Any]) -> Iterator[Finding]:
    places: dict[str, int] = {}
    for at, item in enumerate(items):
        first = places.setdefault(repr(item), at)
        if first != at:
            words = f"{name(path)} has {_shown(path, item)} twice; first in place {first + 1}"
            yield marks.mark_at(tree, (*path, at)), words, "repeated"


def _bad_name(tree: Map, path: Path, error: Any) -> Iterator[Finding]:
    if not isinstance(error.instance, Told):
        words = f"{error.instance!r} is no name; expected: {_described(error)}"
        yield marks.mark_at(tree, (*path, error.instance), key=True), words, "name"


def _merges(instance: Map) -> bool:
    """Whether what is missing may be in what was to be merged."""
    return any(isinstance(key, Told) and key.written == "<<" for key in instance)


def _key_mark(tree: Map, path: Path) -> int:
    """Where a mapping that lacks something is named; an item of a list has no name."""
    return marks.mark_at(tree, path, key=bool(path) and isinstance(path[-1], str))


def _ought(path: Path, error: Any) -> str:
    value, wanted, shown = error.instance, error.validator_value, _shown(path, error.instance)
    either = list(error.schema_path)[-2:-1] in (["then"], ["else"])  # one of two kinds of value
    match error.validator:
        case "type" | "const" | "pattern" if either or error.validator == "pattern":
            return f"is {shown}; expected: {_described(error)}"
        case "type" if SECRET_PLACES & set(path[2:]):
            return f"must be {KINDS[wanted]}; {SECRET}"
        case "type":
            return f"must be {KINDS[wanted]}, and is {shown}{_advice(error)}"
        case "enum":
            near = near_to(str(value), wanted)
            advice = f"; did you mean {near[0]!r}?" if near else ""
            return f"must be one of {', '.join(wanted)}, and is {shown}{advice}"
        case "const":
            return f"must be {_shown((), wanted)}, and is {shown}"
        case "minimum" | "maximum":
            return f"must be {'at least' if error.validator == 'minimum' else 'at most'} {wanted}, and is {shown}"
        case "minLength" | "minItems" if not value:
            return "must not be empty"
    least = "least" if error.validator == "minLength" else "most"
    return f"must have at {least} {wanted} characters, and has {len(value)}"


def _described(error: Any) -> str:
    text = str(error.schema["description"]).removesuffix(".").partition(". Default: ")[0]
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _advice(error: Any) -> str:
    """What to write instead, where a number stands for a text or a text for a number."""
    value, wanted, pattern = error.instance, error.validator_value, error.schema.get("pattern", "")
    if wanted == "string" and isinstance(value, int | float):
        return "; put it into quotes" if re.search(pattern, str(value)) else f"; expected: {_described(error)}"
    if wanted == "integer" and isinstance(value, str) and read.INTEGER.fullmatch(value):
        return "; write it without quotes"
    if wanted == "integer" and isinstance(value, str) and value.isdecimal():
        return "; write it without the zero in front"
    return ""


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _shown(path: Path, value: Any) -> str:
    """A value as it may be shown: short, on one line, and nothing of a secret."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    if SECRET_PLACES & set(path[2:]):
        return "(not shown)"
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return repr(value)
    _, at, after = value.rpartition("@")
    text = f"***@{after}" if at and path[-1:] == ("endpoint",) else value
    return repr(text if len(text) < LONG else f"{text[: LONG - 3]}...")


def name(path: Path) -> str:
    """`warehouses.analytics.plan`, `restores[0].from`; `the file` at the top."""
    return "".join(map(_step, path)).removeprefix(".") or "the file"


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    written = step.written if isinstance(step, Told) else step
    return f".{written if written.isprintable() else repr(written)}"
