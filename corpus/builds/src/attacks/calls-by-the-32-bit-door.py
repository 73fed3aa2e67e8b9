"""Makes system calls as 32-bit programs do, by interrupt 0x80, where the same numbers mean other calls."""

import ctypes
import mmap
import signal
import struct

from hostile import escaped, in_child, tried

# Of i386: getpid, mount, ptrace, unshare, keyctl.
NUMBERS = (20, 21, 26, 310, 288)


def interrupt(number):
    code = b"\xb8" + struct.pack("<I", number) + b"\x31\xdb\x31\xc9\x31\xd2\xcd\x80\xc3"
    page = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(b"\x53" + code[:-1] + b"\x5b\xc3")
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    escaped(f"32-bit call {number} gave {function()}")


def attack(directory, files):
    for number in NUMBERS:
        code = in_child(interrupt, number)
        tried(code == -signal.SIGSYS, f"32-bit call {number} ended with {code}")
