"""Which git commit a configuration came from, where that can be known (P2)."""

import os
import re
from pathlib import Path

COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def revision(path: Path) -> str | None:
    """`RECONCILE_REVISION`, else the last name of git-sync's link, else the checkout around the file."""
    given = os.environ.get("RECONCILE_REVISION")
    return given or _linked(path) or _checked_out(path)


def _linked(path: Path) -> str | None:
    """git-sync puts each commit in a folder named after it, behind a link (its manual, "Volumes")."""
    resolved = path.resolve()
    return next((part for part in reversed(resolved.parts) if COMMIT.fullmatch(part)), None)


def _checked_out(path: Path) -> str | None:
    for folder in path.absolute().parents:
        git = folder / ".git"
        if git.is_dir():
            return _head(git)
    return None


def _head(git: Path) -> str | None:
    try:
        head = (git / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head if COMMIT.fullmatch(head) else None
        reference = head.removeprefix("ref: ")
        loose = git / reference
        if loose.exists():
            return loose.read_text(encoding="utf-8").strip()
        return _packed(git, reference)
    except OSError:
        return None


def _packed(git: Path, reference: str) -> str | None:
    packed = git / "packed-refs"
    lines = packed.read_text(encoding="utf-8").splitlines() if packed.exists() else []
    return next((line.split(" ")[0] for line in lines if line.endswith(f" {reference}")), None)
