"""The image that `make image` built, really run: `make image-test`. Not among the tests that `make test` runs.

Each test runs its commands with `contain.py`: read-only root, tmpfs, the image's own user, no capability.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "demo")]
import contain  # noqa: E402
import warehouses  # noqa: E402

IMAGE = os.environ.get("IMAGE", "localhost/reconcile:latest")
STORE = Path(os.environ.get("STORE") or Path(os.environ.get("TMPDIR") or "/tmp") / "reconcile-image")
DEMO = HERE.parent / "examples" / "plans.yaml"
STATE = "/var/lib/reconcile"
SLOT = "shop-20261123T013000Z"


def buildah(*words: str) -> str:
    store = ("--storage-driver", "vfs", "--root", STORE / "storage", "--runroot", STORE / "run")
    return subprocess.run(["buildah", *store, *words], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="session")
def settings() -> dict:
    """What the image tells an engine."""
    return json.loads(buildah("inspect", "--type", "image", IMAGE))["Docker"]["config"]


@pytest.fixture(scope="session")
def root():
    container = buildah("from", "--pull-never", IMAGE)
    yield Path(buildah("mount", container))
    buildah("umount", container)
    buildah("rm", container)


@pytest.fixture(scope="session")
def databases(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    warehouses.build(folder)
    return folder


class Site:
    """Folders that are mounted into containers, and the containers that run with them."""

    def __init__(self, folder: Path, root: Path, settings: dict) -> None:
        self.config, self.state, self._root, self._settings = folder / "config", folder / "state", root, settings
        self.data = {name: folder / name for name in ("warehouses", "backups")}
        self.user = tuple(int(part) for part in settings["User"].split(":"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        for path in (self.config, self.state, *self.data.values()):
            path.mkdir()
        for name in self.data:
            (self.config / name).mkdir()  # the places that the data is mounted at, as the plans name them
        folder.chmod(0o755)
        self.own()

    def own(self) -> None:
        for path in (self.state, *self.data.values()):
            subprocess.run(["chown", "-R", "{}:{}".format(*self.user), path], check=True)

    def start(self, *words: str, command: list[str] | None = None, **environment: str) -> subprocess.Popen:
        own = dict(line.split("=", 1) for line in self._settings["Env"])
        own |= {"RECONCILE_RUN_LISTEN": f"127.0.0.1:{self.port}"} | environment
        mounts = {"/config": (self.config, "ro"), STATE: (self.state, "rw")}
        mounts |= {f"/config/{name}": (path, "rw") for name, path in self.data.items()}
        entry = command or [*self._settings["Entrypoint"], *(words or self._settings["Cmd"])]
        return contain.start(self._root, entry, own, self._settings["WorkingDir"], self.user, mounts)

    def run(self, *words: str, command: list[str] | None = None, **environment: str) -> tuple[int, str, str]:
        process = self.start(*words, command=command, **environment)
        try:
            out, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            contain.send(process, signal.SIGKILL)
            raise
        print(f"$ {words or command}\n{out}{err}")
        return process.returncode, out, err

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def health(self) -> tuple[int, str]:
        code, out, _ = self.run(command=self._settings["Healthcheck"]["Test"][1:])
        return code, out.strip()


@pytest.fixture
def site(tmp_path, root, settings):
    return Site(tmp_path, root, settings)


@pytest.fixture
def demo(site, databases):
    """The plans and the warehouses of `make demo`."""
    shutil.copy(DEMO, site.config)
    shutil.copytree(databases, site.data["warehouses"], dirs_exist_ok=True)
    site.own()
    return site


@contextlib.contextmanager
def started(site: Site, *words: str):
    """Ended, with all that it started, when the test is over."""
    process = site.start(*words)
    try:
        yield process
    finally:
        if process.poll() is None:
            contain.send(process, signal.SIGKILL)
        print(*process.communicate())


@contextlib.contextmanager
def running(site: Site, *words: str):
    with started(site, *words) as process:
        until(lambda: site.get("/healthz")[0] == 200)
        yield process


def until(holds, seconds: float = 30, every: float = 0.1):
    """What the condition gives once it gives something."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(every)
    return found


def stop(process: subprocess.Popen) -> tuple[int, float]:
    """The exit code after SIGTERM to process 1, and the seconds it took."""
    began = time.monotonic()
    contain.send(process, signal.SIGTERM)
    return process.wait(40), time.monotonic() - began


def test_the_image_tells_an_engine_how_to_run_it(settings):
    assert (settings["Entrypoint"], settings["Cmd"], settings["StopSignal"]) == (["reconcile"], ["run"], "SIGTERM")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", settings["User"])
    assert settings["Healthcheck"]["Test"] == ["CMD", "python3", "/opt/reconcile/healthcheck.py"]
    assert list(settings["Volumes"]) == [STATE]
    own = {name: text for name, text in settings["Labels"].items() if name.startswith("org.opencontainers.image.")}
    labels = {name.rpartition(".")[2]: text for name, text in own.items()}
    assert (labels["title"], labels["licenses"]) == ("reconcile", "Apache-2.0")
    assert re.fullmatch(r"\d+\.\d+\.\d+", labels["version"])
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", labels["revision"])


