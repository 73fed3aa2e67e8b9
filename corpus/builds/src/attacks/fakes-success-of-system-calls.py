"""Has the kernel answer success to calls that it does not make, to fool all who come later in the process."""

import ctypes
import os
import struct

from hostile import CALLS, call, tried

SECCOMP, FILTER = 22, 2
FAKED = ("mount", "umount2", "unshare", "setuid", "setresuid", "setgroups", "chroot", "ptrace", "bpf", "getpid")
LOAD_NUMBER, ALLOW, SUCCESS = (0x20, 0, 0, 0), (0x06, 0, 0, 0x7FFF_0000), (0x06, 0, 0, 0x0005_0000)


def attack(directory, files):
    program = [LOAD_NUMBER]
    for name in FAKED:
        program += [(0x15, 0, 1, CALLS[name]), SUCCESS]
    program.append(ALLOW)
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in program))
    root = os.stat("/")
    call("prctl", SECCOMP, FILTER, struct.pack("HxxxxxxQ", len(program), ctypes.addressof(code)), 0, 0)
    tried(call("mount", b"none", b"/", b"tmpfs", 0, 0) == 0, "its own filter is not in force")
    call("setuid", 0)
    call("chroot", b"/proc/1/root")
    now = os.stat("/")
    tried((root.st_dev, root.st_ino) == (now.st_dev, now.st_ino), "the root is another")
    tried(os.getuid() != 0, "it is root")
