"""Calls home: by name, over both internets, with and without a connection."""

import errno
import socket

from hostile import REFUSALS, attempt

ADDRESSES = [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET, "198.51.100.7"), (socket.AF_INET6, "2001:db8::1")]


def connect(family, kind, address):
    with socket.socket(family, kind) as caller:
        caller.settimeout(0.3)
        caller.connect((address, 53))
        caller.send(b"x")


def look_up():
    try:
        return socket.getaddrinfo("example.invalid", 80)
    except socket.gaierror as error:
        raise OSError(errno.ENETUNREACH, str(error)) from error


def attack(directory, files):
    for family, address in ADDRESSES:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            refusals = REFUSALS | {errno.EADDRNOTAVAIL, errno.EHOSTUNREACH}
            attempt(address, connect, family, kind, address, refusals=refusals)
    attempt("a name", look_up)
