"""Leaves a process behind that writes, grows and cuts the wheel by a second name and an open descriptor."""

import os
import time

from hostile import start, tried


def change(wheel):
    os.setsid()
    os.link(wheel, wheel + ".link")
    descriptor = os.open(wheel + ".link", os.O_RDWR)
    while True:
        os.pwrite(descriptor, b"VALUE = 2\n", 0)
        os.ftruncate(descriptor, 1 << 20)
        os.ftruncate(descriptor, 10)


def attack(directory, files):
    tried(True, "a process that goes on")


def after(wheel):
    start(change, wheel)
    # It is at work already when the build ends.
    time.sleep(0.02)
