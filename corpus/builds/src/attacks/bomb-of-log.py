"""Prints without end."""

import os

from hostile import escaped


def attack(directory, files):
    for _ in range(16_384):
        os.write(1, b"x" * 65_536)
    escaped("1 GiB of log")
