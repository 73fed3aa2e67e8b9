"""Makes processes by clone3, whose flags lie where no filter sees them."""

import os
import signal
import struct

from hostile import attempt_call

USER, MOUNTS, PROCESSES, CLEAR_HANDLERS = 0x1000_0000, 0x0002_0000, 0x2000_0000, 0x1_0000_0000


def attack(directory, files):
    builder = os.getpid()
    for flags in (0, USER, USER | MOUNTS, PROCESSES, CLEAR_HANDLERS):
        arguments = struct.pack("11Q", flags, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, 0)
        attempt_call("clone3", arguments, len(arguments))
        if os.getpid() != builder:
            os._exit(0)
