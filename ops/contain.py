"""Runs a command of an image as a container engine would, where there is none: `unshare` and a dozen system calls.

The root is read-only, /tmp a tmpfs, the user the image's, without any capability and without a way to gain one; the
command is process 1 of its own process namespace. The network is the machine's. Linux, as root.
"""

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, LAST_CAPABILITY = 24, 38, 40
DEVICES = ("null", "zero", "random", "urandom")


def start(
    root: Path, command: list[str], environment: dict[str, str], folder: str, user: tuple[int, int],
    mounts: dict[str, tuple[Path, str]],
) -> subprocess.Popen[str]:  # fmt: skip
    """`mounts`: from the place in the container to the folder outside and `ro` or `rw`."""
    wish = {"root": str(root), "command": command, "environment": environment, "folder": folder, "user": user,
            "mounts": {place: (str(source), mode) for place, (source, mode) in mounts.items()}}  # fmt: skip
    return subprocess.Popen(
        ["unshare", "--mount", "--pid", "--fork", sys.executable, __file__, json.dumps(wish)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def send(process: subprocess.Popen[str], number: int) -> None:
    """To process 1 of the container: the only child of `unshare`, which itself passes no signal on."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    if process.poll() is None and children:
        os.kill(int(children[0]), number)


def _become(wish: dict) -> None:
    """Goes on as the command; does not return."""
    root = wish["root"]
    _mount("--bind", root, root)
    _mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", f"{root}/dev")
    for name in DEVICES:
        Path(f"{root}/dev/{name}").touch()
        _mount("--bind", f"/dev/{name}", f"{root}/dev/{name}")
    _mount("-t", "proc", "proc", f"{root}/proc")
    _mount("-t", "tmpfs", "-o", "mode=1777,nosuid,nodev,size=64m", "tmpfs", f"{root}/tmp")
    for place, (source, mode) in wish["mounts"].items():
        _mount("--bind", source, root + place)
        _mount("-o", f"remount,bind,{mode}", root + place)
    _mount("-o", "remount,bind,ro", root)
    os.chroot(root)
    os.chdir(wish["folder"])
    kernel = ctypes.CDLL(None, use_errno=True)
    for capability in range(LAST_CAPABILITY + 1):
        kernel.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setgid(wish["user"][1])
    os.setuid(wish["user"][0])
    kernel.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.execvpe(wish["command"][0], wish["command"], wish["environment"])


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


if __name__ == "__main__":
    _become(json.loads(sys.argv[1]))
