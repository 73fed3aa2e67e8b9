"""Forks until it is refused, and fails then, as a compiler would that finds no process for its assembler."""

import os
import time

from hostile import escaped


def attack(directory, files):
    for _ in range(3000):
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
    escaped("3000 processes at once")
