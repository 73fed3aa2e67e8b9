"""Leaves a wheel that nobody may read, and programs that would run as their owner."""

import os

from hostile import tried


def attack(directory, files):
    path = os.path.join(directory, "program")
    with open(path, "w") as file:
        file.write("#!/bin/sh\n")
    os.chmod(path, 0o6777)
    os.mkdir(os.path.join(directory, "closed"), 0o000)
    tried(True, path)


def after(wheel):
    os.chmod(wheel, 0o6000)
    os.chmod(os.path.dirname(wheel), 0o2000)
