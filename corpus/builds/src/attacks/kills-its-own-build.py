"""Kills the process that builds, from a child that lives on."""

import os
import signal
import time


def attack(directory, files):
    if os.fork() == 0:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(1000)
    time.sleep(1000)
