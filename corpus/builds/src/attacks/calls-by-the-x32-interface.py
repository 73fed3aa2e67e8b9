"""Makes system calls by the numbers of x32, past a filter that knows those of x86-64 only."""

from hostile import CALLS, attempt_call

X32 = 0x4000_0000
# Calls that x32 has under numbers of its own: ioctl, ptrace, process_vm_readv, execve.
OWN = (514, 521, 539, 520)


def attack(directory, files):
    for name in ("getpid", "mount", "unshare", "ptrace", "bpf", "keyctl", "clone3", "io_uring_setup", "setns"):
        attempt_call(X32 | CALLS[name], 0, 0, 0, 0, 0)
    for number in OWN:
        attempt_call(X32 | number, 0, 0, 0, 0, 0)
        attempt_call(number, 0, 0, 0, 0, 0)
    for number in (470, 500, 0xFFFF, 0x7FFF_FFFF):
        attempt_call(number, 0, 0, 0, 0, 0)
