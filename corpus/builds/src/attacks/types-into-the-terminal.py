"""Types commands into the terminal of who started it, and takes it over."""

import errno
import fcntl
import os

from hostile import attempt, attempt_call

INPUT, LINUX, DISCIPLINE, CONTROLLING = 0x5412, 0x541C, 0x5423, 0x540E


def attack(directory, files):
    for descriptor in (0, 1, 2):
        for request in (INPUT, LINUX, DISCIPLINE, INPUT | 1 << 32):
            attempt_call("ioctl", descriptor, request, b"x")
        attempt("a controlling terminal", fcntl.ioctl, descriptor, CONTROLLING, 1, refusals={errno.ENOTTY, errno.EPERM})
    for path in ("/dev/tty", "/dev/console", "/dev/tty0", "/dev/ptmx", "/dev/pts/0", "/dev/pts/ptmx", "/dev/vcs"):
        attempt(path, os.open, path, os.O_RDWR | os.O_NONBLOCK)
    attempt("a pseudo terminal", os.openpty)
