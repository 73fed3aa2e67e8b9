"""Plants code in the interpreter and its packages, where the layers are shared with later builds."""

import os
import sys
import sysconfig

from hostile import HOST, attempt, open_for_writing


def attack(directory, files):
    paths = sysconfig.get_paths()
    folders = {paths["purelib"], paths["stdlib"], paths["scripts"], "/env", "/env/bin", "/usr/local/bin", "/usr/bin"}
    for folder in sorted(folders):
        for name in (f"{HOST['mark']}.pth", "sitecustomize.py", "python"):
            path = os.path.join(folder, name)
            attempt(path, os.open, path, os.O_CREAT | os.O_WRONLY)
            attempt(path, os.symlink, "/tmp/planted", path + "-planted")
    for path in (sys.executable, os.path.realpath(sys.executable), zip_module()):
        attempt(path, open_for_writing, path)
        attempt(path, os.unlink, path)
        attempt(path, os.replace, "demo.py", path)
    attempt("/etc/ld.so.preload", os.open, "/etc/ld.so.preload", os.O_CREAT | os.O_WRONLY)


def zip_module():
    import zipfile

    return zipfile.__cached__ if os.path.exists(zipfile.__cached__ or "") else zipfile.__file__
