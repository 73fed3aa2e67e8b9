"""Hides itself from whoever watches it, invites debuggers, and leaves memory dumps."""

import os
import signal

from hostile import call, finish, start, tried

DUMPABLE, SET_PTRACER, ANYONE, PARENT_DEATH = 4, 0x59616D61, -1, 1


def crash():
    os.chdir("/tmp")
    os.abort()


def attack(directory, files):
    for dumpable in (0, 1):
        call("prctl", DUMPABLE, dumpable, 0, 0, 0)
        child = start(crash)
        tried(finish(child) == -signal.SIGABRT, "the child did not crash")
    try:
        call("prctl", SET_PTRACER, ANYONE, 0, 0, 0)
    except OSError:
        # A kernel without Yama.
        pass
    call("prctl", PARENT_DEATH, signal.SIGKILL, 0, 0, 0)
    cores = [name for folder in ("/tmp", os.getcwd()) for name in os.listdir(folder) if name.startswith("core")]
    tried(not cores, f"memory dumps {cores}")
    call("prctl", DUMPABLE, 0, 0, 0, 0)
