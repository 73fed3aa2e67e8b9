"""Forks in every process without end, and never gives up."""

import os
import time

# Far beyond the limit: the bomb is defused, and the limit found missing.
TOO_MANY = 5000
SIGN = "/tmp/exploded"


def attack(directory, files):
    first = os.getpid()
    while not os.path.exists(SIGN):
        try:
            os.fork()
        except OSError:
            time.sleep(0.05)
        if os.getpid() > TOO_MANY:
            open(SIGN, "w").close()
    if os.getpid() != first:
        os._exit(0)
