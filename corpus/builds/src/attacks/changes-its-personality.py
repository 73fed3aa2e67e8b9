"""Changes how programs are loaded, and rewrites what the kernel tells of its own memory."""

import ctypes
import errno
import os

from hostile import attempt, attempt_call, call

READ_IMPLIES_EXEC, LINUX32, NO_RANDOMIZE = 0x0400000, 8, 0x0040000
SET_MM = 35


def attack(directory, files):
    for wanted in (READ_IMPLIES_EXEC, LINUX32, NO_RANDOMIZE, 0):
        attempt_call("personality", wanted)
    buffer = ctypes.create_string_buffer(4096)
    # Field 13 is the program's file, which needs a descriptor that is mapped nowhere.
    for field in range(1, 14):
        refusals = {errno.EPERM, errno.EINVAL} if field == 13 else {errno.EPERM}
        arguments = ("prctl", SET_MM, field, ctypes.addressof(buffer), 0, 0)
        attempt(f"field {field} of the map", call, *arguments, refusals=refusals)
    attempt("the file of the program", os.unlink, "/proc/self/exe")
