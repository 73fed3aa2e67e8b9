"""Opens a socket of every family and kind: only local and internet ones are for builds."""

import socket

from hostile import attempt_call

HARMLESS = {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6}


def attack(directory, files):
    for family in set(range(64)) - HARMLESS:
        for kind in range(1, 11):
            attempt_call("socket", family, kind, 0)
