"""Whatever a file holds, reading it ends with a value or with problems, never with an exception."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from reconciler.config import marks, read
from reconciler.config.load import load
from reconciler.errors import Problem

PIECES = [
    "version: 1\n", "installation: acme\n", "warehouses:\n", "storages: ", "  ", "\n", "\n  ", "\t", "- ", "? ", ": ", ", ",
    "{", "}", "[", "]", "&a ", "*a", "*b", "<<: ", "!", "!!str ", "!!int ", "!local ", "'", '"', "|", ">", "|-\n  ", "#", "# x\n",
    "---\n", "...\n", "%YAML 1.1\n", "%TAG ! tag:x\n", "~", "null", "true", "12:30", "0755", "1e9", ".nan", "-", "\\0", "\\x00", "\\",
    "\0", "\x07", "\x85", "\u2028", "\ufeff", "é", "\U0001f600", "a", "shop", "*", "%", "@", "`", "a: &a {b: *a}", "plan: periodic\n", "[" * 70,
]  # fmt: skip
yaml_like = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def check(content: bytes) -> None:
    tree, problems = read.read(content, "f")

    assert tree is not None or problems != []
    assert tree is None or type(tree) is marks.Map
    lines = content.decode("utf-8-sig", "replace").splitlines() or [""]
    for problem in problems:
        assert problem == Problem("f", problem.line, problem.column, problem.message, problem.code, "error")
        assert str(problem).isprintable()
        assert 1 <= problem.line <= len(lines) + 1
        assert problem.column >= 1


@given(st.binary(max_size=200))
@example(b"\xff\xfe")
@example(b"\xef\xbb\xbf")
@example(b"a: \xed\xa0\x80")
@settings(max_examples=800)
def test_any_bytes_are_read_or_refused(content):
    """P6."""
    check(content)


@given(yaml_like)
@settings(max_examples=1200)
def test_any_text_that_looks_like_yaml_is_read_or_refused(text):
    """P6."""
    check(text.encode())


@given(st.text(max_size=80))
@settings(max_examples=400)
def test_any_text_is_read_or_refused(text):
    """P6."""
    check(text.encode("utf-8", "surrogatepass"))


@given(yaml_like)
@settings(max_examples=400)
def test_a_whole_load_of_it_ends_with_problems_as_well(tmp_path_factory, text):
    """P6: no desired state where anything is an error, and one where nothing is."""
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(f"version: 1\ninstallation: acme\n{text}".encode())

    loaded = load(path)

    assert (loaded.desired is None) == any(problem.level == "error" for problem in loaded.problems)


plain = st.just("<<") | st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=12)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(plain, values, max_size=4), st.sampled_from([None, 2]))
@settings(max_examples=200)
def test_json_is_yaml_and_is_read_as_it_was_written(document, indent):
    assert read.read(json.dumps(document, indent=indent).encode(), "f") == (document, [])
