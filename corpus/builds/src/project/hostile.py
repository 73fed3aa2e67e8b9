"""What attacks stand on: what is known of the host, attempts that must be refused, the kernel's calls by number.

Whatever an attack achieves is to be seen: `escaped` prints a line that no log may have, and changes the wheel.
"""

import collections
import ctypes
import errno
import json
import os
import platform
import sys
import traceback

with open("host.json") as _file:
    HOST = json.load(_file)

# Numbers of Linux on x86-64.
CALLS = {
    "mmap": 9, "ioctl": 16, "shmget": 29, "shmat": 30, "getpid": 39, "socket": 41, "clone": 56, "fork": 57,
    "semget": 64, "msgget": 68, "ptrace": 101, "setuid": 105, "setgid": 106, "setgroups": 116, "setresuid": 117,
    "setresgid": 119, "capset": 126, "uselib": 134, "personality": 135, "sched_setscheduler": 144, "modify_ldt": 154,
    "pivot_root": 155, "prctl": 157, "adjtimex": 159, "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165,
    "umount2": 166, "swapon": 167, "swapoff": 168, "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172,
    "ioperm": 173, "init_module": 175, "delete_module": 176, "quotactl": 179, "setxattr": 188, "syslog": 103,
    "clock_settime": 227, "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250, "ioprio_set": 251,
    "unshare": 272, "perf_event_open": 298, "fanotify_init": 300, "prlimit64": 302, "name_to_handle_at": 303,
    "open_by_handle_at": 304, "clock_adjtime": 305, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311,
    "kcmp": 312, "finit_module": 313, "renameat2": 316, "memfd_create": 319, "kexec_file_load": 320, "bpf": 321,
    "execveat": 322, "userfaultfd": 323, "pidfd_send_signal": 424, "io_uring_setup": 425, "io_uring_enter": 426,
    "io_uring_register": 427, "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
    "fspick": 433, "pidfd_open": 434, "clone3": 435, "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442,
    "memfd_secret": 447, "process_mrelease": 448, "statmount": 457, "listmount": 458, "open_tree_attr": 467,
}

# Answers by which something is refused. Any other error comes of looking at the arguments, so of not refusing.
REFUSALS = frozenset(
    getattr(errno, name)
    for name in (
        "EPERM EACCES ENOSYS EROFS ENOENT ENOTDIR ENXIO ENODEV ESRCH EXDEV EBUSY EAFNOSUPPORT ESOCKTNOSUPPORT"
        " EPROTONOSUPPORT ECONNREFUSED ENETUNREACH EOPNOTSUPP"
    ).split()
)
# What an attack exits with in a process of its own: after an escape, and where it is at fault itself.
_ESCAPED, _FAULTY = 99, 98

_escapes = []
_refusals = collections.Counter()
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def begin():
    # Threads and children inherit the name, by which the host finds what was left behind.
    _libc.prctl(15, HOST["mark"].encode(), 0, 0, 0)


def end(files):
    """Tells how much was tried, and makes what was achieved part of the wheel."""
    answers = ", ".join(f"{count} {errno.errorcode.get(code, code)}" for code, count in sorted(_refusals.items()))
    print(f"TRIED {sum(_refusals.values())}: {answers}", flush=True)
    for what in _escapes:
        files["demo.py"] += f"# ESCAPED: {what}\n".encode("utf-8", "surrogateescape")


def escaped(what):
    _escapes.append(what)
    print("ESCAPED:", what, flush=True)


def tried(is_refused, what):
    """Counts something that was looked for; found, it is an escape."""
    if is_refused:
        _refusals[0] += 1
    else:
        escaped(what)


def attempt(what, function, *arguments, refusals=REFUSALS):
    """Does what must be refused."""
    try:
        result = function(*arguments)
    except OSError as error:
        if error.errno in refusals:
            _refusals[error.errno] += 1
        else:
            escaped(f"{what}: {error}")
    else:
        escaped(f"{what}: {result!r}")


def call(name, *arguments):
    """A system call by name or number. Arguments are numbers, bytes and buffers."""
    if platform.machine() != "x86_64":
        raise RuntimeError("the numbers of system calls are those of x86-64")
    number = CALLS.get(name, name)
    converted = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    result = _libc.syscall(ctypes.c_long(number), *converted)
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def attempt_call(name, *arguments):
    """A system call that the sandbox itself must refuse, whatever its arguments."""
    attempt(str(name), call, name, *arguments, refusals={errno.EPERM, errno.ENOSYS, errno.EAFNOSUPPORT})


def read(path, size=-1):
    with open(path, "rb") as file:
        return file.read(size)


def open_for_writing(path):
    os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY))
    return "opened for writing"


def is_first_twin():
    return os.getuid() == 1000


def start(function, *arguments):
    """Starts a function in a process of its own; gives its id. An escape there is its exit code."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    code = _FAULTY
    try:
        _escapes.clear()
        function(*arguments)
        code = _ESCAPED if _escapes else 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def finish(child):
    """Waits for a started process; gives its exit code, negative for a signal."""
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == _ESCAPED:
        escaped(f"in process {child}")
    if code == _FAULTY:
        raise RuntimeError("the attack itself is at fault")
    return code


def in_child(function, *arguments):
    return finish(start(function, *arguments))
