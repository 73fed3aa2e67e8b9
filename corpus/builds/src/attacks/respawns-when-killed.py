"""Leaves processes behind that always fork and end, so that none lives long enough to be killed."""

import os

from hostile import tried


def attack(directory, files):
    for _ in range(4):
        if os.fork() == 0:
            os.setsid()
            while True:
                try:
                    if os.fork():
                        os._exit(0)
                except OSError:
                    pass
        tried(True, "a chain of processes")
