"""Sends bits to the other twin by locking files of the layers that both have."""

import fcntl
import os
import time

from hostile import tried


def attack(directory, files):
    files_of_layers = ["/usr/bin/python3.11", "/usr/bin/env", "/etc/passwd", "/env", "/", "/usr/lib"]
    held = []
    until = time.monotonic() + 0.7
    while time.monotonic() < until:
        for path in files_of_layers:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                tried(False, f"{path} is locked by the other twin")
                return
            tried(True, path)
            held.append(descriptor)
        time.sleep(0.02)
        while held:
            os.close(held.pop())
