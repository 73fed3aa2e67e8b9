"""Maps and touches anonymous shared memory, which no limit on a process or on a file system counts."""

import mmap

from hostile import escaped

MEBIBYTES = 1 << 20


def attack(directory, files):
    blocks = []
    for _ in range(32):
        block = mmap.mmap(-1, 16 * MEBIBYTES, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
        for offset in range(0, len(block), 4096):
            block[offset] = 1
        blocks.append(block)
    escaped("512 MiB of shared memory")
