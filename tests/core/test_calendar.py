"""Slots against an oracle that walks through time by minutes and seconds and looks at the wall clock (D1, D5)."""

import bisect
import importlib.resources
import itertools
import os
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from core_values import DAY, HOUR, MINUTE, SECOND, at
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core import calendar
from reconciler.core.model import OneTime, Periodic

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")
ODD_ZONES = (
    "UTC", "Africa/Casablanca", "America/Nuuk", "America/Scoresbysund", "Asia/Beirut", "Asia/Gaza", "Asia/Kathmandu",
    "America/Havana", "America/Santiago", "Antarctica/Troll", "Pacific/Chatham", "Pacific/Kiritimati", "Africa/Cairo",
)  # fmt: skip
EVERY_DAY = tuple(range(7))


def packaged(name: str) -> ZoneInfo:
    """Read without the calendar, from the same package."""
    data = importlib.resources.files("tzdata") / "zoneinfo" / name
    with data.open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def wall(instant: datetime, place: ZoneInfo) -> datetime:
    return instant.astimezone(place).replace(tzinfo=None)


def oracle(place: ZoneInfo, day: date, start: time) -> datetime | None:
    """The first instant at which the local time is the start of that day or later; None if no such day comes."""
    wanted = datetime.combine(day, start)
    begin = wanted.replace(tzinfo=UTC) - 30 * HOUR
    minutes = [begin + amount * MINUTE for amount in range(60 * 60)]
    if not any(wall(instant, place).date() == day for instant in minutes):
        return None
    reached = next(instant for instant in minutes if wall(instant, place) >= wanted)
    seconds = (reached - MINUTE + amount * SECOND for amount in range(61))
    return next(instant for instant in seconds if wall(instant, place) >= wanted)


def periodic(start_time: str, time_zone: str, backup_every: tuple[int, ...] = EVERY_DAY) -> Periodic:
    return Periodic(True, backup_every, start_time, time_zone)


def slots_of_days(schedule: Periodic, first: str, last: str) -> list[datetime]:
    """Every slot from the first day at 00:00 UTC to the last day at 24:00 UTC."""
    return list(calendar.slots(schedule, at(f"{first} 00:00") - SECOND, at(f"{last} 00:00") + DAY))


starts = st.builds(time, st.integers(0, 23), st.integers(0, 59), st.sampled_from((0, 0, 0, 1, 30, 59)))
weekdays = st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days)))
days_to_2037 = st.dates(date(2024, 1, 1), date(2037, 12, 31))


def transitions(place: ZoneInfo, first_year: int, last_year: int) -> list[datetime]:
    """The hours in UTC before which a zone's offset changes; no zone changes twice within five days."""
    begin, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    looks = [begin + amount * DAY for amount in range(0, (end - begin).days + 1, 5)]
    offsets = [(look, wall_offset(look, place)) for look in looks]
    return [
        next(hour for hour in (before + amount * HOUR for amount in range(1, 121)) if wall_offset(hour, place) != old)
        for (before, old), (_, new) in itertools.pairwise(offsets) if old != new
    ]  # fmt: skip


def wall_offset(instant: datetime, place: ZoneInfo) -> timedelta:
    return instant.astimezone(place).utcoffset()


CHANGES = tuple(
    (name, change.date()) for name in (*ZONES, *ODD_ZONES) for change in transitions(packaged(name), 2024, 2037)
)


@given(data=st.data())
@settings(max_examples=80)
def test_slots_are_those_of_a_naive_walk_around_every_clock_change(data):
    """D1."""
    zone_name, change = data.draw(st.sampled_from(CHANGES))
    start = data.draw(starts)
    chosen = data.draw(weekdays)
    days = [change + timedelta(days=amount) for amount in range(-2, 3)]
    place = packaged(zone_name)
    expected = [
        slot for day in days if day.weekday() in chosen and (slot := oracle(place, day, start)) is not None
    ]

    after = datetime.combine(days[0], time(), place).astimezone(UTC) - SECOND
    until = datetime.combine(days[-1] + timedelta(days=1), time(), place).astimezone(UTC)
    found = [
        slot for slot in calendar.slots(periodic(start.isoformat(), zone_name, chosen), after, until)
        if slot <= max(expected, default=after)
    ]  # fmt: skip

    assert found == expected


