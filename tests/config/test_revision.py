"""The commit that a configuration came from (P2), told by the environment, by git-sync's link or by real checkouts."""

import os
import subprocess
from pathlib import Path

import pytest

from reconciler.config.load import load
from reconciler.config.revision import revision

OTHER = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def no_revision_around(monkeypatch):
    monkeypatch.setenv("RECONCILE_REVISION", "")


def git(folder: Path, *words: str) -> str:
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
        "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
    }  # fmt: skip
    done = subprocess.run(["git", *words], cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, text: str) -> str:
    (folder / "prod").mkdir(exist_ok=True)
    (folder / "prod/plans.yaml").write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "-m", text)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--initial-branch", "main")
    return folder


def test_the_environment_says_it_before_all_else(checkout, monkeypatch):
    commit(checkout, "one")
    monkeypatch.setenv("RECONCILE_REVISION", "v1.2-rc")

    assert revision(checkout / "prod/plans.yaml") == "v1.2-rc"
    assert load(checkout / "prod/plans.yaml").revision == "v1.2-rc"


def test_a_checkout_says_its_commit_for_a_file_and_for_any_folder_in_it(checkout):
    first = commit(checkout, "one")
    assert [revision(checkout / path) for path in ("prod/plans.yaml", "prod", ".")] == [first] * 3

    second = commit(checkout, "two")
    assert revision(checkout / "prod/plans.yaml") == second


def test_a_checkout_is_found_from_a_relative_path_and_through_a_link(checkout, tmp_path, monkeypatch):
    head = commit(checkout, "one")
    (tmp_path / "current.yaml").symlink_to(checkout / "prod/plans.yaml")
    monkeypatch.chdir(checkout / "prod")

    assert revision(Path("plans.yaml")) == head
    assert revision(Path()) == head
    assert revision(Path("../prod/plans.yaml")) == head
    assert revision(tmp_path / "current.yaml") == head


def test_a_branch_with_slashes_and_packed_references_say_it(checkout):
    head = commit(checkout, "one")
    git(checkout, "checkout", "-b", "feature/a/main")
    assert revision(checkout / "prod") == head

    later = commit(checkout, "two")
    git(checkout, "tag", "-a", "-m", "annotated", "main-tag")
    git(checkout, "pack-refs", "--all")
    assert not (checkout / ".git/refs/heads/feature/a/main").exists()
    assert revision(checkout / "prod") == later
    git(checkout, "checkout", "main")
    assert revision(checkout / "prod") == head

    newest = commit(checkout, "three")  # loose again, which counts before what is packed
    assert revision(checkout / "prod") == newest


def test_a_detached_head_is_the_commit(checkout):
    head = commit(checkout, "one")
    commit(checkout, "two")
    git(checkout, "checkout", "--detach", head)

    assert revision(checkout / "prod/plans.yaml") == head


def test_a_worktree_says_its_own_commit(checkout, tmp_path):
    first = commit(checkout, "one")
    git(checkout, "worktree", "add", "-b", "other", str(tmp_path / "worktree"))
    second = commit(tmp_path / "worktree", "two")
    detached = tmp_path / "detached"
    git(checkout, "worktree", "add", "--detach", str(detached), first)

    assert (tmp_path / "worktree/.git").is_file()
    assert revision(checkout / "prod") == first
    assert revision(tmp_path / "worktree/prod/plans.yaml") == second
    git(checkout, "pack-refs", "--all")
    assert revision(tmp_path / "worktree/prod/plans.yaml") == second
    assert revision(detached / "prod/plans.yaml") == first


def test_a_submodule_says_its_own_commit(checkout, tmp_path):
    inner = commit(checkout, "one")
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", str(checkout), "plans")
    git(outer, "commit", "-m", "outer")

    assert (outer / "plans/.git").is_file()
    assert revision(outer / "plans/prod/plans.yaml") == inner
    assert revision(outer) == git(outer, "rev-parse", "HEAD") != inner


def test_a_repository_with_sha_256_says_it(tmp_path):
    git(tmp_path, "init", "--object-format=sha256")
    head = commit(tmp_path, "one")

    assert len(head) == 64
    assert revision(tmp_path / "prod") == head


def test_the_link_of_git_sync_names_the_commit(tmp_path):
    """git-sync keeps each commit in a folder of that name and swaps the link in one step."""
    for name in (OTHER, OTHER[::-1]):
        (tmp_path / ".worktrees" / name / "prod").mkdir(parents=True)
        (tmp_path / ".worktrees" / name / "prod/plans.yaml").write_text("version: 1\ninstallation: acme\n")
    link = tmp_path / "current"

    link.symlink_to(f".worktrees/{OTHER}")
    assert revision(link / "prod/plans.yaml") == OTHER
    assert revision(link) == OTHER
    link.unlink()
    link.symlink_to(f".worktrees/{OTHER[::-1]}")
    assert revision(link / "prod/plans.yaml") == OTHER[::-1]


def test_the_link_counts_before_the_checkout_around_it(tmp_path):
    git(tmp_path, "init")
    commit(tmp_path, "one")
    folder = tmp_path / OTHER
    folder.mkdir()

    assert revision(folder / "plans.yaml") == OTHER


def test_without_a_commit_there_is_none(tmp_path, checkout):
    (tmp_path / "loop").symlink_to("loop")
    bare = tmp_path / ("a" * 39) / ("g" * 40)
    bare.mkdir(parents=True)

    assert revision(checkout / "prod/plans.yaml") is None  # nothing committed yet
    assert revision(tmp_path / "plans.yaml") is None
    assert revision(tmp_path / "loop") is None
    assert revision(bare / "plans.yaml") is None


@pytest.mark.parametrize(
    "head", [b"", b"ref: refs/heads/none", b"\xff\xfe", b"ref: ../../etc", b"not a commit", b"ref: \0"]
)
def test_a_damaged_checkout_says_none(checkout, head):
    commit(checkout, "one")
    (checkout / ".git/HEAD").write_bytes(head)

    assert revision(checkout / "prod/plans.yaml") is None


@pytest.mark.parametrize("link", [b"", b"gitdir: nowhere", b"gitdir: .", b"\xff", b"gitdir: \0"])
def test_a_damaged_worktree_says_none(tmp_path, link):
    (tmp_path / ".git").write_bytes(link)

    assert revision(tmp_path / "plans.yaml") is None
