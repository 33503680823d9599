"""Which holds stand in the YAML, beside those that are recorded (S2, S3)."""

from datetime import datetime

from reconciler.core.model import Desired
from reconciler.core.record import HoldRecord, Recorded


def revised(desired: Desired, recorded: Recorded, now: datetime) -> tuple[HoldRecord, ...]:
    """Holds that are new, and those whose line is gone or was changed."""
    standing = {item.backup_set: item for item in recorded.holds if item.gone_at is None}
    wanted = {
        name: HoldRecord(name, hold.reason, hold.until, standing[name].seen_at if name in standing else now)
        for name, hold in desired.holds.items()
    }
    gone_at = recorded.noted_at(now)
    gone = [item._replace(gone_at=gone_at) for name, item in standing.items() if wanted.get(name) != item]
    fresh = [item for name, item in wanted.items() if standing.get(name) != item]
    return (*gone, *(item._replace(seen_at=now) for item in fresh))


def after(recorded: Recorded, rows: tuple[HoldRecord, ...]) -> tuple[HoldRecord, ...]:
    """Those that are recorded once these are written."""
    changed = {(item.backup_set, item.seen_at) for item in rows}
    return (*(item for item in recorded.holds if (item.backup_set, item.seen_at) not in changed), *rows)
