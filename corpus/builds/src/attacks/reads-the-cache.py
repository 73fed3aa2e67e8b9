"""Looks for the verifier's cache, by its path and by what mounts tell of it."""

import os

from hostile import HOST, attempt, read, tried


def attack(directory, files):
    path = HOST["cache"]
    for below in ("", "blobs", "layers", "tmp"):
        attempt(path, os.listdir, os.path.join(path, below))
    for told in ("mountinfo", "mounts", "mountstats", "maps", "cgroup", "environ", "cmdline"):
        content = read(f"/proc/self/{told}")
        tried(path.encode() not in content, f"/proc/self/{told} names {path}")
