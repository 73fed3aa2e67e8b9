"""Leaves a file of 1 TB that takes no room."""

import os


def attack(directory, files):
    with open(os.path.join(directory, "sparse"), "wb") as file:
        file.truncate(10**12)
