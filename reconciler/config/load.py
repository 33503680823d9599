"""Loads a file or a folder of plans: all problems in one go, or the desired state."""

import functools
import gc
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from reconciler.config import accept, build, declared, explain, read, schema, sense
from reconciler.config import revision as revisions
from reconciler.config.marks import Map
from reconciler.core.model import Desired
from reconciler.errors import Problem

SUFFIXES = (".yaml", ".yml")
SECTIONS = ("storage", "warehouse", "restore", "hold", "limits")


class Loaded(NamedTuple):
    """`desired` is None where any problem is an error. `digest` names the bytes that were read."""

    desired: Desired | None
    problems: tuple[Problem, ...]
    digest: str
    revision: str | None

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.level == "error")

    @property
    def fingerprint(self) -> tuple[str, str | None]:
        return (self.digest, self.revision)


def fingerprint(path: Path) -> tuple[str, str | None]:
    """Digest and revision of what is there now, without reading it as YAML: equal ones mean no change."""
    return (_digest(_contents(path)[0]), revisions.revision(path))


def load(path: Path) -> Loaded:
    """Reads every file once, into memory, and checks what it read; raises nothing for what is in them."""
    contents, problems = _contents(path)
    digest = _digest(contents)
    revision = revisions.revision(path)
    gc_was_on = gc.isenabled()
    gc.disable()  # nothing here is cyclic, and collections would double the time (bench: dry run, 10,000 plans)
    try:
        complete = not problems
        trees, more = _checked(contents)
        problems += more
        complete = complete and len(trees) == len(contents)
        checks: dict[str, accept.Check] = _checks()[1] if problems else dict.fromkeys(SECTIONS, _accept_again)
        merged = declared.merge(trees, checks, problems, complete=complete)
        problems += sense.problems(merged)
        problems.sort(key=lambda problem: (problem.file, problem.line, problem.column))
        problems = _bounded(problems, path)
        failed = any(problem.level == "error" for problem in problems)
        result = None if failed else build.desired(merged, digest, revision)
    finally:
        if gc_was_on:
            gc.enable()
    return Loaded(result, tuple(problems), digest, revision)


def _bounded(problems: list[Problem], path: Path) -> list[Problem]:
    """Nobody reads more, and a daemon that explains them all would be late for its backups."""
    if len(problems) <= explain.MOST:
        return problems
    words = f"more than {explain.MOST:,} problems; mend these, and the others are told"
    return [*problems[: explain.MOST], Problem(str(path), 0, 0, words, "too-many")]


def _contents(path: Path) -> tuple[dict[str, bytes], list[Problem]]:
    """The bytes of each file under the name that messages use."""
    try:
        found = sorted(path.iterdir()) if path.is_dir() else None
    except OSError as error:
        return {}, [Problem(str(path), 0, 0, f"cannot be read: {error.strerror}", "unreadable")]
    if found is None:
        return _read_all([path])
    files = [file for file in found if file.suffix in SUFFIXES and not file.name.startswith(".")]
    if not files:
        return {}, [Problem(str(path), 0, 0, "the folder has no *.yaml or *.yml file", "no-files")]
    return _read_all(files)


def _read_all(files: list[Path]) -> tuple[dict[str, bytes], list[Problem]]:
    contents: dict[str, bytes] = {}
    problems = []
    for file in files:
        try:
            with file.open("rb") as stream:
                contents[str(file)] = stream.read(read.MAX_BYTES + 1)
        except OSError as error:
            problems.append(Problem(str(file), 0, 0, f"cannot be read: {error.strerror}", "unreadable"))
    return contents, problems


def _checked(contents: dict[str, bytes]) -> tuple[dict[str, Map], list[Problem]]:
    trees: dict[str, Map] = {}
    problems: list[Problem] = []
    for file, content in contents.items():
        tree, found = read.read(content, file)
        problems += found
        if tree is not None:
            trees[file] = tree
            if not _checks()[0](tree):
                problems += explain.problems(tree, file)
    return trees, problems


def _digest(contents: dict[str, bytes]) -> str:
    total = hashlib.sha256()
    for file, content in contents.items():
        total.update(f"{Path(file).name}\0{len(content)}\0".encode())
        total.update(content)
    return f"sha256:{total.hexdigest()}"


def _accept_again(_: Any) -> bool:
    """Entries of files that were accepted as a whole need no second look."""
    return True


@functools.cache
def _checks() -> tuple[accept.Check, dict[str, accept.Check]]:
    """The check of a whole file, and those of single entries."""
    document = schema.document("plans")
    compiler = accept.Compiler(document)
    return compiler.check(document), {
        name: compiler.check(document["definitions"][name]) for name in SECTIONS
    }  # fmt: skip
