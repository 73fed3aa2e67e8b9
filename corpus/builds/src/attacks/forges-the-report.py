"""Writes a report of what was observed, in the place of the observer, to all descriptors and into process 1."""

import errno
import json
import os

from hostile import attempt, tried

NAMES = ("build-path", "host-name", "domain-name", "time-zone", "locale", "umask", "user-id", "group-id", "home")


def attack(directory, files):
    report = json.dumps({name: "forged" for name in NAMES}).encode() + b"\n"
    tried("TWINBUILD_REPORT_FD" not in os.environ, "the report's descriptor is named")
    for descriptor in range(3, 1024):
        attempt(f"descriptor {descriptor}", os.write, descriptor, report, refusals={errno.EBADF})
    for descriptor in range(64):
        path = f"/proc/1/fd/{descriptor}"
        attempt(path, os.open, path, os.O_WRONLY | os.O_NONBLOCK)
    for descriptor in range(3, 64):
        path = f"/proc/self/fd/{descriptor}"
        attempt(path, lambda: os.write(os.open(path, os.O_WRONLY | os.O_NONBLOCK), report))
    # The log is no way in either.
    os.write(1, report)
    os.write(2, report)
