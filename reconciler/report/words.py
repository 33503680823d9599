"""Small pieces of text that every report says the same way."""

import unicodedata
from datetime import datetime

from reconciler.core import calendar, instants
from reconciler.core.model import WEEKDAYS, OneTime, Periodic, Plan

STEPS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def safe(text: object) -> str:
    """Text on one line, without the characters with which a hostile name could deceive a terminal or a reader."""
    return "".join(
        character if character.isprintable() else "\\n" if character == "\n" else f"\\u{ord(character):04x}"
        for character in unicodedata.normalize("NFC", str(text))
    )  # fmt: skip


def size(count: int | None) -> str:
    """`1.4 GiB`, in steps of 1,024."""
    if count is None:
        return "-"
    amount, step = float(count), 0
    while amount >= 1024 and step < len(STEPS) - 1:  # noqa: PLR2004
        amount, step = amount / 1024, step + 1
    return f"{count:,} bytes" if step == 0 else f"{amount:.1f} {STEPS[step]}"


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def moment(instant: datetime | None) -> str:
    return "-" if instant is None else instants.text(instant)


def both(instant: datetime | None, plan: Plan | None) -> str:
    """In UTC and, where the plan has a zone of its own, in local time."""
    if instant is None:
        return "-"
    here = local(instant, plan)
    return moment(instant) if here is None else f"{moment(instant)} ({here})"


def local(instant: datetime, plan: Plan | None) -> str | None:
    """`Mon 2026-11-23 02:30 Europe/Berlin`; None without a zone of its own."""
    if plan is None or not isinstance(plan.schedule, Periodic) or plan.schedule.time_zone == "UTC":
        return None
    zone = plan.schedule.time_zone
    return f"{instant.astimezone(calendar.zone(zone)):%a %Y-%m-%d %H:%M} {zone}"


def schedule(plan: Plan) -> str:
    """`mon,wed,fri 02:30 Europe/Berlin`, or `once at …`."""
    match plan.schedule:
        case OneTime(start_time):
            return f"once at {moment(start_time)}"
        case Periodic(enabled, days, start, zone):
            named = "daily" if len(days) == len(WEEKDAYS) else ",".join(WEEKDAYS[day][:3] for day in days)
            return f"{named} {start.removesuffix(':00')} {zone}{'' if enabled else ', disabled'}"


def objects(plan: Plan) -> str:
    chosen = ", ".join((*plan.objects.databases, *(f"catalog {c}" for c in plan.objects.external_catalogs)))
    without = ", ".join(plan.objects.exclude_databases)
    return f"{chosen} but {without}" if without else chosen
