"""`python -m tests.doris_server --port 0 --product doris --version 3.0.3`: prints its ports, runs until it is ended."""

import argparse
import json
import threading

from . import DorisServer


def main() -> None:
    asked = argparse.ArgumentParser(
        prog="doris_server", description="a stand-in for Doris and StarRocks frontends, for tests"
    )
    asked.add_argument("--port", type=int, default=0)
    asked.add_argument("--product", choices=("doris", "starrocks"), default="doris")
    asked.add_argument("--version", default="")
    asked.add_argument("--cloud", action="store_true")
    asked.add_argument("--frontends", type=int, default=1)
    asked.add_argument("--speed", type=float, default=1.0, help="the server's seconds in a real one")
    asked.add_argument("--root-password", default="")
    words = vars(asked.parse_args())
    with DorisServer(words.pop("product"), words.pop("version"), per_look=0.0, **words) as server:
        print(json.dumps({"ports": server.ports, "pid": __import__("os").getpid()}), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
