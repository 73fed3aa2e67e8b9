"""Says that it has built, and leaves nothing."""

import os


def attack(directory, files):
    pass


def after(wheel):
    os.unlink(wheel)
