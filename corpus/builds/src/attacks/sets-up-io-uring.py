"""Has the kernel make system calls for it, by a ring that no filter sees."""

import ctypes

from hostile import attempt_call


def attack(directory, files):
    parameters = ctypes.create_string_buffer(120)
    for entries in (1, 8, 4096):
        attempt_call("io_uring_setup", entries, parameters)
    attempt_call("io_uring_enter", 0, 1, 1, 0, 0, 0)
    attempt_call("io_uring_register", 0, 0, parameters, 1)
