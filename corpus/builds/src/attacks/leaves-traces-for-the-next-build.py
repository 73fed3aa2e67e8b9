"""Leaves code in every place that it may write, to be run by the next build, and looks for what an earlier one left."""

import os
import site

from hostile import HOST, call, escaped, tried

KEY = 0x7472


def attack(directory, files):
    home = os.path.expanduser("~")
    folders = [home, "/tmp", "/dev/shm", os.environ["TMPDIR"], os.getcwd(), os.path.dirname(os.getcwd())]
    folders += [site.getusersitepackages(), os.path.join(home, ".config")]
    for folder in sorted(set(folders)):
        os.makedirs(folder, exist_ok=True)
        for name in ("usercustomize.py", "sitecustomize.py", f"{HOST['mark']}.pth", ".pydistutils.cfg"):
            path = os.path.join(folder, name)
            tried(not os.path.exists(path), f"{path} is there from an earlier build")
            with open(path, "w") as file:
                file.write("import os; os.write(1, b'ESCAPED: left by an earlier build\\n')\n")
    try:
        call("shmget", KEY, 4096, 0)
        escaped("shared memory is there from an earlier build")
    except FileNotFoundError:
        call("shmget", KEY, 4096, 0o1666)
    os.environ.update(LD_PRELOAD="/tmp/planted.so", PYTHONSTARTUP="/tmp/usercustomize.py", PYTHONPATH="/tmp")
