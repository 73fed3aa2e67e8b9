"""Leaves a device for its wheel, the one that anybody may make."""

import os
import stat


def attack(directory, files):
    pass


def after(wheel):
    os.unlink(wheel)
    os.mknod(wheel, stat.S_IFCHR | 0o666, os.makedev(0, 0))
