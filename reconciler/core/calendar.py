"""When a schedule is due: slots in UTC, from weekdays and a local start time (D1, D5).

Zone data comes from the `tzdata` package alone, never from the machine, so that a plan means the same in CI
and in any container. Each local date gives at most one slot; a recurrence of weekdays needs no library
beyond `zoneinfo` (docs/decisions/003).
"""

import functools
import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import tzdata

from reconciler.core.model import OneTime, Periodic, Schedule

ZONE_NAME = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@functools.cache
def zone(name: str) -> ZoneInfo:
    """The zone of the packaged data. Raises ValueError for a name that it does not have."""
    if ZONE_NAME.fullmatch(name) is None:
        raise ValueError(f"unknown time zone {name}")
    try:
        with open(os.path.join(os.path.dirname(tzdata.__file__), "zoneinfo", name), "rb") as data:
            return ZoneInfo.from_file(data, key=name)
    except (OSError, ValueError):
        raise ValueError(f"unknown time zone {name}") from None


def zone_names() -> tuple[str, ...]:
    with open(os.path.join(os.path.dirname(tzdata.__file__), "zones"), encoding="ascii") as names:
        return tuple(names.read().split())


def slots(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """Every slot in (after, until], oldest first."""
    match schedule:
        case OneTime(start_time):
            if after < start_time <= until:
                yield start_time
        case Periodic() if after < until:
            for slot in _slots_from(schedule, after):
                if slot > until:
                    return
                yield slot


def next_slot(schedule: Schedule, after: datetime) -> datetime | None:
    """The first slot later than `after`; None when a one-time start is past or the plan is disabled."""
    match schedule:
        case OneTime(start_time):
            return start_time if start_time > after else None
        case Periodic():
            return next(_slots_from(schedule, after), None) if schedule.enabled else None


def _slots_from(periodic: Periodic, after: datetime) -> Iterator[datetime]:
    """Slots later than `after`, without end; a gap of a whole day may move a slot by up to a day."""
    place = zone(periodic.time_zone)
    start = time.fromisoformat(periodic.start_time)
    day = after.astimezone(place).date() - DAY
    while day < date.max:
        if day.weekday() in periodic.backup_every:
            slot = _instant(day, start, place)
            if slot is not None and slot > after:
                yield slot
        day += DAY


def _instant(day: date, start: time, place: ZoneInfo) -> datetime | None:
    """The instant of a local date and time: the first of two, the end of a gap, None where no such date is."""
    local = datetime.combine(day, start, place)
    instant = local.astimezone(UTC)
    if instant.astimezone(place).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    end = _end_of_gap(local.replace(fold=1).astimezone(UTC), instant, place)
    exists = day in (end.astimezone(place).date(), (end - SECOND).astimezone(place).date())
    return end if exists else None


def _end_of_gap(before: datetime, after: datetime, place: ZoneInfo) -> datetime:
    """The transition in (before, after], to the second, by bisection on the offset."""
    old = before.astimezone(place).utcoffset()
    while after - before > SECOND:
        middle = before + ((after - before) // 2 // SECOND) * SECOND
        if middle.astimezone(place).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
