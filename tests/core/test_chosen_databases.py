"""Which databases a plan means (D7)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core import objects
from reconciler.core.model import Objects

EXISTING = ("crm_eu", "crm_tmp", "crm_us", "sales", "Sales", "a.b", "axb", "line\nbreak")


@pytest.mark.parametrize(("databases", "excluded", "expected"), [
    (("sales",), (), ("sales",)),
    (("crm_*",), (), ("crm_eu", "crm_tmp", "crm_us")),
    (("crm_*",), ("crm_tmp",), ("crm_eu", "crm_us")),
    (("sales", "crm_*", "sales"), ("*_tmp",), ("crm_eu", "crm_us", "sales")),
    (("*",), (), tuple(sorted(EXISTING))),
    (("*",), ("*",), ()),
    (("a.b",), (), ("a.b",)),
    (("*m_*u",), (), ("crm_eu",)),
    (("[a-z]*",), (), ()),
    (("",), (), ()),
    ((), (), ()),
    (("nothing_*",), (), ()),
])  # fmt: skip
def test_patterns_choose_and_exclusions_take_away(databases, excluded, expected):
    """D7: a star is any run of characters, every other character itself, and case counts."""
    assert objects.chosen(Objects(databases, excluded), EXISTING) == expected


def test_patterns_that_name_nothing_are_told():
    """D7."""
    assert objects.absent(Objects(("sales", "crm_*", "hr", "x*")), EXISTING) == ("hr", "x*")


def like(pattern: str, name: str) -> bool:
    """A second implementation, by recursion."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return like(pattern[1:], name) or bool(name and like(pattern, name[1:]))
    return bool(name) and pattern[0] == name[0] and like(pattern[1:], name[1:])


@given(
    st.lists(st.text("ab*.", max_size=6), max_size=3).map(tuple),
    st.lists(st.text("ab*.", max_size=6), max_size=2).map(tuple),
    st.lists(st.text("ab.\n", max_size=6), max_size=8, unique=True).map(tuple),
)  # fmt: skip
def test_the_choice_is_that_of_a_second_implementation(databases, excluded, existing):
    """D7."""
    expected = sorted(
        name for name in existing
        if any(like(pattern, name) for pattern in databases) and not any(like(pattern, name) for pattern in excluded)
    )  # fmt: skip
    assert objects.chosen(Objects(databases, excluded), existing) == tuple(expected)
