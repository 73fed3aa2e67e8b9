"""Makes a file in every folder, and opens every file for writing, that does not lie in scratch."""

import os
import stat
import tempfile

from hostile import HOST, attempt, open_for_writing


def attack(directory, files):
    places = ("/tmp", "/dev/shm", os.getcwd(), directory, os.path.expanduser("~"), tempfile.gettempdir())
    scratch = {os.stat(place).st_dev for place in places}
    for folder, folders, names in os.walk("/"):
        if folder == "/proc" or os.stat(folder).st_dev in scratch:
            folders.clear()
            continue
        path = os.path.join(folder, HOST["mark"])
        attempt(path, os.open, path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        attempt(path, os.mkdir, path)
        attempt(path, os.symlink, "/tmp", path)
        for name in names:
            path = os.path.join(folder, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                attempt(path, open_for_writing, path)
    for path in HOST["secretFiles"]:
        attempt(path, open_for_writing, path)
        attempt(path, os.unlink, path)
