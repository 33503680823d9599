"""What a pass refuses until somebody allows it (P7), with the numbers and the command that allows it."""

import json
from typing import NamedTuple

from reconciler.core.model import Desired, LocalStorage, S3Storage, Storage
from reconciler.core.record import Allowance, BackupSet, Recorded


class Refusal(NamedTuple):
    """`allowed_by` is the command that lets it through; None where nothing does."""

    message: str
    allowed_by: str | None


def refusals(desired: Desired, recorded: Recorded) -> tuple[Refusal, ...]:
    """Why this configuration may not be taken over; empty where it may."""
    moved = _other_installation(desired, recorded)
    if moved or Allowance("removals", desired.digest) in recorded.allowances:
        return moved
    command = f"reconcile allow removals --config {desired.digest}"
    messages = (*_ended_plans(desired, recorded), *_lost_storages(desired, recorded))
    return tuple(Refusal(message, command) for message in messages)


def _other_installation(desired: Desired, recorded: Recorded) -> tuple[Refusal, ...]:
    known = recorded.configuration.installation if recorded.configuration else desired.installation
    if known == desired.installation:
        return ()
    return (
        Refusal(
            f"installation is {desired.installation}, but this ledger belongs to {known}; "
            f"give each installation a ledger of its own with --ledger",
            None,
        ),
    )


def _ended_plans(desired: Desired, recorded: Recorded) -> tuple[str, ...]:
    """More than half of the plans and at least two, or all of them."""
    standing = {name for name, plan in recorded.plans.items() if plan.in_force and plan.plan}
    ended = sorted(standing - desired.planned.keys())
    if not ended or (len(desired.planned) > 0 and (len(ended) < 2 or 2 * len(ended) <= len(standing))):  # noqa: PLR2004
        return ()
    named = ", ".join(ended[:5]) + (f" and {len(ended) - 5} more" if len(ended) > 5 else "")  # noqa: PLR2004
    return (f"{len(ended)} of {len(standing)} plans would end: {named}",)


def _lost_storages(desired: Desired, recorded: Recorded) -> tuple[str, ...]:
    """Storages that hold sets and are gone from the YAML, or point elsewhere."""
    known = recorded.configuration.storages if recorded.configuration else {}
    messages = []
    for name in sorted({item.storage for item in recorded.sets}):
        amount = _amount([item for item in recorded.sets if item.storage == name])
        if name not in desired.storages:
            messages.append(f"storage {name} is removed, but holds {amount}")
        elif name in known and location(known[name]) != location(desired.storages[name]):
            messages.append(f"storage {name} points elsewhere, but holds {amount} where it was")
    return tuple(messages)


def location(storage: Storage) -> tuple[str | None, ...]:
    """What makes two storages the same place; credentials do not."""
    match storage:
        case LocalStorage(_, path):
            return (path,)
        case S3Storage():
            return (storage.endpoint, storage.bucket, storage.prefix)


def place(storage: Storage) -> str:
    """The location as one text, to remember it by."""
    return json.dumps(location(storage))


def _amount(sets: list[BackupSet]) -> str:
    total = sum(item.size_bytes for item in sets)
    return f"{len(sets)} backup set{'s' * (len(sets) != 1)} ({total:,} bytes)"
