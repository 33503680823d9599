"""Which databases a plan means, when the task starts (D7)."""

from collections.abc import Iterator

from reconciler.core.model import Objects
from reconciler.core.ports import Finding


def chosen(objects: Objects, existing: tuple[str, ...]) -> tuple[str, ...]:
    """The existing databases that a pattern names and no exclusion does, sorted."""
    return tuple(sorted(
        name for name in existing
        if _matches(objects.databases, name) and not _matches(objects.exclude_databases, name)
    ))  # fmt: skip


def absent(objects: Objects, existing: tuple[str, ...]) -> tuple[str, ...]:
    """Patterns of the plan that name nothing that exists."""
    return tuple(p for p in objects.databases if not any(_matches((p,), name) for name in existing))


def coverage(warehouse: str, objects: Objects, existing: tuple[str, ...]) -> Iterator[Finding]:
    """What the plan takes of what is there, what it names in vain, and what nobody backs up."""
    taken = chosen(objects, existing)
    if objects.databases:
        level = "note" if taken else "error"
        yield Finding(warehouse, level, f"databases that the plan takes: {', '.join(taken) or 'none'}")
    for pattern in absent(objects, existing):
        yield Finding(warehouse, "warning", f"no database matches {pattern}")
    rest = sorted(set(existing) - set(taken))
    if rest:
        yield Finding(warehouse, "warning", f"databases in no plan: {', '.join(rest)}")


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    return any(_fits(pattern, name) for pattern in patterns)


def _fits(pattern: str, name: str) -> bool:
    """`*` stands for any run of characters; every other character for itself; case counts.

    Part by part, each at its first place: a regular expression of many stars may take years.
    """
    first, *middle = pattern.split("*")
    if not middle:
        return pattern == name
    last = middle.pop()
    at, end = len(first), len(name) - len(last)
    if at > end or not name.startswith(first) or not name.endswith(last):
        return False
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