@given(
    zone_name=st.sampled_from((*ZONES, *ODD_ZONES)), day=days_to_2037, start=starts, chosen=weekdays,
    length=st.integers(1, 40),
)  # fmt: skip
@settings(max_examples=200)
def test_each_chosen_local_date_has_exactly_one_slot_and_slots_rise(zone_name, day, start, chosen, length):
    """D1."""
    place = calendar.zone(zone_name)
    days = [day + timedelta(days=amount) for amount in range(length)]
    after = datetime.combine(days[0], start, place).astimezone(UTC) - DAY
    until = datetime.combine(days[-1], start, place).astimezone(UTC) + DAY

    found = list(calendar.slots(periodic(start.isoformat(), zone_name, chosen), after, until))

    # A gap of an hour that ends at midnight moves a slot to the first instant of the next date.
    dates = [(wall(slot, place) - timedelta(hours=start.hour, minutes=start.minute)).date() for slot in found]
    assert set(days[1:-1]) & set(dates) == {item for item in days[1:-1] if item.weekday() in chosen}
    assert len(set(dates)) == len(dates)
    assert all(earlier < later for earlier, later in itertools.pairwise(found))
    assert all(slot.utcoffset() == timedelta(0) for slot in found)


@given(
    zone_name=st.sampled_from((*ZONES, *ODD_ZONES)), start=starts, chosen=weekdays,
    after=st.datetimes(datetime(2011, 12, 20), datetime(2037, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC)),
)  # fmt: skip
@settings(max_examples=200)
def test_the_next_slot_is_the_first_of_the_slots(zone_name, start, chosen, after):
    """D1."""
    schedule = periodic(start.isoformat(), zone_name, chosen)

    found = calendar.next_slot(schedule, after)

    assert found == next(calendar.slots(schedule, after, after + 9 * DAY))
    assert found > after


@given(
    zone_name=st.sampled_from((*ZONES, *ODD_ZONES)), start=starts, chosen=weekdays,
    begin=st.datetimes(datetime(2024, 1, 1), datetime(2037, 12, 1)).map(lambda moment: moment.replace(tzinfo=UTC)),
    cuts=st.lists(st.integers(0, 20 * 86_400), max_size=4),
)  # fmt: skip
@settings(max_examples=100)
def test_a_span_cut_anywhere_has_the_slots_of_its_parts(zone_name, start, chosen, begin, cuts):
    """D1: so that it does not matter how often somebody looks."""
    schedule = periodic(start.isoformat(), zone_name, chosen)
    ends = [begin, *sorted(begin + cut * SECOND for cut in cuts), begin + 20 * DAY]

    parts = [list(calendar.slots(schedule, *span)) for span in itertools.pairwise(ends)]

    assert list(itertools.chain(*parts)) == list(calendar.slots(schedule, ends[0], ends[-1]))


def test_every_zone_has_one_slot_a_day_through_every_clock_change_to_2037():
    """D1: all zones of the package, each change of 2024 to 2037, start times around it, on a grid of 15 minutes.

    Zones that change alike are tried once.
    """
    alike: dict[tuple, str] = {}
    for name in calendar.zone_names():
        place = packaged(name)
        changes = transitions(place, 2024, 2037)
        alike[tuple((change, *(wall_offset(change - end * HOUR, place) for end in (0, 1))) for change in changes)] = name
    tried = 0
    for changes, name in alike.items():
        place = packaged(name)
        for change, *_ in changes:
            grid = [change + amount * 15 * MINUTE for amount in range(-260, 260)]
            reached = list(itertools.accumulate((wall(instant, place) for instant in grid), max))
            middle = wall(change, place)
            days = [middle.date() + timedelta(days=amount) for amount in (-1, 0, 1)]
            for amount in range(-5, 6):
                start = (middle + amount * 15 * MINUTE).time()
                expected = [grid[bisect.bisect_left(reached, datetime.combine(day, start))] for day in days]
                found = calendar.slots(periodic(start.isoformat(), name), expected[0] - SECOND, expected[-1])
                assert list(found) == expected, (name, start)
                tried += 1
    assert tried > 5_000


def test_in_berlin_a_time_in_the_gap_runs_at_its_end():
    """D1: 2026-03-29, 02:00 becomes 03:00."""
    assert slots_of_days(periodic("02:30:00", "Europe/Berlin"), "2026-03-28", "2026-03-30") == [
        at("2026-03-28 01:30"), at("2026-03-29 01:00"), at("2026-03-30 00:30"),
    ]  # fmt: skip


def test_in_berlin_a_time_that_comes_twice_runs_the_first_time():
    """D1: 2026-10-25, 03:00 becomes 02:00."""
    assert slots_of_days(periodic("02:30:00", "Europe/Berlin"), "2026-10-24", "2026-10-26") == [
        at("2026-10-24 00:30"), at("2026-10-25 00:30"), at("2026-10-26 01:30"),
    ]  # fmt: skip


