"""Leaves more files than are collected."""

import os


def attack(directory, files):
    for number in range(3000):
        os.close(os.open(os.path.join(directory, str(number)), os.O_CREAT | os.O_WRONLY))
