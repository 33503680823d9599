"""When a plan runs, said a second time and from scratch: what D1 says, word by word, over the spans of tzif.py.

`python tests/oracles/calendar_oracle.py MINUTES` compares the product with it on a grid of that many minutes around
every transition of every zone from 2020 to 2037, and counts the runs of each local day (`make verify-calendar`).
"""

import itertools
import sys
import time
from datetime import UTC, date, datetime, timedelta
from multiprocessing import Pool
from pathlib import Path
from typing import NamedTuple

import tzdata
import tzif

from reconciler.core import calendar
from reconciler.core.model import Periodic

DAY = tzif.DAY
ZONES = Path(tzdata.__file__).parent / "zoneinfo"
BEGINS, ENDS = 1_577_836_800, 2_145_916_800  # 2020-01-01 and 2038-01-01
EVERY_DAY = tuple(range(7))
ODD_STARTS = (0, 1, 1_799, 86_399)  # beside the grid: midnight, a second after it, the last of a day


class Counts(NamedTuple):
    zones: int = 0
    transitions: int = 0
    starts: int = 0  # plans compared: a start time and weekdays, around one transition
    slots: int = 0
    gaps: int = 0
    twice: int = 0
    days: int = 0
    differences: tuple[str, ...] = ()

    def __add__(self, other: "Counts") -> "Counts":  # type: ignore[override]
        return Counts(*(mine + its for mine, its in zip(self, other, strict=True)))


def slot_of(zone: list[tzif.Span], day: int, start: int) -> tuple[int | None, str]:
    """The instant of a local date and start time, and which kind it is: once, twice, gap or no date."""
    local = day * DAY + start
    found = sorted(local - span.offset for span in zone if span.begins <= local - span.offset < span.ends)
    if found:
        return found[0], "once" if len(found) == 1 else "twice"
    (gap,) = (new for old, new in itertools.pairwise(zone)
              if new.begins + old.offset <= local < new.begins + new.offset)  # fmt: skip
    if any(span.begins + span.offset < (day + 1) * DAY and day * DAY < span.ends + span.offset for span in zone):
        return int(gap.begins), "gap"
    return None, "no date"


def zones() -> dict[str, bytes]:
    return {name: (ZONES / name).read_bytes() for name in calendar.zone_names()}


def near(zone: list[tzif.Span], instant: float) -> list[tzif.Span]:
    """The spans of a few days around: all that a slot there can depend on."""
    return [span for span in zone if span.begins < instant + 9 * DAY and span.ends > instant - 9 * DAY]


def check(name: str, data: bytes, minutes: int) -> Counts:
    """One zone: its transitions, a grid of starts within two days of each, and every weekday alone within four."""
    zone = tzif.spans(data)
    counts = Counts(zones=1)
    for instant, _, _ in tzif.transitions(zone, BEGINS, ENDS):
        spans = near(zone, instant)
        sharp = _around(instant, spans)
        counts += Counts(transitions=1)
        for start in sorted({*range(0, DAY, minutes * 60), *ODD_STARTS, *sharp}):
            counts += compare(name, spans, instant, 2 * DAY, start, EVERY_DAY)
        for weekday in EVERY_DAY:
            for start in sharp:
                counts += compare(name, spans, instant, 4 * DAY, start, (weekday,))
    return counts


