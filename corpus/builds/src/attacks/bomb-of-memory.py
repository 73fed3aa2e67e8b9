"""Takes and touches memory until there is no more."""

from hostile import escaped

MEBIBYTES = 1 << 20


def attack(directory, files):
    blocks = []
    for _ in range(32):
        block = bytearray(16 * MEBIBYTES)
        block[::4096] = b"\1" * (len(block) // 4096)
        blocks.append(block)
    escaped("512 MiB of memory")
