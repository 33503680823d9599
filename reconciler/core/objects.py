"""Which databases a plan means, when the task starts (D7)."""

import re

from reconciler.core.model import Objects


def chosen(objects: Objects, existing: tuple[str, ...]) -> tuple[str, ...]:
    """The existing databases that a pattern names and no exclusion does, sorted."""
    return tuple(sorted(
        name for name in existing
        if _matches(objects.databases, name) and not _matches(objects.exclude_databases, name)
    ))  # fmt: skip


def absent(objects: Objects, existing: tuple[str, ...]) -> tuple[str, ...]:
    """Patterns of the plan that name nothing that exists."""
    return tuple(p for p in objects.databases if not any(_matches((p,), name) for name in existing))


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    """`*` stands for any run of characters; every other character for itself; case counts."""
    return any(
        re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) for pattern in patterns
    )
