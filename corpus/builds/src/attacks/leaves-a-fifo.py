"""Leaves a fifo for its wheel: who opens it waits for ever."""

import os


def attack(directory, files):
    pass


def after(wheel):
    os.unlink(wheel)
    os.mkfifo(wheel)
