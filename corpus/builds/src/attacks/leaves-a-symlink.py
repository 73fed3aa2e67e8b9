"""Leaves a symlink for its wheel, which leads to a file of whoever follows it."""

import os


def attack(directory, files):
    pass


def after(wheel):
    os.unlink(wheel)
    os.symlink("/etc/passwd", wheel)