def _around(instant: int, spans: list[tzif.Span]) -> set[int]:
    """Local times of day at the transition, by the clock before and the one after, a second around each, and between."""
    edges = {(instant + span.offset + near) % DAY for span in spans for near in (-1, 0, 1)}
    return edges | {(instant + sum(span.offset for span in spans) // len(spans)) % DAY}


def compare(
    name: str, spans: list[tzif.Span], middle: int, around: int, start: int, weekdays: tuple[int, ...]
) -> Counts:
    """What the product gives within `around` seconds of an instant against what D1 says."""
    after, until = middle - around, middle + around
    days = range(after // DAY - 2, until // DAY + 3)
    told = [slot_of(spans, day, start) for day in days if (day + 3) % 7 in weekdays]  # day 0 was a Thursday
    told = [(slot, kind) for slot, kind in told if slot is not None and after < slot <= until]
    expected = [slot for slot, _ in told]
    plan = periodic(name, start, weekdays)
    made = [int(slot.timestamp()) for slot in calendar.slots(plan, moment(after), moment(until))]
    if len(made) > 1:  # from the first on: a slot that had its run does not come again
        following = calendar.next_slot(plan, moment(made[0]))
        made[1] = int(following.timestamp()) if following else 0
    kinds = [kind for _, kind in told]
    wrong = () if made == expected else (f"{name} {start} s {weekdays}: {made}, and D1 says {expected}",)
    return Counts(starts=1, slots=len(expected), gaps=kinds.count("gap"), twice=kinds.count("twice"),
                  differences=wrong)  # fmt: skip


def _day_of(zone: list[tzif.Span], instant: int, start: int) -> int:
    """The local day that a slot belongs to: its own, or the one before where a gap's end is over midnight."""
    day = (instant + tzif.offset_at(zone, instant)) // DAY
    return day if slot_of(zone, day, start)[0] == instant else day - 1


def whole_life(name: str, data: bytes, start: int) -> Counts:
    """Every local day from 2020 to 2037: exactly one run each."""
    zone = tzif.spans(data)
    known = [span for span in zone if span.ends > BEGINS - 40 * DAY]
    first, last = BEGINS // DAY + 2, ENDS // DAY - 2
    slots = [int(slot.timestamp()) for slot in calendar.slots(
        periodic(name, start, EVERY_DAY), moment(first * DAY - 2 * DAY), moment((last + 2) * DAY))]  # fmt: skip
    days = [_day_of(near(known, slot), slot, start) for slot in slots]
    run = [day for day in days if first <= day < last]
    wrong = () if run == [*range(first, last)] else (f"{name} {start} s: not one run a local day",)
    return Counts(days=len(run), differences=wrong)


def periodic(name: str, start: int, weekdays: tuple[int, ...]) -> Periodic:
    return Periodic(True, weekdays, str(timedelta(seconds=start)).rjust(8, "0"), name)


def moment(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, UTC)


def quick(name: str, data: bytes) -> Counts:
    """One zone: the starts that each transition touches, within a day and a half of it."""
    zone = tzif.spans(data)
    counts = Counts(zones=1)
    for instant, _, _ in tzif.transitions(zone, BEGINS, ENDS):
        spans = near(zone, instant)
        counts += Counts(transitions=1)
        for start in _around(instant, spans):
            counts += compare(name, spans, instant, 3 * DAY // 2, start, EVERY_DAY)
    return counts


def _check(job: tuple[str, bytes, int]) -> Counts:
    return check(*job)


def _live(job: tuple[str, bytes]) -> Counts:
    return whole_life(*job, 2 * 3600 + 1800)


def main(minutes: int) -> int:
    began = time.monotonic()
    with Pool(2) as pool:
        jobs = ((name, data, minutes) for name, data in zones().items())
        total = sum(pool.imap_unordered(_check, jobs, chunksize=4), Counts())
        lived = sum(pool.imap_unordered(_live, zones().items(), chunksize=4), Counts())
    total += lived
    print(f"tzdata {tzdata.IANA_VERSION}, {date(2020, 1, 1)} to {date(2037, 12, 31)}, every {minutes} min of the day: "
          f"{total.zones} zones, {total.transitions:,} transitions, {total.starts:,} starts, {total.slots:,} slots, "
          f"{total.gaps:,} in a gap, {total.twice:,} twice; {total.days:,} local days run through at 02:30; "
          f"differences {len(total.differences)}; {time.monotonic() - began:.0f} s")  # fmt: skip
    print("\n".join(total.differences[:20]))
    return 1 if total.differences else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
