"""Loads programs into the kernel, and opens its maps."""

import struct

from hostile import attempt_call


def attack(directory, files):
    for command in range(40):
        attempt_call("bpf", command, struct.pack("4I", 2, 4, 8, 1) + bytes(112), 128)
