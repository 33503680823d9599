"""Every way in which a file breaks the schema, in our own words, at its line and column."""

import difflib
from collections.abc import Iterator
from typing import Any

from reconciler.config import read, schema
from reconciler.config.read import Map
from reconciler.errors import Problem

KINDS = {"object": "a mapping", "array": "a list", "string": "text", "integer": "a whole number",
         "boolean": "true or false"}  # fmt: skip


def problems(tree: Map, file: str) -> list[Problem]:
    """Jsonschema finds, we tell; in the order of the file."""
    from jsonschema import Draft7Validator  # noqa: PLC0415  88 ms, and only a broken file needs it

    validator = Draft7Validator(schema.document("plans"))
    found = {
        Problem(file, *read.place(mark), message, code)
        for error in validator.iter_errors(tree)
        for mark, message, code in _explain(tree, error)
    }
    return sorted(found, key=lambda problem: (problem.line, problem.column, problem.message))


def _explain(tree: Map, error: Any) -> Iterator[tuple[int, str, str]]:
    path = tuple(error.absolute_path)
    here = read.mark_at(tree, path)
    match error.validator:
        case "additionalProperties":
            for key in sorted(error.instance.keys() - error.schema.get("properties", {}).keys()):
                yield _unknown_key(tree, path, key, error.schema["properties"])
        case "required":
            for key in _missing(error):
                yield here, f"{_name(path)} needs {key!r}", "required"
        case "oneOf":
            if isinstance(error.instance, dict):  # what is no mapping has its own problem
                yield _one_of(tree, path, error, here)
        case "if":
            for inner in error.context or ():
                yield from _explain(tree, inner)
        case _ if "propertyNames" in error.schema_path:
            yield read.mark_at(tree, (*path, error.instance), key=True), _bad_name(error.instance), "name"
        case _:
            yield here, f"{_name(path)} {_ought(error)}", _code(error.validator)


def _unknown_key(tree: Map, path: tuple[Any, ...], key: str, known: dict[str, Any]) -> tuple[int, str, str]:
    written = key.partition("\0")[0]
    near = difflib.get_close_matches(written, known, n=1)
    advice = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(known))}"
    mark = read.mark_at(tree, (*path, key), key=True)
    return mark, f"unknown key {written!r} in {_name(path)}; {advice}", "unknown-key"


def _missing(error: Any) -> list[str]:
    """Jsonschema names one missing key an error, in its message only."""
    return [key for key in error.validator_value if error.message.startswith(repr(key))]


def _one_of(tree: Map, path: tuple[Any, ...], error: Any, here: int) -> tuple[int, str, str]:
    wanted = [part["required"][0] for part in error.validator_value]
    given = [key for key in wanted if key in error.instance]
    if not given:
        return here, f"{_name(path)} needs one of {' and '.join(map(repr, wanted))}", "one-of"
    mark = read.mark_at(tree, (*path, given[1]), key=True)
    return mark, f"{_name(path)} has both {' and '.join(map(repr, given))}; keep one", "one-of"


def _bad_name(name: Any) -> str:
    return f"{name!r} is no name: lower-case letters, digits, - and _, at most 63, beginning with a letter or digit"


def _ought(error: Any) -> str:
    value, wanted = error.instance, error.validator_value
    match error.validator:
        case "type":
            return f"must be {KINDS[wanted]}, and is {_shown(value)}"
        case "enum":
            near = difflib.get_close_matches(str(value), wanted, n=1)
            advice = f"; did you mean {near[0]!r}?" if near else ""
            return f"must be one of {', '.join(wanted)}, and is {_shown(value)}{advice}"
        case "const":
            return f"must be {wanted!r}, and is {_shown(value)}"
        case "pattern":
            return f"must look otherwise than {_shown(value)}: {error.schema['description']}"
        case "minimum" | "maximum":
            return f"must be {'at least' if error.validator == 'minimum' else 'at most'} {wanted}, and is {value}"
        case "minLength" | "minItems" | "minProperties":
            return f"must have at least {wanted}"
        case "maxLength" | "maxItems" | "maxProperties":
            return f"must have at most {wanted}"
        case "uniqueItems":
            return "names something twice"
    return str(error.message)


def _code(validator: str) -> str:
    return {"const": "enum", "minimum": "range", "maximum": "range", "uniqueItems": "repeated"}.get(
        validator, "pattern" if validator == "pattern" else "type" if validator == "type" else
        "enum" if validator == "enum" else "size"
    )  # fmt: skip


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value if not isinstance(value, str) or len(value) < 60 else value[:57] + "...")  # noqa: PLR2004


def _name(path: tuple[Any, ...]) -> str:
    """`warehouses.analytics.plan`, `restores[0].from`; `the file` at the top."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step.partition(chr(0))[0]}"
    return text.removeprefix(".") or "the file"
