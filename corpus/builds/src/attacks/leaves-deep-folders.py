"""Leaves folders in folders, deeper than any walk should go."""

import os


def attack(directory, files):
    for _ in range(300):
        directory = os.path.join(directory, "d")
        os.mkdir(directory)
