"""Files and folders: what is read, in which order, what cannot be read, and what names the bytes."""

import gc
import json
from pathlib import Path

import pytest

from reconciler.config import read
from reconciler.config.load import Loaded, fingerprint, load
from reconciler.core.model import Desired
from reconciler.errors import ConfigInvalid, Problem

HERE = Path(__file__).parent
HEAD = "version: 1\ninstallation: acme\n"


def write(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def told(found: Loaded, folder: Path) -> list[str]:
    return [str(problem).replace(f"{folder}", "F") for problem in found.problems]


def test_one_file_or_a_folder_of_them_mean_the_same(tmp_path, monkeypatch):
    """The same entries give the same desired state, but for the digest, which names the bytes."""
    monkeypatch.setenv("RECONCILE_REVISION", "abc")
    whole = read.read((HERE / "every_field.yaml").read_bytes(), "")[0]
    single = write(tmp_path / "plans", {"all.yaml": json.dumps(whole)})
    first = load(single / "all.yaml").desired
    assert first is not None
    (single / "all.yaml").unlink()

    write(single, {
        "10-head.yaml": json.dumps({"version": 1, "installation": whole["installation"], "limits": whole["limits"]}),
        "20-storages.yml": json.dumps({"version": 1, "storages": whole["storages"]}),
        "99-holds.yaml": json.dumps({"version": 1, "holds": whole["holds"], "installation": whole["installation"]}),
        "notes.txt": "no plans", ".hidden.yaml": "]", "plans.yaml~": "]", "plans.json": "]",
    } | {
        f"30-{at}.yaml": json.dumps({"version": 1, "warehouses": {name: entry}})
        for at, (name, entry) in enumerate(whole["warehouses"].items())
    } | {
        f"40-{at}.yaml": json.dumps({"version": 1, "restores": [entry]})
        for at, entry in enumerate(whole["restores"])
    })  # fmt: skip
    split = load(single)

    assert split.errors == ()
    assert split.desired.digest == split.digest != first.digest
    assert split.desired._replace(digest=first.digest) == first
    for field in ("storages", "warehouses", "restores", "holds"):
        assert list(getattr(split.desired, field)) == list(getattr(first, field))


def test_a_folder_within_the_folder_is_not_read(tmp_path):
    write(tmp_path, {"plans.yaml": HEAD})
    write(tmp_path / "old", {"plans.yaml": "]"})

    assert load(tmp_path).problems == ()


def test_the_mount_of_a_config_map_is_read_once(tmp_path):
    """Kubernetes: ..data is a link to a folder, and each file a link through it."""
    write(tmp_path / "..2026_11_22", {"plans.yaml": HEAD})
    (tmp_path / "..data").symlink_to("..2026_11_22")
    (tmp_path / "plans.yaml").symlink_to("..data/plans.yaml")

    found = load(tmp_path)

    assert found.problems == ()
    assert found.desired.installation == "acme"


def test_what_cannot_be_read_is_one_problem_and_the_rest_is_checked(tmp_path):
    """P6: nothing is concluded from what the unreadable files may hold."""
    folder = write(tmp_path / "plans", {
        "a.yaml": "version: 1\nwarehouses: {shop: {engine: duckdb, path: shop, storage: disk, prot: 1}}\n",
        "d.yaml": "version: 1\nwarehouses: {shop: {engine: duckdb, path: shop}}\n",
    })  # fmt: skip
    (folder / "b.yaml").mkdir()
    (folder / "c.yml").symlink_to("nowhere")
    (folder / "e.yaml").symlink_to("e.yaml")

    found = load(folder)

    assert found.desired is None
    assert told(found, folder) == [
        "F/a.yaml:2:64: error: unknown key 'prot' in warehouses.shop; did you mean 'port'? [unknown-key]",
        "F/b.yaml: error: cannot be read: Is a directory [unreadable]",
        "F/c.yml: error: cannot be read: No such file or directory [unreadable]",
        "F/d.yaml:2:14: error: warehouses.shop: declared here again; first at F/a.yaml:2:14 [declared-twice]",
        "F/e.yaml: error: cannot be read: Too many levels of symbolic links [unreadable]",
    ]


def test_a_file_that_is_not_there_is_one_problem(tmp_path):
    """P6."""
    path = tmp_path / "none.yaml"

    found = load(path)

    assert (found.desired, found.problems) == (
        None, (Problem(str(path), 0, 0, "cannot be read: No such file or directory", "unreadable"),)
    )  # fmt: skip
    assert told(load(path / "plans.yaml"), tmp_path) == [
        "F/none.yaml/plans.yaml: error: cannot be read: No such file or directory [unreadable]"
    ]


def test_a_name_that_no_file_can_have_is_one_problem(tmp_path):
    """P6: some versions of Python raise already where they look whether it is a folder."""
    path = tmp_path / ("x" * 300)

    assert load(path).problems == (Problem(str(path), 0, 0, "cannot be read: File name too long", "unreadable"),)


def test_a_folder_without_plans_is_one_problem(tmp_path):
    assert load(tmp_path).problems == (
        Problem(str(tmp_path), 0, 0, "the folder has no *.yaml or *.yml file", "no-files"),
    )


def test_a_loop_of_links_is_one_problem(tmp_path):
    """P6: Python says of such a path that it is no file at all, or raises an error of its own."""
    (tmp_path / "loop").symlink_to("loop")

    assert told(load(tmp_path / "loop"), tmp_path) == [
        "F/loop: error: cannot be read: Too many levels of symbolic links [unreadable]"
    ]


def test_the_digest_names_the_bytes_and_the_names_of_the_files(tmp_path):
    """P7 allows a removal for one digest only."""
    contents = [
        {"a.yaml": HEAD},
        {"a.yaml": HEAD + "\n"},
        {"a.yaml": HEAD.replace("acme", "emca")},
        {"b.yaml": HEAD},
        {"a.yaml": HEAD, "b.yaml": "version: 1\n"},
        {"a.yaml": "version: 1\n", "b.yaml": HEAD},
        {"a.yaml": HEAD + "a", "b.yaml": ""},
        {"a.yaml": HEAD, "b.yaml": "a"},
        {"a.yaml": "]"},
    ]
    digests = [load(write(tmp_path / str(at), files)).digest for at, files in enumerate(contents)]

    assert len(set(digests)) == len(contents)
    assert digests[0] == load(tmp_path / "0").digest == load(tmp_path / "0/a.yaml").digest
    assert all(digest.startswith("sha256:") and len(digest) == 71 for digest in digests)


def test_the_digest_is_the_same_wherever_the_files_lie(tmp_path):
    one, two = (write(tmp_path / name, {"a.yaml": HEAD, "b.yaml": "version: 1\n"}) for name in ("one", "two"))

    assert load(one).digest == load(two).digest


def test_the_fingerprint_of_a_path_is_that_of_its_load_and_changes_with_bytes_and_revision(tmp_path, monkeypatch):
    folder = write(tmp_path / "plans", {"a.yaml": HEAD, "b.yaml": "]"})
    seen = []
    for content, revision in (("]", "one"), ("version: 1\n", "one"), ("version: 1\n", "two")):
        write(folder, {"b.yaml": content})
        monkeypatch.setenv("RECONCILE_REVISION", revision)
        loaded = load(folder)
        assert fingerprint(folder) == loaded.fingerprint == (loaded.digest, revision)
        seen.append(loaded.fingerprint)

    assert len(set(seen)) == 3
    assert fingerprint(tmp_path / "none.yaml") == load(tmp_path / "none.yaml").fingerprint


@pytest.mark.parametrize("on", [True, False])
def test_the_garbage_collector_is_left_as_it_was(tmp_path, on):
    was_on = gc.isenabled()
    try:
        (gc.enable if on else gc.disable)()
        load(write(tmp_path, {"plans.yaml": HEAD}))
        assert gc.isenabled() is on
    finally:
        (gc.enable if was_on else gc.disable)()


def test_a_warning_alone_leaves_the_file_valid(tmp_path):
    path = tmp_path / "plans.yaml"
    path.write_text(
        f"{HEAD}warehouses: {{shop: {{engine: duckdb, path: shop}}}}\n"
        "restores: [{id: r, from: {warehouse: gone, backup_set: latest}, to: {warehouse: shop}}]\n"
    )
    found = load(path)

    assert [problem.level for problem in found.problems] == ["warning"]
    assert found.errors == ()
    assert found.desired is not None


def test_problems_are_in_the_order_of_files_and_lines(tmp_path):
    text = (
        "version: 2\nwarehouses:\n  b: {engine: duckdb, path: x, storage: none}\n  a: {engine: ducktb}\nlimits: 5\n"
    )
    folder = write(tmp_path / "plans", {"b.yaml": text, "a.yaml": "version: 2\n]", "c.yaml": "installation: X\n"})

    found = load(folder).problems

    assert [(Path(problem.file).name, problem.line) for problem in found] == [
        ("a.yaml", 2), ("b.yaml", 1), ("b.yaml", 4), ("b.yaml", 5), ("c.yaml", 1), ("c.yaml", 1),
    ]  # fmt: skip
    assert str(ConfigInvalid(found)) == "\n".join(map(str, found))


@pytest.mark.parametrize("name", ["servers.yaml", "plans.yaml"])
def test_an_example_needs_no_secret_no_server_and_no_folder_to_be_valid(name, monkeypatch):
    """P6: validity depends on the files alone."""
    for variable in ("S3_KEY", "ANALYTICS_PASSWORD", "STAGING_PASSWORD"):
        monkeypatch.setenv(variable, "")

    found = load(HERE.parents[1] / "examples" / name)

    assert found.problems == ()
    assert isinstance(found.desired, Desired)
