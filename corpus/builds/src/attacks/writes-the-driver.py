"""Changes, moves and removes the scripts that drive the build, in the hope that the next twin runs them."""

import os

from hostile import HOST, attempt, open_for_writing


def attack(directory, files):
    for path in ("/usr/lib/twinbuild/driver.py", "/usr/lib/twinbuild/observe.py", "/etc/passwd", "/etc/resolv.conf"):
        attempt(path, open_for_writing, path)
        attempt(path, os.truncate, path, 0)
        attempt(path, os.unlink, path)
        attempt(path, os.rename, path, path + ".old")
        attempt(path, os.chmod, path, 0o666)
        attempt(path, os.chown, path, os.getuid(), os.getgid())
        attempt(path, os.utime, path)
        attempt(path, os.link, path, os.path.join(directory, HOST["mark"]))
        attempt(path, os.setxattr, path, "user.mark", b"1")
    attempt("a driver of its own", os.rename, "/usr/lib/twinbuild", "/usr/lib/twinbuild.old")
