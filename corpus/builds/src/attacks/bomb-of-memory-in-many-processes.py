"""Takes memory in many processes, each of which is below the limit."""

import os
import time

from hostile import escaped

MEBIBYTES = 1 << 20


def hold(ready):
    block = bytearray(32 * MEBIBYTES)
    block[::4096] = b"\1" * (len(block) // 4096)
    os.write(ready, b"1")
    time.sleep(60)


def attack(directory, files):
    read, write = os.pipe()
    for _ in range(12):
        if os.fork() == 0:
            try:
                os.close(read)
                hold(write)
            finally:
                os._exit(1)
    os.close(write)
    for _ in range(12):
        if not os.read(read, 1):
            raise MemoryError("a process was refused its memory")
    time.sleep(0.5)
    # Who was killed holds nothing any more.
    if os.waitpid(-1, os.WNOHANG) != (0, 0):
        raise MemoryError("a process was killed")
    escaped("384 MiB of memory in 12 processes")
