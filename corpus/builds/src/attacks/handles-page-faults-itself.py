"""Stops the kernel in the middle of its work, by faults that it handles itself (userfaultfd)."""

import os

from hostile import attempt, attempt_call

USER_MODE_ONLY = 1


def attack(directory, files):
    for flags in (0, USER_MODE_ONLY, USER_MODE_ONLY | os.O_CLOEXEC | os.O_NONBLOCK):
        attempt_call("userfaultfd", flags)
    attempt("/dev/userfaultfd", os.open, "/dev/userfaultfd", os.O_RDWR)
