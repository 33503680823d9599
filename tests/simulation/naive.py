"""Slots of a plan, counted day by day on the local calendar: an account that shares no code with the product's."""

import functools
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import tzdata
from people import DAYS

from reconciler.core import instants

DAY = timedelta(days=1)


def slot_of(task: str) -> datetime:
    """From its id, which ends with it."""
    return datetime.strptime(task.rpartition("-")[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def merged(spans: list[tuple[Any, datetime, datetime]]) -> list[tuple[Any, datetime, datetime]]:
    """Neighbours with the same plan are one span."""
    found: list[tuple[Any, datetime, datetime]] = []
    for plan, since, until in spans:
        if found and found[-1][0] == plan:
            found[-1] = (plan, found[-1][1], until)
        else:
            found.append((plan, since, until))
    return found


def slots(
    plan: dict[str, Any] | None, since: datetime, until: datetime, *, takeover: bool = False, disabled: bool = False
) -> list[datetime]:
    """Slots in (since, until], by the local calendar day by day."""
    if plan is None or (not disabled and not plan.get("periodic", {}).get("enabled", True)):
        return []
    if "one_time" in plan:
        start = instants.parse(plan["one_time"]["start_time"])
        back = timedelta(hours=int(plan["catch_up"].rstrip("h"))) if takeover else timedelta(0)
        return [start] if since - back <= start <= until else []
    periodic, zone = plan["periodic"], zone_of(plan["periodic"]["time_zone"])
    hour, minute = map(int, periodic["start_time"].split(":"))
    found = []
    day = (since - 2 * DAY).astimezone(zone).date()
    while day <= (until + 2 * DAY).astimezone(zone).date():
        if DAYS[day.weekday()] in periodic["backup_every"]:
            slot = first_instant(datetime(day.year, day.month, day.day, hour, minute), zone)
            if since < slot <= until:
                found.append(slot)
        day += DAY
    return found


@functools.cache
def zone_of(name: str) -> ZoneInfo:
    """From the tzdata package alone, as the product has it: a machine's own data may be older."""
    with (Path(tzdata.__file__).parent / "zoneinfo" / name).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def first_instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The first minute whose local reading is not before the wanted one, of those a day around it."""
    at = local.replace(tzinfo=UTC) - timedelta(hours=15)
    step = timedelta(minutes=15)
    while at.astimezone(zone).replace(tzinfo=None) < local:
        at += step
    return at