def test_it_runs_without_root_without_capabilities_and_cannot_write_its_root(site):
    script = (
        "import os, pathlib\n"
        "print(os.getpid(), os.getuid(), os.getgid(), os.getgroups())\n"
        "status = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
        "print(*(status[name].strip() for name in ('CapEff', 'CapPrm', 'CapBnd', 'NoNewPrivs')))\n"
        "for place in ('/', '/opt/reconcile', '/config', '/tmp', '/var/lib/reconcile'):\n"
        "    try: pathlib.Path(place, 'x').touch(); print(place, 'yes')\n"
        "    except OSError as error: print(place, error.strerror)\n"
    )
    code, out, _ = site.run(command=["python3", "-c", script])
    none = "0" * 16
    assert (code, out.splitlines()) == (0, [
        "1 65532 65532 []", f"{none} {none} {none} 1", "/ Read-only file system",
        "/opt/reconcile Read-only file system", "/config Read-only file system", "/tmp yes",
        "/var/lib/reconcile yes",
    ])  # fmt: skip


def test_nothing_is_compiled_at_a_start(demo):
    code, out, err = demo.run(command=["python3", "-v", "-m", "reconciler", "--dry-run"])
    loaded = re.findall(r"# code object from '?([^'\n]+)", err)
    assert code == 0, out
    assert len(loaded) > 100
    assert [path for path in loaded if not path.endswith(".pyc")] == []


def test_it_leaves_what_builds_behind(root):
    packages = [path.name for path in (root / "opt/reconcile").glob("lib/python3*/site-packages/*")]
    assert not [name for name in packages if name.startswith(("pip", "hatchling", "setuptools"))]
    assert not (root / "build").exists()
    assert not (root / "source").exists()


def test_the_entry_point_carries_out_the_plans_of_the_demo(demo):
    def reconcile(now: str, *words: str) -> str:
        code, out, err = demo.run("--now", now, *words)
        assert code == 0, err
        return out + err

    assert demo.run("--version")[:2] == (0, "reconcile, version 0.1.0\n")
    assert demo.run("validate")[0] == 0
    assert "2 creates" in reconcile("2026-11-22T12:00:00Z", "--dry-run")
    assert list(demo.state.iterdir()) == []
    reconcile("2026-11-22T12:00:00Z", "apply")
    assert f"backup {SLOT} succeeded" in reconcile("2026-11-23T01:31:00Z", "apply")
    assert "sales-to-analytics succeeded" in reconcile("2026-11-23T01:40:00Z", "apply")
    folder = demo.data["warehouses"]
    differing = warehouses.differing_rows(folder / "shop/sales.duckdb", folder / "analytics/sales_restored.duckdb")
    assert set(differing.values()) == {0}


def test_the_daemon_backs_up_answers_probes_and_ends_with_0(demo):
    with running(demo, "--now", "2026-11-23T01:29:58Z", "run") as daemon:
        until(lambda: demo.get("/readyz")[0] == 200)
        assert demo.health() == (0, "the loop beats")
        until(lambda: SLOT in str(list(demo.data["backups"].rglob("manifest.json"))))
        until(lambda: json.loads(demo.get("/status.json")[1])["summary"]["backup_sets"] == 2)
        code, seconds = stop(daemon)
    assert (code, seconds < 5) == (0, True)
    assert demo.health()[0] == 1


def test_a_failed_backup_does_not_make_the_daemon_unwell(demo):
    (demo.data["warehouses"] / "shop/stock.duckdb").write_bytes(b"no database")
    with running(demo, "--now", "2026-11-23T01:29:59Z", "run"):
        until(lambda: '"failed"' in demo.get("/status.json")[1])
        assert json.loads(demo.get("/status.json")[1])["healthy"] is False
        assert demo.health() == (0, "the loop beats")
        assert demo.get("/readyz")[0] == 200


def test_without_a_configuration_it_is_well_but_not_ready(site):
    with running(site) as daemon:
        time.sleep(2)
        assert site.get("/readyz")[0] == 503
        assert site.health() == (0, "the loop beats")
        assert stop(daemon)[0] == 0
    code, _, err = site.run("apply")
    assert (code, "/config/plans.yaml" in err) == (3, True)


@contextlib.contextmanager
def held(database: Path):
    """Another process has it open for writing, so that a backup of it waits."""
    with database.open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        yield


def exporting() -> int | None:
    """The process that exports a database inside a container: one with process numbers of its own."""
    ours = Path("/proc/self/ns/pid").readlink()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if b"duckdb_child" in path.read_bytes() and (path.parent / "ns/pid").readlink() != ours:
                return int(path.parent.name)
    return None


def test_a_second_sigterm_ends_it_at_once(demo):
    """Also as process 1, on which a signal's default has no effect."""
    with running(demo, "--now", "2026-11-23T01:29:59Z", "run", "--grace", "5m") as daemon:
        child = until(exporting, every=0.005)
        os.kill(child, signal.SIGSTOP)
        contain.send(daemon, signal.SIGTERM)
        time.sleep(2)
        assert daemon.poll() is None
        code, seconds = stop(daemon)
    assert (code, seconds < 2) == (128 + signal.SIGTERM, True)


def test_sigterm_ends_a_single_pass(demo):
    demo.run("--now", "2026-11-22T12:00:00Z", "apply")
    with (
        held(demo.data["warehouses"] / "shop/sales.duckdb"),
        started(demo, "--now", "2026-11-23T01:31:00Z", "apply") as process,
    ):
        until(lambda: list(demo.data["backups"].rglob("owner.json")))
        code, seconds = stop(process)
    assert (code, seconds < 5) == (128 + signal.SIGTERM, True)


@pytest.mark.parametrize("words", [["apply"], ["run"]])
def test_a_folder_that_is_not_ours_to_write_is_named(demo, words):
    os.chown(demo.state, 0, 0)
    demo.state.chmod(0o755)
    code, out, err = demo.run(*words)
    assert (code, out) == (1, "")
    assert "/var/lib/reconcile" in err
    assert "Permission denied" in err
    assert "Traceback" not in err
