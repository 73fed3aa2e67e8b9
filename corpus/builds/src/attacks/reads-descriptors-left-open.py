"""Goes through all descriptors for one that leads to the host, and rewrites the request of the build."""

import errno
import os

from hostile import HOST, attempt, tried


def attack(directory, files):
    for descriptor in range(3, 1024):
        attempt(f"descriptor {descriptor}", os.fstat, descriptor, refusals={errno.EBADF})
    for descriptor in (0, 1, 2):
        target = os.readlink(f"/proc/self/fd/{descriptor}")
        tried(target.startswith(("pipe:", "/memfd:stdin", "/dev/null")), f"descriptor {descriptor} is {target}")
    os.lseek(0, 0, os.SEEK_SET)
    request = os.read(0, 65_536)
    tried(HOST["cache"].encode() not in request, f"the request is {request!r}")
    os.lseek(0, 0, os.SEEK_SET)
    attempt("writing the request", os.write, 0, b"{}")
    attempt("cutting the request", os.ftruncate, 0, 0)
