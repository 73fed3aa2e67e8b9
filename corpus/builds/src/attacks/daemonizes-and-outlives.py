"""Leaves processes behind, in sessions of their own, deaf to signals, with all descriptors open."""

import os
import signal
import time

from hostile import tried


def attack(directory, files):
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
            for each in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(each, signal.SIG_IGN)
            while True:
                time.sleep(1000)
        tried(True, "a daemon")
