"""Leaves processes behind that are stopped, that are nobody's children, and that died and were never buried."""

import os
import signal

from hostile import call, tried

CLONE_PARENT = 0x8000


def attack(directory, files):
    if os.fork() == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
        os._exit(0)
    if call("clone", CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0) == 0:
        while True:
            signal.pause()
    if os.fork() == 0:
        os._exit(0)
    tried(True, "three processes")
