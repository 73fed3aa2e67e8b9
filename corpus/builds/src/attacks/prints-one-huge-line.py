"""Prints a line of 8 MiB, and another without an end."""

import os

from hostile import tried


def attack(directory, files):
    for _ in range(128):
        os.write(2, b"x" * 65_536)
    os.write(1, b"\n")
    tried(True, "8 MiB")


def after(wheel):
    os.write(1, b"without an end")
