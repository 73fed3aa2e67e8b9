"""Writes until the disk is full."""

import os

from hostile import escaped

MEBIBYTES = 1 << 20


def attack(directory, files):
    with open(os.path.join(directory, "filler"), "wb") as file:
        for _ in range(1024):
            file.write(b"x" * MEBIBYTES)
    escaped("1 GiB on disk")