@pytest.mark.parametrize(("start", "slot"), [
    ("01:59:59", "2026-03-29 00:59:59"),
    ("02:00:00", "2026-03-29 01:00"),
    ("02:59:59", "2026-03-29 01:00"),
    ("03:00:00", "2026-03-29 01:00"),
    ("03:00:01", "2026-03-29 01:00:01"),
])  # fmt: skip
def test_the_edges_of_a_gap(start, slot):
    """D1."""
    sunday = periodic(start, "Europe/Berlin", (6,))
    assert slots_of_days(sunday, "2026-03-28", "2026-03-30") == [at(slot)]


@pytest.mark.parametrize(("start", "slot"), [
    ("01:59:59", "2026-10-24 23:59:59"),
    ("02:00:00", "2026-10-25 00:00"),
    ("02:59:59", "2026-10-25 00:59:59"),
    ("03:00:00", "2026-10-25 02:00"),
])  # fmt: skip
def test_the_edges_of_a_repeated_hour(start, slot):
    """D1."""
    sunday = periodic(start, "Europe/Berlin", (6,))
    assert list(calendar.slots(sunday, at("2026-10-24 12:00"), at("2026-10-25 12:00"))) == [at(slot)]


def test_in_new_york_both_changes():
    """D1: 2026-03-08, 02:00 becomes 03:00; 2026-11-01, 02:00 becomes 01:00."""
    assert slots_of_days(periodic("02:30:00", "America/New_York"), "2026-03-07", "2026-03-09") == [
        at("2026-03-07 07:30"), at("2026-03-08 07:00"), at("2026-03-09 06:30"),
    ]  # fmt: skip
    assert slots_of_days(periodic("01:30:00", "America/New_York"), "2026-10-31", "2026-11-02") == [
        at("2026-10-31 05:30"), at("2026-11-01 05:30"), at("2026-11-02 06:30"),
    ]  # fmt: skip


def test_on_lord_howe_the_clock_changes_by_half_an_hour():
    """D1: 2026-10-04, 02:00 becomes 02:30; 2026-04-05, 02:00 becomes 01:30."""
    assert slots_of_days(periodic("02:15:00", "Australia/Lord_Howe"), "2026-10-02", "2026-10-04") == [
        at("2026-10-02 15:45"), at("2026-10-03 15:30"), at("2026-10-04 15:15"),
    ]  # fmt: skip
    assert slots_of_days(periodic("01:45:00", "Australia/Lord_Howe"), "2026-04-03", "2026-04-05") == [
        at("2026-04-03 14:45"), at("2026-04-04 14:45"), at("2026-04-05 15:15"),
    ]  # fmt: skip


def test_apia_has_no_slot_on_the_date_that_it_skipped():
    """D1: 2011-12-30 never came there."""
    assert slots_of_days(periodic("02:30:00", "Pacific/Apia"), "2011-12-28", "2012-01-01") == [
        at("2011-12-28 12:30"), at("2011-12-29 12:30"), at("2011-12-30 12:30"), at("2011-12-31 12:30"),
        at("2012-01-01 12:30"),
    ]  # fmt: skip
    friday = periodic("02:30:00", "Pacific/Apia", (4,))
    assert slots_of_days(friday, "2011-12-20", "2012-01-07") == [at("2011-12-23 12:30"), at("2012-01-05 12:30")]


def test_apia_is_as_the_walk_says_in_the_week_that_it_skipped_a_date():
    """D1."""
    place = packaged("Pacific/Apia")
    days = [date(2011, 12, 27) + timedelta(days=amount) for amount in range(7)]
    for start in (time(), time(0, 0, 1), time(2, 30), time(23, 59, 59)):
        expected = [slot for day in days if (slot := oracle(place, day, start)) is not None]
        schedule = periodic(start.isoformat(), "Pacific/Apia")
        assert len(expected) == 6
        assert list(calendar.slots(schedule, expected[0] - SECOND, expected[-1])) == expected


def test_a_gap_that_ends_at_midnight_moves_the_slot_to_the_first_instant_of_the_next_date():
    """D1: in Nuuk, on Saturday 2026-03-28, 23:00 becomes 24:00."""
    assert slots_of_days(periodic("23:30:00", "America/Nuuk"), "2026-03-28", "2026-03-30") == [
        at("2026-03-28 01:30"), at("2026-03-29 01:00"), at("2026-03-30 00:30"),
    ]  # fmt: skip


