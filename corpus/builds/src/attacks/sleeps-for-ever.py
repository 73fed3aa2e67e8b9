"""Sleeps."""

import time


def attack(directory, files):
    while True:
        time.sleep(1000)
