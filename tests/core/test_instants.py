"""Instants and durations as texts: whole seconds in UTC, and what is no instant."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from core_values import SECOND, at
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core import instants

whole_seconds = st.integers(0, 315_537_897_599).map(lambda amount: datetime(1, 1, 1, tzinfo=UTC) + amount * SECOND)


@given(whole_seconds)
def test_an_instant_is_read_back_as_it_was_written(instant):
    assert instants.parse(instants.text(instant)) == instant


@given(whole_seconds, whole_seconds)
def test_texts_sort_as_their_instants_do(one, other):
    """The ledger compares them as texts."""
    assert (instants.text(one) < instants.text(other)) == (one < other)
    assert (instants.compact(one) < instants.compact(other)) == (one < other)


@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1)),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_any_offset_means_the_same_instant_in_utc(local, zone):
    instant = local.replace(microsecond=0, tzinfo=zone)

    parsed = instants.parse(instant.isoformat())

    assert parsed == instant
    assert parsed.tzinfo is UTC


def test_the_texts_are_rfc_3339_and_the_form_inside_an_id():
    """D2."""
    instant = datetime(2026, 11, 1, 2, 30, 5, 999_999, timezone(timedelta(hours=1)))
    assert instants.text(instant) == "2026-11-01T01:30:05Z"
    assert instants.compact(instant) == "20261101T013005Z"


def test_a_year_has_four_digits():
    """It would not be read back otherwise, nor sort."""
    instant = datetime(33, 4, 3, tzinfo=UTC)
    assert instants.text(instant) == "0033-04-03T00:00:00Z"
    assert instants.compact(instant) == "00330403T000000Z"


@pytest.mark.parametrize("written", [
    "2026-12-01T02:00:00.5Z", "2026-12-01T03:00:00.999999+01:00", "2026-12-01t02:00:00z", "2026-12-01 02:00Z",
])  # fmt: skip
def test_an_instant_is_a_whole_second(written):
    """D2: an id and the ledger have no fraction, so none may make two values of what they hold for one."""
    assert instants.parse(written) == at("2026-12-01 02:00")


@pytest.mark.parametrize("written", ["2026-12-01T02:00:00", "2026-12-01", "2026-02-30T00:00:00Z", "soon", ""])
def test_a_text_without_an_offset_or_of_no_instant_is_refused(written):
    with pytest.raises(ValueError, match=r"."):
        instants.parse(written)


def test_a_date_ends_at_24_00_utc():
    assert instants.parse_moment("2027-01-31") == at("2027-02-01 00:00")
    assert instants.parse_moment("2026-12-31") == at("2027-01-01 00:00")
    assert instants.parse_moment("2027-01-31T12:00:00+01:00") == at("2027-01-31 11:00")


def test_a_date_does_not_depend_on_the_machines_zone(monkeypatch):
    """P6."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert instants.parse_moment("2027-01-31") == at("2027-02-01 00:00")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_durations_have_a_unit():
    assert [instants.seconds(written) for written in ("90s", "30m", "12h", "7d")] == [90, 1_800, 43_200, 604_800]


@given(st.integers(1, 10**8))
def test_a_duration_is_read_back_as_it_was_written(amount):
    assert instants.seconds(instants.duration(amount)) == amount


def test_a_duration_is_written_in_the_largest_unit_that_divides_it():
    assert [instants.duration(amount) for amount in (90, 1_800, 43_200, 86_400, 90_000)] == [
        "90s", "30m", "12h", "1d", "25h",
    ]  # fmt: skip
