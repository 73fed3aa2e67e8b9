"""Takes and touches segments of System V shared memory."""

import ctypes

from hostile import call, escaped

MEBIBYTES = 1 << 20
PRIVATE = 0


def attack(directory, files):
    for _ in range(32):
        segment = call("shmget", PRIVATE, 16 * MEBIBYTES, 0o1600)
        address = call("shmat", segment, 0, 0)
        ctypes.memset(address, 1, 16 * MEBIBYTES)
    escaped("512 MiB of System V shared memory")
