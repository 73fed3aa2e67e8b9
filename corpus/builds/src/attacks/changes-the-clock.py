"""Sets the clock, and its pace, by every call that does."""

import ctypes
import struct
import time

from hostile import attempt, attempt_call


def attack(directory, files):
    # What it is now, so that a success does no harm but to be seen.
    now = struct.pack("qq", int(time.time()), 0)
    for clock in (0, 1, 7, 11):
        attempt_call("clock_settime", clock, now)
    attempt_call("settimeofday", now, 0)
    change = ctypes.create_string_buffer(208)
    attempt_call("adjtimex", change)
    attempt_call("clock_adjtime", 0, change)
    for path in ("/dev/rtc", "/dev/rtc0", "/dev/ptp0"):
        attempt(path, open, path, "rb")