def test_a_gap_that_begins_at_midnight_leaves_the_slot_on_its_date():
    """D1: in Beirut, on Sunday 2026-03-29, 00:00 becomes 01:00."""
    sunday = periodic("00:30:00", "Asia/Beirut", (6,))
    assert slots_of_days(sunday, "2026-03-27", "2026-03-31") == [at("2026-03-28 22:00")]


def test_weekdays_are_those_of_the_plans_zone():
    """D1: Monday 00:30 in Apia is Sunday in UTC."""
    monday = periodic("00:30:00", "Pacific/Apia", (0,))
    assert slots_of_days(monday, "2026-11-20", "2026-11-30") == [at("2026-11-22 11:30"), at("2026-11-29 11:30")]


def test_slots_begin_after_the_first_instant_and_include_the_last():
    schedule = periodic("02:00:00", "UTC")
    assert list(calendar.slots(schedule, at("2026-11-23 02:00"), at("2026-11-24 02:00"))) == [at("2026-11-24 02:00")]
    assert calendar.next_slot(schedule, at("2026-11-23 02:00")) == at("2026-11-24 02:00")


def test_a_disabled_plan_has_slots_and_no_next_one():
    """P4: its slots are recorded as disabled; none will run."""
    schedule = periodic("02:00:00", "UTC")._replace(enabled=False)
    assert list(calendar.slots(schedule, at("2026-11-23 00:00"), at("2026-11-24 00:00"))) == [at("2026-11-23 02:00")]
    assert calendar.next_slot(schedule, at("2026-11-23 00:00")) is None


def test_a_one_time_start_is_the_single_slot():
    """D5."""
    start = at("2026-12-01 01:00")
    schedule = OneTime(start)
    assert list(calendar.slots(schedule, start - SECOND, start)) == [start]
    assert list(calendar.slots(schedule, start, start + DAY)) == []
    assert list(calendar.slots(schedule, start - DAY, start - SECOND)) == []
    assert calendar.next_slot(schedule, start - SECOND) == start
    assert calendar.next_slot(schedule, start) is None


@pytest.mark.parametrize("name", [
    "", ".", "..", "/", "../../etc/passwd", "../zones", "/etc/localtime", "/usr/share/zoneinfo/UTC", "Europe/../UTC",
    "Europe", "Europe/", "/Europe/Berlin", "Europe//Berlin", "Europe/Berlin\n", "Europe/Berlin\0", "Europe\\Berlin",
    "Europe/Berlín", "europe/berlin", "Mars/Phobos", "tzdata.zi", "leapseconds", "zone.tab", "__init__.py",
    "__pycache__", "CET-1CEST", "A" * 5000,
])  # fmt: skip
def test_what_is_no_zone_of_the_package_is_refused(name):
    """D1."""
    with pytest.raises(ValueError, match="unknown time zone"):
        calendar.zone(name)


def test_every_listed_zone_can_be_read():
    names = calendar.zone_names()
    assert {*ZONES, *ODD_ZONES} <= set(names)
    assert [name for name in names if calendar.zone(name).key != name] == []


PRINTED = """
from datetime import UTC, datetime
from reconciler.core import calendar
from reconciler.core.model import Periodic
for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"):
    for start in ("00:30:00", "02:15:00"):
        schedule = Periodic(True, (0, 1, 2, 3, 4, 5, 6), start, name)
        for slot in calendar.slots(schedule, datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)):
            print(name, slot.isoformat())
"""


@pytest.mark.parametrize("lying", [False, True], ids=["without zones", "with wrong zones"])
def test_the_machines_zones_are_never_read(tmp_path, lying):
    """D1: a machine without zone data, and one whose Berlin is Tokyo."""
    if lying:
        for name in ZONES:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(
                (importlib.resources.files("tzdata") / "zoneinfo" / "Asia" / "Tokyo").read_bytes()
            )
    environment = os.environ | {"PYTHONTZPATH": str(tmp_path), "TZDIR": "/nonsense", "TZ": "Nowhere/Never"}

    told = subprocess.run(
        [sys.executable, "-c", PRINTED], env=environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()

    begin, end = at("2026-01-01 00:00"), at("2027-01-01 00:00")
    assert told == [
        f"{name} {slot.isoformat()}"
        for name in ZONES for start in ("00:30:00", "02:15:00")
        for slot in calendar.slots(periodic(start, name), begin, end)
    ]  # fmt: skip
    assert "Europe/Berlin 2026-03-29T01:00:00+00:00" in told
