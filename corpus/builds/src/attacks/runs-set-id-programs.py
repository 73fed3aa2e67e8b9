"""Looks for programs that run as another user, makes some, and runs them."""

import errno
import os
import shutil
import stat
import struct
import subprocess
import sys

from hostile import attempt, tried

CAPABILITIES = struct.pack("<5I", 0x0200_0001, 0xFFFF_FFFF, 0, 0xFFFF_FFFF, 0)
TELL = "import os; print(os.getresuid(), os.getresgid(), open('/proc/self/status').read())"


def attack(directory, files):
    for folder, folders, names in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(folder, name) != "/proc"]
        for name in names:
            mode = os.lstat(os.path.join(folder, name)).st_mode
            is_set = stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID)
            tried(not is_set, f"{os.path.join(folder, name)} has mode {mode:o}")
    program = "/tmp/program"
    shutil.copy(os.path.realpath(sys.executable), program)
    attempt("another owner", os.chown, program, 0, 0, refusals={errno.EPERM, errno.EINVAL})
    os.chmod(program, 0o6755)
    attempt("capabilities of a file", os.setxattr, program, "security.capability", CAPABILITIES)
    run = subprocess.run([program, "-S", "-c", TELL], env={"PYTHONHOME": "/usr"}, capture_output=True, text=True)
    uid, gid = os.getuid(), os.getgid()
    tried(run.stdout.startswith(f"{(uid,) * 3} {(gid,) * 3}"), f"it ran as {run.stdout[:60]!r} {run.stderr!r}")
    lines = [line for line in run.stdout.splitlines() if line.startswith("Cap")]
    tried(len(lines) == 5 and all(int(line.split()[1], 16) == 0 for line in lines), f"it has {lines}")
    os.unlink(program)
