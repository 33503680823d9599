"""Reads time zone files by RFC 8536, and the rules behind their end by POSIX (TZ, with the RFC's hours to 167).

It is the second opinion on the calendar: it must know neither `zoneinfo` nor `dateutil`, nor the product.
Instants are seconds since 1970 in UTC, days are counted from 1970-01-01, which was a Thursday.
"""

import itertools
import re
import struct
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

DAY = 86_400
MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
LAST_YEAR = 2039  # rules behind the end of a file are followed up to here


class Span(NamedTuple):
    """From `begins` up to, not with, `ends`: local time is UTC and `offset` seconds."""

    begins: float
    ends: float
    offset: int


def spans(data: bytes) -> list[Span]:
    """The whole of time, in order."""
    times, offsets, first, footer = _second_block(data)
    if footer:
        behind = [change for change in _rule_changes(footer, _year(times[-1]) if times else 1970)
                  if not times or change[0] > times[-1]]  # fmt: skip
        if not times and not behind:
            return [Span(float("-inf"), float("inf"), _rule(footer).standard)]
        times, offsets = [*times, *(at for at, _ in behind)], [*offsets, *(offset for _, offset in behind)]
    edges = [float("-inf"), *times, float("inf")]
    return [Span(*edges[at : at + 2], offset) for at, offset in enumerate((first, *offsets))]


def offset_at(zone: list[Span], instant: float) -> int:
    return zone[bisect_right(zone, instant, key=lambda span: span.begins) - 1].offset


def transitions(zone: list[Span], begins: int, ends: int) -> list[tuple[int, int, int]]:
    """(instant, offset before, offset after) of each change of the offset within the time."""
    return [(int(new.begins), old.offset, new.offset) for old, new in itertools.pairwise(zone)
            if begins <= new.begins < ends and old.offset != new.offset]  # fmt: skip


def _second_block(data: bytes) -> tuple[list[int], list[int], int, str]:
    """Times, the offset from each on, the offset before the first, and the footer (RFC 8536, section 3)."""
    _, *counts = _header(data, 0)
    behind = 44 + _size(counts, 4)
    version, isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt = _header(data, behind)
    if version < 2 or leapcnt:
        raise ValueError("a file of version 1, or with leap seconds")
    at = behind + 44
    times = struct.unpack_from(f">{timecnt}q", data, at)
    kinds = data[at + 8 * timecnt : at + 9 * timecnt]
    types = [struct.unpack_from(">i", data, at + 9 * timecnt + 6 * kind)[0] for kind in range(typecnt)]
    end = at + _size([isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt], 8)
    footer = data[end:].decode().strip("\n")
    return list(times), [types[kind] for kind in kinds], types[0], footer


def _header(data: bytes, at: int) -> tuple[int, ...]:
    magic, version, *counts = struct.unpack_from(">4sc15x6I", data, at)
    if magic != b"TZif":
        raise ValueError("not a TZif file")
    return (int(version) if version.isdigit() else 1, *counts)


def _size(counts: list[int], width: int) -> int:
    isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt = counts
    return timecnt * (width + 1) + typecnt * 6 + charcnt + leapcnt * (width + 4) + isstdcnt + isutcnt


class Rule(NamedTuple):
    """`begins` and `ends` are (day rule, seconds after that day's midnight); None without daylight time."""

    standard: int
    daylight: int | None = None
    begins: tuple[str, int] | None = None
    ends: tuple[str, int] | None = None


def _rule(text: str) -> Rule:
    name, time = r"(?:<[^>]+>|[A-Za-z]+)", r"[+-]?[0-9]+(?::[0-9]+){0,2}"
    parts = re.fullmatch(rf"{name}({time})(?:{name}({time})?(?:,([^,/]+)(?:/({time}))?,([^,/]+)(?:/({time}))?)?)?", text)
    if parts is None:
        raise ValueError(f"not a TZ of POSIX: {text}")
    off, summer, first, at, last, back = parts.groups()
    standard = -_seconds(off)
    if first is None:
        return Rule(standard)
    daylight = -_seconds(summer) if summer else standard + 3600
    return Rule(standard, daylight, (first, _seconds(at or "2")), (last, _seconds(back or "2")))


def _seconds(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    hours, minutes, seconds = ([int(part) for part in text.lstrip("+-").split(":")] + [0, 0])[:3]
    return sign * (hours * 3600 + minutes * 60 + seconds)


def _rule_changes(text: str, since: int) -> Iterator[tuple[int, int]]:
    """(instant, offset from it on) by the rule, year by year; the year before counts as well."""
    rule = _rule(text)
    if rule.daylight is None or rule.begins is None or rule.ends is None:
        return
    for year in range(since - 1, LAST_YEAR + 1):
        yield from sorted([
            (_day(rule.begins[0], year) * DAY + rule.begins[1] - rule.standard, rule.daylight),
            (_day(rule.ends[0], year) * DAY + rule.ends[1] - rule.daylight, rule.standard),
        ])  # fmt: skip


def _day(text: str, year: int) -> int:
    first = _days_before(year)
    if text.startswith("M"):
        month, week, weekday = map(int, text[1:].split("."))
        begins = first + sum(_months(year)[: month - 1])
        day = begins + (weekday - (begins + 4)) % 7 + 7 * (week - 1)  # day 0 was a Thursday, Sunday is 0
        return day - 7 if day >= begins + _months(year)[month - 1] else day
    if text.startswith("J"):  # 1 to 365, and never February 29
        day = int(text[1:])
        return first + day - 1 + (day >= 60 and _is_leap(year))
    return first + int(text)


def _months(year: int) -> tuple[int, ...]:
    return (31, 29, *MONTHS[2:]) if _is_leap(year) else MONTHS


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _days_before(year: int) -> int:
    """Days from 1970-01-01 to January 1 of the year."""
    past = year - 1
    return 365 * (year - 1970) + past // 4 - past // 100 + past // 400 - 477


def _year(instant: int) -> int:
    year = 1970 + instant // (366 * DAY)
    while _days_before(year + 1) * DAY <= instant:
        year += 1
    return year
