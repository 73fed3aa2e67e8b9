"""Leaves files whose names are no text, steer terminals, or look like options and paths."""

import os

from hostile import tried


def attack(directory, files):
    for name in (b"\x1b[2J", b"\xff\xfe", b"-rf", b"a\nESC: b", b"..\\..\\x", b"%2e%2e", b" ", b"x" * 255):
        with open(os.path.join(os.fsencode(directory), name), "wb"):
            tried(True, name)
