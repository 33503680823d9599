"""A fast yes: the schema compiled to plain functions. Where it says no, jsonschema explains (explain.py).

It knows the keywords that our schema uses and no others; a test holds its answer equal to jsonschema's.
"""

import re
from collections.abc import Callable
from typing import Any

Check = Callable[[Any], bool]

TYPES: dict[str, Check] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: (isinstance(value, int) and not isinstance(value, bool))
    or (isinstance(value, float) and value.is_integer()),
}  # fmt: skip
WORDS = frozenset({"$schema", "$id", "title", "description", "definitions", "default"})


class Compiler:
    """Compiles parts of one schema. Raises KeyError for a keyword that is not known here."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._definitions = root.get("definitions", {})
        self._done: dict[str, Check] = {}

    def check(self, schema: dict[str, Any]) -> Check:
        """All keywords of a schema, as one function."""
        if "$ref" in schema:
            return self._reference(schema["$ref"])
        checks = []
        if schema.get("type") == "object" or "properties" in schema:
            checks.append(self._object(schema))
        done = {"type", "required"} if schema.get("type") == "object" else set()
        keywords = schema.keys() - WORDS - OF_OBJECTS - {"then", "else"} - done
        checks += [getattr(self, f"_{keyword}")(schema) for keyword in ORDER if keyword in keywords]
        unknown = keywords - set(ORDER)
        if unknown:
            raise KeyError(f"keyword {unknown.pop()} is not compiled")
        return _all(checks)

    def _reference(self, reference: str) -> Check:
        name = reference.removeprefix("#/definitions/")
        if name not in self._done:
            self._done[name] = self.check(self._definitions[name])
        return self._done[name]

    def _object(self, schema: dict[str, Any]) -> Check:
        properties = {name: self.check(part) for name, part in schema.get("properties", {}).items()}
        required = tuple(schema.get("required", ()))
        names = self.check(schema["propertyNames"]) if "propertyNames" in schema else None
        others = schema.get("additionalProperties", True)
        other = self.check(others) if isinstance(others, dict) else None
        least, most = schema.get("minProperties", 0), schema.get("maxProperties")
        strict = schema.get("type") == "object"

        def check(value: Any) -> bool:
            if not isinstance(value, dict):
                return not strict
            for name in required:
                if name not in value:
                    return False
            for name, item in value.items():
                known = properties.get(name)
                if known is not None:
                    if not known(item):
                        return False
                elif others is False or (other is not None and not other(item)):
                    return False
                if names is not None and not names(name):
                    return False
            return len(value) >= least and (most is None or len(value) <= most)

        return check

    def _required(self, schema: dict[str, Any]) -> Check:
        names = tuple(schema["required"])
        return lambda value: not isinstance(value, dict) or all(name in value for name in names)

    def _type(self, schema: dict[str, Any]) -> Check:
        return TYPES[schema["type"]]

    def _const(self, schema: dict[str, Any]) -> Check:
        wanted = schema["const"]
        return lambda value: value == wanted and isinstance(value, bool) == isinstance(wanted, bool)

    def _enum(self, schema: dict[str, Any]) -> Check:
        wanted = frozenset(schema["enum"])
        return lambda value: isinstance(value, str) and value in wanted

    def _pattern(self, schema: dict[str, Any]) -> Check:
        search = re.compile(schema["pattern"]).search
        return lambda value: not isinstance(value, str) or search(value) is not None

    def _minLength(self, schema: dict[str, Any]) -> Check:  # noqa: N802  the keyword's own spelling
        least = schema["minLength"]
        return lambda value: not isinstance(value, str) or len(value) >= least

    def _maxLength(self, schema: dict[str, Any]) -> Check:  # noqa: N802
        most = schema["maxLength"]
        return lambda value: not isinstance(value, str) or len(value) <= most

    def _minimum(self, schema: dict[str, Any]) -> Check:
        least = schema["minimum"]
        return lambda value: not _is_number(value) or value >= least

    def _maximum(self, schema: dict[str, Any]) -> Check:
        most = schema["maximum"]
        return lambda value: not _is_number(value) or value <= most

    def _minItems(self, schema: dict[str, Any]) -> Check:  # noqa: N802
        least = schema["minItems"]
        return lambda value: not isinstance(value, list) or len(value) >= least

    def _uniqueItems(self, _: dict[str, Any]) -> Check:  # noqa: N802
        return lambda value: not isinstance(value, list) or len(set(map(repr, value))) == len(value)

    def _items(self, schema: dict[str, Any]) -> Check:
        item = self.check(schema["items"])
        return lambda value: not isinstance(value, list) or all(map(item, value))

    def _allOf(self, schema: dict[str, Any]) -> Check:  # noqa: N802
        return _all([self.check(part) for part in schema["allOf"]])

    def _oneOf(self, schema: dict[str, Any]) -> Check:  # noqa: N802
        checks = tuple(self.check(part) for part in schema["oneOf"])
        return lambda value: sum(check(value) for check in checks) == 1

    def _if(self, schema: dict[str, Any]) -> Check:
        condition, then, other = (self.check(schema[part]) for part in ("if", "then", "else"))
        return lambda value: then(value) if condition(value) else other(value)


def _all(checks: list[Check]) -> Check:
    """All of them, as one; a loop costs a third of `all` over a generator."""
    if len(checks) == 1:
        return checks[0]

    def check(value: Any) -> bool:
        for single in checks:  # noqa: SIM110
            if not single(value):
                return False
        return True

    return check


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


OF_OBJECTS = frozenset({
    "properties", "propertyNames", "additionalProperties", "minProperties", "maxProperties",
})  # fmt: skip
ORDER = (
    "type", "const", "enum", "required", "pattern", "minLength", "maxLength", "minimum", "maximum", "minItems",
    "uniqueItems", "items", "allOf", "oneOf", "if",
)  # fmt: skip
