"""Meets the other twin in System V shared memory, semaphores and message queues, and in POSIX ones."""

import errno
import os
import time

from hostile import HOST, attempt, call, is_first_twin, tried

CREATE = 0o1000 | 0o666


def attack(directory, files):
    base = int.from_bytes(HOST["mark"].encode()[-3:], "big")
    mine, other = (base, base + 1) if is_first_twin() else (base + 1, base)
    call("shmget", mine, 4096, CREATE)
    call("semget", mine, 1, CREATE)
    call("msgget", mine, CREATE)
    with open(f"/dev/shm/{mine}", "w"):
        pass
    until = time.monotonic() + 0.7
    absent = {errno.ENOENT}
    while time.monotonic() < until:
        attempt("shared memory of the other twin", call, "shmget", other, 4096, 0o666, refusals=absent)
        attempt("semaphores of the other twin", call, "semget", other, 1, 0o666, refusals=absent)
        attempt("messages of the other twin", call, "msgget", other, 0o666, refusals=absent)
        tried(os.listdir("/dev/shm") == [str(mine)], f"/dev/shm holds {os.listdir('/dev/shm')}")
        time.sleep(0.02)
