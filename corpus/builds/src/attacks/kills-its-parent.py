"""Kills the process that started it, all that it can see, and the verifier by its number on the host."""

import errno
import os
import signal

from hostile import HOST, attempt, tried

FIRST = 1


def attack(directory, files):
    for process in HOST["processes"]:
        # Whether it could be is enough to know.
        attempt(f"process {process} of the host", os.kill, process, 0, refusals={errno.ESRCH})
        attempt(f"group {process} of the host", os.killpg, process, 0, refusals={errno.ESRCH})
    # The first process is its own user's, and takes no signal for which it has no handler.
    for each in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP, signal.SIGINT, signal.SIGCHLD, signal.SIGRTMIN):
        for process in {FIRST, os.getppid()}:
            os.kill(process, each)
            tried(True, each)
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os.kill(FIRST, 0)
