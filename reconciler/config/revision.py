"""Which git commit a configuration came from, where that can be known (P2). Reads git's files, never runs git."""

import os
import re
from pathlib import Path

COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def revision(path: Path) -> str | None:
    """`RECONCILE_REVISION`, else the last name of git-sync's link, else the checkout around the file."""
    given = os.environ.get("RECONCILE_REVISION")
    if given:
        return given
    try:
        real = path.resolve()
        return _linked(real) or _checked_out(real)
    except (OSError, RuntimeError, ValueError):  # unreadable, a loop of links, no text
        return None


def _linked(path: Path) -> str | None:
    """git-sync puts each commit in a folder named after it, behind a link (its manual, "Volumes")."""
    return next((part for part in reversed(path.parts) if COMMIT.fullmatch(part)), None)


def _checked_out(path: Path) -> str | None:
    for folder in (path, *path.parents):
        git = folder / ".git"
        if git.is_dir():
            return _head(git)
        if git.is_file():  # a worktree or a submodule: the file says where its folder is
            return _head(folder / _text(git).removeprefix("gitdir: "))
    return None


def _head(git: Path) -> str | None:
    head = _text(git / "HEAD")
    if not head.startswith("ref: "):
        return _commit(head)
    reference = head.removeprefix("ref: ")
    shared = git / "commondir"  # a worktree's branches are those of its repository
    common = git / _text(shared) if shared.exists() else git
    loose = common / reference
    return _commit(_text(loose)) if loose.exists() else _packed(common, reference)


def _packed(git: Path, reference: str) -> str | None:
    lines = _text(git / "packed-refs").splitlines()
    return next((_commit(line.split(" ")[0]) for line in lines if line.endswith(f" {reference}")), None)


def _commit(text: str) -> str | None:
    return text if COMMIT.fullmatch(text) else None


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()
