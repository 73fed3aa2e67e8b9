"""Measures the host by the processor's counters."""

import struct

from hostile import attempt_call

ANYONE = -1


def attack(directory, files):
    for kind in range(6):
        for configuration in range(10):
            event = struct.pack("IIQ", kind, 128, configuration) + bytes(112)
            attempt_call("perf_event_open", event, 0, ANYONE, ANYONE, 0)
            attempt_call("perf_event_open", event, ANYONE, 0, ANYONE, 0)
