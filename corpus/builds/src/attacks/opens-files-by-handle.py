"""Opens files by their numbers in the file system, past every path and mount."""

import ctypes
import os
import struct

from hostile import attempt_call

HERE = -100


def attack(directory, files):
    handle, mount = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128)), ctypes.c_int()
    for path in (b"/", b"/tmp", b"/dev/null", b"/proc/self/fd/0"):
        attempt_call("name_to_handle_at", HERE, path, handle, ctypes.byref(mount), 0)
    root = os.open("/", os.O_RDONLY)
    null = os.open("/dev/null", os.O_RDONLY)
    for inode in (2, 64, 128, 256):
        for kind, body in ((1, struct.pack("II", inode, 0)), (0x4D, struct.pack("QIQ", inode, 0, inode))):
            forged = struct.pack("Ii", len(body), kind) + body
            for place in (root, null, HERE):
                attempt_call("open_by_handle_at", place, forged, os.O_RDONLY)
