"""The schema as editors use it, and the fast check that must answer as jsonschema does."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from reconciler.config import accept, explain, marks, read, schema
from reconciler.config.load import load

ROOT = Path(__file__).parents[2]
DOCUMENT = schema.document("plans")
SLOW = Draft7Validator(DOCUMENT)
FAST = accept.Compiler(DOCUMENT).check(DOCUMENT)
FILES = [Path(__file__).with_name("every_field.yaml"), *sorted((ROOT / "examples").glob("*.yaml"))]


def tree(path: Path) -> marks.Map:
    found, problems = read.read(path.read_bytes(), str(path))
    assert found is not None
    assert problems == []
    return found


VALID = [tree(path) for path in FILES]
SCALARS = [
    None, True, False, 0, 1, -1, 1.0, 1.5, 0.0, 14, 36500, 36501, 65535, 65536, 1e300, float("inf"), float("nan"),
    "", "x", "1", "off", "on", "fail", "latest", "duckdb", "velodb", "monday", "12:30", "24:00", "02:30:15\n", "12h", "0h",
    "2026-02-30T00:00:00Z", "2026-12-01", "2026-12-01T02:00:00", "acme-eu", "Acme", "acme\n", "a" * 63, "a" * 64, "é", "٣h",
    "https://s3.example.com", "https://u:p@s3.example.com", "a/b", "/a", "../a", [], {}, ["x"], ["x", "x"], [1, 1.0], [1, True],
    ["monday"], [{}, {}], {"x": "y"}, {"env": "X"}, {"file": "x"}, {"env": "X", "file": "x"}, {"before": "2026-12-01T02:00:00Z"},
    {"replace": ["x"]}, {"replace": []},
    {"Bad": {"engine": "duckdb", "path": "p"}}, {"Bad": {"local": {"path": "p"}}}, {"ok": {"engine": "duckdb", "path": "p"}}, {"ok": {"local": {"path": "p"}}},
]  # fmt: skip
KEYS = sorted(
    {key for part in [DOCUMENT, *DOCUMENT["definitions"].values()] for key in part.get("properties", {})}
    | {"unknown", "", "Bad Name", "before", "replace", "env", "local", "bucket", "start_time", "ca_file"}
)


def places(value: object, path: tuple = ()) -> list[tuple]:
    """The path of every value in a document."""
    found = [path]
    if isinstance(value, dict):
        found += [inner for key, item in value.items() for inner in places(item, (*path, key))]
    if isinstance(value, list):
        found += [inner for at, item in enumerate(value) for inner in places(item, (*path, at))]
    return found


def at(document: object, path: tuple) -> object:
    for step in path:
        document = document[step]
    return document


def answers(document: object) -> tuple[bool, bool]:
    return FAST(document), SLOW.is_valid(document)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_an_example_is_valid_in_every_way(path):
    assert answers(tree(path)) == (True, True)
    assert [problem for problem in load(path).problems if problem.level == "error"] == []


def test_the_schema_is_valid_draft_07():
    assert DOCUMENT["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert list(Draft7Validator(Draft7Validator.META_SCHEMA).iter_errors(DOCUMENT)) == []


def parts(part: object, path: tuple = ()) -> list[tuple[tuple, object]]:
    found = [(path, part)]
    for key, inner in part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ():
        found += parts(inner, (*path, key))
    return found


def test_every_field_is_described():
    fields = {
        path: field["description"] if "description" in field else at(DOCUMENT, field["$ref"][2:].split("/"))["description"]
        for path, field in parts(DOCUMENT)
        if path[-2:-1] == ("properties",) and isinstance(field, dict) and "if" not in path
    }  # fmt: skip

    assert len(fields) > 60
    assert [path for path, text in fields.items() if not text.endswith((".", "…", "]}`."))] == []


def test_no_mapping_of_fields_takes_an_unknown_one():
    """The reader is strict: each closed object says so, and each open one says what its names and values are."""
    objects = [part for _, part in parts(DOCUMENT) if isinstance(part, dict) and part.get("type") == "object"]

    assert [part for part in objects if "additionalProperties" not in part] == []
    assert [part for part in objects if part["additionalProperties"] is not False and "properties" in part] == []


def test_no_pattern_takes_a_line_break_or_digits_of_another_script():
    """`$` matches before a trailing line break, and `\\d` matches any digit: neither may decide alone."""
    patterns = [part["pattern"] for _, part in parts(DOCUMENT) if isinstance(part, dict) and "pattern" in part]

    assert len(patterns) > 5
    assert [pattern for pattern in patterns if not pattern.endswith("$(?!\\n)") or "\\d" in pattern] == []


def test_the_command_prints_the_schema_as_it_is_in_the_checkout():
    assert schema.text("plans") == (ROOT / "schemas/plans.schema.json").read_text(encoding="utf-8")
    assert json.loads(schema.text("plans")) == DOCUMENT


def test_an_unknown_keyword_of_the_schema_is_not_passed_over():
    with pytest.raises(KeyError, match="keyword format is not compiled"):
        accept.Compiler({}).check({"type": "string", "format": "date"})


CHANGED = [(number, path) for number, valid in enumerate(VALID) for path in places(valid)]


def entries() -> list[dict]:
    """Each entry of every_field.yaml in a small document of its own, which is quick to check again and again."""
    whole = VALID[0]
    named = [
        {section: {name: entry}} for section in ("storages", "warehouses") for name, entry in whole[section].items()
    ]
    listed = [{section: [entry]} for section in ("restores", "holds") for entry in whole[section]]
    return [
        {"version": 1, **part} for part in [*named, *listed, {"limits": whole["limits"]}, {"installation": "acme"}]
    ]


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: "-".join(entry).removeprefix("version-"))
def test_any_one_value_replaced_or_removed_gets_the_same_answer(entry):
    for path in places(entry)[1:]:
        document = copy.deepcopy(entry)
        parent = at(document, path[:-1])
        for value in SCALARS:
            parent[path[-1]] = value
            fast, slow = answers(document)
            assert fast == slow, (path, value)
        del parent[path[-1]]
        fast, slow = answers(document)
        assert fast == slow, path


@st.composite
def changed(draw: st.DrawFn) -> dict:
    """A valid document after one to three changes at random places."""
    document = copy.deepcopy(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(document)))
        value = at(document, path)
        new = draw(
            st.sampled_from(SCALARS) | st.sampled_from(CHANGED).map(lambda place: at(VALID[place[0]], place[1]))
        )
        if isinstance(value, dict) and draw(st.booleans()):
            value[draw(st.sampled_from(KEYS))] = copy.deepcopy(new)
        elif isinstance(value, list) and draw(st.booleans()):
            value.append(copy.deepcopy(new))
        elif path and draw(st.booleans()):
            del at(document, path[:-1])[path[-1]]
        elif path:
            at(document, path[:-1])[path[-1]] = copy.deepcopy(new)
    return document


@given(changed())
@settings(max_examples=600)
def test_any_changed_document_gets_the_same_answer(document):
    fast, slow = answers(document)

    assert fast == slow


@given(changed())
@settings(max_examples=200)
def test_where_the_answer_is_no_something_is_told_and_where_it_is_yes_nothing(document):
    found, problems = read.read(json.dumps(document).encode(), "f")
    assert problems == []

    assert (explain.problems(found, "f") == []) == FAST(found)
