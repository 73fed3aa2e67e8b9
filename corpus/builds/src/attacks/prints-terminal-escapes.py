"""Prints what would clear a terminal, forge a verdict on it, set its title and ask for its contents; then fails."""

import os


def attack(directory, files):
    os.write(1, b"\x1b[2J\x1b[H\x1b[1;32mreproduced\x1b[0m\n\x1b]0;title\x07\x1b[6n\x9b31m\r")
    os.write(2, b"\x08\x00\xff\xfe\xe2\x80\xae\n")
    raise SystemExit("\x1b[31mand fails")
