"""Ignores and blocks every signal that can be, in a session of its own, and waits."""

import os
import signal


def attack(directory, files):
    signals = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
    for each in signals:
        signal.signal(each, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    if os.fork() == 0:
        os.setsid()
    while True:
        signal.pause()
