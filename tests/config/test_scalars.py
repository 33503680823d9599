"""What a scalar means: YAML 1.2's core schema, but that numbers which readers differ on stay text."""

import math

import pytest

from reconciler.config import read

PLAIN = [
    # nothing
    ("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None), ("nULL", "nULL"), ("none", "none"),
    # true and false, and what YAML 1.1 took for them
    ("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False),
    ("tRue", "tRue"), ("yes", "yes"), ("Yes", "Yes"), ("no", "no"), ("NO", "NO"), ("on", "on"), ("On", "On"),
    ("off", "off"), ("OFF", "OFF"), ("y", "y"), ("n", "n"), ("N", "N"), ("t", "t"),
    # whole numbers
    ("0", 0), ("-0", 0), ("+0", 0), ("7", 7), ("-7", -7), ("+7", 7), ("14", 14), ("9223372036854775807", 2**63 - 1),
    ("9999999999999999999", 10**19 - 1), ("10000000000000000000", 1e19), ("1" + "0" * 400, math.inf),
    # not numbers here
    ("0755", "0755"), ("-0755", "-0755"), ("007", "007"), ("00", "00"), ("0o14", "0o14"), ("0x1F", "0x1F"),
    ("0b11", "0b11"), ("1_000", "1_000"), ("1,000", "1,000"), ("--1", "--1"), ("+-1", "+-1"), ("1-", "1-"),
    ("٣", "٣"), ("１２", "１２"), ("12h", "12h"), ("+", "+"), ("-a", "-a"),
    # times, dates, versions, addresses
    ("12:30", "12:30"), ("02:30", "02:30"), ("9:15", "9:15"), ("24:00", "24:00"), ("1:30:00", "1:30:00"),
    ("190:20:30.15", "190:20:30.15"), ("2026-01-01", "2026-01-01"), ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    ("2026-01-01 00:00:00", "2026-01-01 00:00:00"), ("1.2.3", "1.2.3"), ("127.0.0.1", "127.0.0.1"), ("+01:00", "+01:00"),
    # numbers with a fraction or an exponent
    ("1.5", 1.5), ("-1.5", -1.5), ("+1.5", 1.5), ("0.5", 0.5), (".5", 0.5), ("-.5", -0.5), ("1.", 1.0), ("0.", 0.0),
    ("1e3", 1000.0), ("1E3", 1000.0), ("1e+3", 1000.0), ("1.5e-3", 0.0015), (".5e1", 5.0), ("1e400", math.inf),
    ("00.5", "00.5"), ("01e3", "01e3"), ("1e", "1e"), ("e3", "e3"), ("1.5.", "1.5."), (".", "."), ("..5", "..5"),
    ("1e1.5", "1e1.5"), ("1e3 ", 1000.0),
    # beyond all numbers
    (".inf", math.inf), (".Inf", math.inf), (".INF", math.inf), ("-.inf", -math.inf), ("+.inf", math.inf),
    (".iNF", ".iNF"), ("inf", "inf"), ("nan", "nan"), ("-.nan", "-.nan"), ("Infinity", "Infinity"),
    # text
    ("sales", "sales"), ("crm_*", "crm_*"), ("a b", "a b"), ("=", "="), ("a#b", "a#b"), ("tomorrow", "tomorrow"),
    ("None", "None"), ("nothing", "nothing"), ("fail", "fail"), ("Zürich", "Zürich"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), PLAIN, ids=[repr(text) for text, _ in PLAIN])
def test_a_plain_scalar_is_what_yaml_1_2_says(text, value):
    tree, problems = read.read(f"a: {text}\n".encode(), "f")

    assert problems == []
    assert tree == {"a": value}
    assert type(tree["a"]) is type(value)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_not_a_number_is_a_number(text):
    tree, problems = read.read(f"a: {text}\n".encode(), "f")

    assert problems == []
    assert math.isnan(tree["a"])


@pytest.mark.parametrize(
    "style", ['"{}"', "'{}'", "|-\n  {}", ">-\n  {}"], ids=["double", "single", "block", "folded"]
)
def test_what_is_quoted_or_in_a_block_is_text(style):
    for text in ("1", "1.5", "true", "null", "~", ".inf", "0755", "12:30"):
        assert read.read(f"a: {style.format(text)}\n".encode(), "f") == ({"a": text}, [])


def test_a_scalar_in_a_list_and_over_several_lines_follows_the_same_rules():
    content = b"a: [1, true, ~, x, 0755]\nb:\n  two\n  words\nc: 1\n  2\n"

    assert read.read(content, "f") == ({"a": [1, True, None, "x", "0755"], "b": "two words", "c": "1 2"}, [])


def test_an_anchor_stands_for_the_value_and_not_its_text():
    assert read.read(b"a: &n 5\nb: *n\nc: &t '5'\nd: *t\n", "f") == ({"a": 5, "b": 5, "c": "5", "d": "5"}, [])
