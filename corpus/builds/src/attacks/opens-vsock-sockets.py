"""Calls the machine that this one runs on, past all networks."""

import socket

from hostile import attempt_call


def attack(directory, files):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        attempt_call("socket", socket.AF_VSOCK, kind, 0)
        attempt_call("socket", socket.AF_VSOCK, kind | socket.SOCK_CLOEXEC, 0)
