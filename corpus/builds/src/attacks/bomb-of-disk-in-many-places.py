"""Writes a little to each place that it may write, until one is full, and keeps deleted files open."""

import os

from hostile import escaped

MEBIBYTES = 1 << 20


def attack(directory, files):
    places = [directory, os.getcwd(), os.path.expanduser("~"), "/tmp", "/dev/shm", os.environ["TMPDIR"]]
    held = []
    for number in range(1024):
        path = os.path.join(places[number % len(places)], f"filler-{number}")
        file = open(path, "wb")
        file.write(b"x" * MEBIBYTES)
        file.flush()
        os.unlink(path)
        held.append(file)
    escaped("1 GiB in deleted files")
