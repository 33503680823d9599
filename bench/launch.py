"""Runs one command and prints its wall seconds, CPU seconds, peak memory (KiB) and exit code.

A process of its own because Linux starts a child's peak memory at the size of the parent it came from
(`ru_maxrss` outlives exec, see getrusage(2)): from here, under `python -I -S`, that is less than 9 MiB, which
is less than any side but the floor.
"""

import os
import sys
import time

began = time.perf_counter()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=[
    (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
])  # fmt: skip
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - began
print(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status))
