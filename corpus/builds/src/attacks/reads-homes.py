"""Looks into homes and temporary folders of the host, and reads what lies there."""

import os

from hostile import HOST, attempt, read, tried


def names(folder):
    try:
        return os.listdir(folder)
    except OSError:
        return []


def attack(directory, files):
    own = os.path.expanduser("~")
    for folder in ("/root", "/home", *HOST["folders"]):
        strange = [name for name in names(folder) if os.path.join(folder, name) != own]
        tried(not strange, f"{folder} holds {strange}")
    for path in HOST["secretFiles"]:
        attempt(path, read, path)
        attempt(f"/proc/1/root{path}", read, f"/proc/1/root{path}")
