"""Ends with 0 when the daemon's loop beats: the image's health check, which needs no shell and no curl.

It asks `/healthz` where `reconcile run` listens, by the same variable, and so says nothing of failed backups.
"""

import http.client
import os
import sys

EVERY_INTERFACE = ("0.0.0.0", "::", "")


def main() -> int:
    host, _, port = os.environ["RECONCILE_RUN_LISTEN"].rpartition(":")
    host = host.strip("[]")
    connection = http.client.HTTPConnection("127.0.0.1" if host in EVERY_INTERFACE else host, int(port), timeout=4)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        print(answer.read(200).decode(errors="replace").strip())
    except OSError as error:
        print(f"nothing answers on port {port}: {error}")
        return 1
    return 0 if answer.status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main())
