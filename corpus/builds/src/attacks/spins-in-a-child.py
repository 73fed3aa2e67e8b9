"""Uses up processor time in a process of its own, and fails when that is ended."""

from hostile import in_child


def spin():
    while True:
        pass


def attack(directory, files):
    if in_child(spin) != 0:
        raise RuntimeError("the child was ended")
