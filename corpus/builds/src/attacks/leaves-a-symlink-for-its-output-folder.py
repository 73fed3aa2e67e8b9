"""Puts a symlink in the place of the folder that is collected, or what it can of it."""

import errno
import os

from hostile import attempt


def attack(directory, files):
    refusals = {errno.EBUSY, errno.EROFS, errno.EXDEV, errno.EEXIST, errno.EPERM, errno.EACCES}
    attempt("moving the folder", os.rename, directory, directory + "-moved", refusals=refusals)
    attempt("removing the folder", os.rmdir, directory, refusals=refusals)
    attempt("another in its place", os.symlink, "/etc", directory, refusals=refusals)
    attempt("a link over it", os.rename, "demo.py", directory, refusals=refusals | {errno.ENOTDIR, errno.EISDIR})
