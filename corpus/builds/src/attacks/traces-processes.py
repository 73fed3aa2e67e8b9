"""Attaches to other processes as a debugger, and reads and writes their memory."""

import ctypes
import os
import time

from hostile import attempt, attempt_call, finish, start

TRACEME, ATTACH, SEIZE = 0, 16, 0x4206


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def attack(directory, files):
    secret = ctypes.create_string_buffer(b"secret", 64)
    target = Vector(ctypes.addressof(secret), 64)
    child = start(time.sleep, 0.2)
    for process in (1, child):
        attempt_call("ptrace", ATTACH, process, 0, 0)
        attempt_call("ptrace", SEIZE, process, 0, 0)
        for name in ("process_vm_readv", "process_vm_writev"):
            attempt_call(name, process, ctypes.byref(target), 1, ctypes.byref(target), 1, 0)
        attempt_call("kcmp", os.getpid(), process, 0, 0, 0)
    attempt_call("ptrace", TRACEME, 0, 0, 0)
    for name in ("mem", "environ", "maps", "auxv", "syscall", "stack", "io"):
        attempt(f"/proc/1/{name}", lambda: open(f"/proc/1/{name}", "rb").read(1))
    finish(child)
