"""What Python 2 is told when it starts, by a .pth file of its own site-packages: where the build's requirements are, as it
knows no virtual environments; and the names of digests.

An interpreter that was built without the library of digests falls back on modules of its own, and these name SHA-256
`SHA256`, where the library and every later version say `sha256`. Wheels write that name into RECORD.
"""

import hashlib
import site


class Named(object):
    """A digest under the name that it was asked for by."""

    def __init__(self, name, digest):
        self.name = name
        self._digest = digest

    def copy(self):
        return Named(self.name, self._digest.copy())

    def __getattr__(self, attribute):
        return getattr(self._digest, attribute)


class Constructor(object):
    """What makes digests of one name; no function, as these turn into methods where a class holds them."""

    def __init__(self, name, construct):
        self._name = name
        self._construct = construct

    def __call__(self, string=""):
        return Named(self._name, self._construct(string))


def new(name, string=""):
    return getattr(hashlib, name.lower())(string)


if hashlib.sha256().name != "sha256":
    for algorithm in hashlib.algorithms:
        setattr(hashlib, algorithm, Constructor(algorithm, getattr(hashlib, algorithm)))
    hashlib.new = new

site.addsitedir("/env/lib/python2.7/site-packages")
