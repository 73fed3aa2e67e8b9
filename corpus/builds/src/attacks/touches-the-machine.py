"""Restarts the machine, replaces its kernel, loads modules, reaches memory and ports, and reads the kernel's log."""

import os
import stat

from hostile import attempt, attempt_call

MAGIC, MAGIC_2, CTRL_ALT_DEL_OFF = 0xFEE1DEAD, 672274793, 0
DEVICES = {"mem": (1, 1), "kmem": (1, 2), "port": (1, 4), "vda": (254, 0), "sda": (8, 0), "kvm": (10, 232)}


def attack(directory, files):
    attempt_call("reboot", MAGIC, MAGIC_2, CTRL_ALT_DEL_OFF, 0)
    attempt_call("kexec_load", 0, 0, 0, 0)
    attempt_call("kexec_file_load", 0, 0, 0, b"", 0)
    attempt_call("init_module", b"module", 6, b"")
    attempt_call("finit_module", 0, b"", 0)
    attempt_call("delete_module", b"overlay", os.O_NONBLOCK)
    attempt_call("iopl", 3)
    attempt_call("ioperm", 0x70, 2, 1)
    attempt_call("modify_ldt", 0, bytes(16), 16)
    attempt_call("uselib", b"/tmp/library")
    attempt_call("acct", b"/tmp/accounting")
    attempt_call("syslog", 3, bytes(64), 64)
    attempt_call("swapoff", b"/swap")
    attempt_call("fanotify_init", 0, 0)
    for name, (major, minor) in DEVICES.items():
        attempt(f"/dev/{name}", os.open, f"/dev/{name}", os.O_RDONLY)
        for kind in (stat.S_IFBLK, stat.S_IFCHR):
            attempt(f"a device {name}", os.mknod, f"/tmp/{name}", kind | 0o600, os.makedev(major, minor))
