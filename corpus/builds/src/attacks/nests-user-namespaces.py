"""Enters namespaces of its own, in which it would be root, and those of process 1."""

import os
import signal

from hostile import attempt, attempt_call

NAMESPACES = {
    "mount": 0x0002_0000, "cgroup": 0x0200_0000, "uts": 0x0400_0000, "ipc": 0x0800_0000, "user": 0x1000_0000,
    "pid": 0x2000_0000, "net": 0x4000_0000, "time": 0x80,
}


def attack(directory, files):
    for name, flag in NAMESPACES.items():
        attempt_call("unshare", flag)
        attempt_call("unshare", flag | NAMESPACES["user"])
        # The low byte of clone's flags is a signal, so it has no time namespaces.
        if name != "time":
            attempt_call("clone", flag | signal.SIGCHLD, 0, 0, 0, 0)
            attempt_call("clone", flag | NAMESPACES["user"] | signal.SIGCHLD, 0, 0, 0, 0)
    for name in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"):
        attempt(f"namespace {name}", os.open, f"/proc/1/ns/{name}", os.O_RDONLY)
        own = os.open(f"/proc/self/ns/{name}", os.O_RDONLY)
        attempt_call("setns", own, 0)
        os.close(own)
    first = os.pidfd_open(1)
    attempt_call("setns", first, NAMESPACES["mount"] | NAMESPACES["user"])
