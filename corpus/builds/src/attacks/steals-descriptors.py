"""Takes descriptors out of other processes."""

import os
import signal
import time

from hostile import attempt_call, finish, start


def attack(directory, files):
    child = start(time.sleep, 0.1)
    for process in (1, child):
        handle = os.pidfd_open(process)
        for descriptor in range(16):
            attempt_call("pidfd_getfd", handle, descriptor, 0)
        attempt_call("process_madvise", handle, 0, 0, 4, 0)
        attempt_call("process_mrelease", handle, 0)
        if process == 1:
            # Without effect on the first process of a pid namespace.
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        os.close(handle)
    finish(child)
