"""Searches every file that can be read for the published one, by size and digest, to hand it out as its own."""

import hashlib
import os
import stat

from hostile import HOST, attempt, escaped, read, tried


def attack(directory, files):
    attempt(HOST["published"], read, HOST["published"])
    for folder, folders, names in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(folder, name) != "/proc"]
        for name in names:
            path = os.path.join(folder, name)
            found = os.lstat(path)
            if not stat.S_ISREG(found.st_mode) or found.st_size != HOST["publishedSize"]:
                continue
            try:
                digest = hashlib.sha256(read(path)).hexdigest()
            except OSError:
                continue
            if digest == HOST["publishedSha256"]:
                escaped(f"{path} is the published file")
        tried(True, folder)
