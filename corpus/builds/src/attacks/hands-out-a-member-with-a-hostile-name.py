"""Hands out a member whose name steers a terminal."""


def attack(directory, files):
    files["\x1b[2J\x1b[1;32mreproduced.py"] = b"import os\n"
