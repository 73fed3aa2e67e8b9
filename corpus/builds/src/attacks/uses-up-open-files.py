"""Opens files until it may open no more, in many processes."""

import errno
import os

from hostile import finish, start, tried


def open_all():
    held = []
    try:
        while len(held) < 100_000:
            held.append(os.open("/dev/null", os.O_RDONLY))
        tried(False, "100000 open files")
    except OSError as error:
        tried(error.errno == errno.EMFILE, f"{error} after {len(held)} files")


def attack(directory, files):
    for child in [start(open_all) for _ in range(8)]:
        finish(child)
    tried(True, "open files")
