"""Starts threads until it is refused, and fails then."""

import threading

from hostile import escaped


def attack(directory, files):
    until = threading.Event()
    threading.stack_size(65_536)
    for _ in range(3000):
        threading.Thread(target=until.wait, args=[60], daemon=True).start()
    escaped("3000 threads at once")
