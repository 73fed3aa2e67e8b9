"""Keeps and runs programs in memory files, out of sight of scratch and its limits."""

import ctypes
import errno
import os

from hostile import attempt, attempt_call, call

EMPTY_PATH = 0x1000


def run_standard_input():
    # Comes back only on failure.
    call("execveat", 0, b"", (ctypes.c_char_p * 2)(b"x", None), (ctypes.c_char_p * 1)(None), EMPTY_PATH)


def attack(directory, files):
    for flags in (0, 1, 2, 8, 16):
        attempt_call("memfd_create", b"program", flags)
    attempt_call("memfd_secret", 0)
    refusals = {errno.EACCES, errno.EPERM, errno.ENOEXEC}
    attempt("the request as a program", run_standard_input, refusals=refusals)
    attempt("a writable request", os.write, 0, b"#!/bin/sh\n")
