"""Runs a command, writes what it cost as JSON into a file, and exits as the command did.

  cost.py FILE COMMAND...

A program of its own that imports next to nothing: the kernel counts the peak memory of whoever
starts a process into that of the process, and an interpreter with its libraries has 30 MB.
"""

import os
import sys
import time

begin = time.monotonic()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
wall = time.monotonic() - begin
with open(sys.argv[1], "w") as file:
    file.write(
        f'{{"wall_seconds": {wall}, "cpu_seconds": {usage.ru_utime + usage.ru_stime}, '
        f'"peak_bytes": {usage.ru_maxrss * 1024}}}'
    )
sys.exit(os.waitstatus_to_exitcode(status) % 256)
