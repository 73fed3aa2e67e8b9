"""Becomes root, takes capabilities, and drops the promise never to gain privileges."""

import errno
import os
import struct

from hostile import attempt, call, read, tried

NO_NEW_PRIVS, SECCOMP, SECUREBITS, CAPBSET_READ, AMBIENT = 38, 22, 28, 23, 47


def attack(directory, files):
    refusals = {errno.EPERM, errno.EINVAL}
    for name, arguments in {
        "setuid": (0,), "setgid": (0,), "setresuid": (0, 0, 0), "setresgid": (0, 0, 0), "setgroups": (1, bytes(4)),
    }.items():
        attempt(name, call, name, *arguments, refusals=refusals)
    header = struct.pack("Ii", 0x2008_0522, 0)
    attempt("capset", call, "capset", header, struct.pack("6I", *[0xFFFF_FFFF] * 6), refusals=refusals)
    attempt("no_new_privs off", call, "prctl", NO_NEW_PRIVS, 0, 0, 0, 0, refusals=refusals)
    attempt("secure bits", call, "prctl", SECUREBITS, 0x2F, 0, 0, 0, refusals=refusals)
    attempt("seccomp off", call, "prctl", SECCOMP, 0, 0, 0, 0, refusals=refusals)
    for capability in range(41):
        attempt("an ambient capability", call, "prctl", AMBIENT, 2, capability, 0, 0, refusals=refusals)
        tried(call("prctl", CAPBSET_READ, capability, 0, 0, 0) == 0, f"capability {capability} is in the bounding set")
    status = dict(line.split(b":\t", 1) for line in read("/proc/self/status").splitlines() if b":\t" in line)
    for name in (b"CapInh", b"CapPrm", b"CapEff", b"CapBnd", b"CapAmb"):
        tried(int(status[name], 16) == 0, f"{name} is {status[name]}")
    tried(status[b"NoNewPrivs"] == b"1" and status[b"Seccomp"] == b"2", f"{status}")
    tried(0 not in (*os.getresuid(), *os.getresgid()), "it is root")
