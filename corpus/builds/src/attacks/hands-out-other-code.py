"""Hands out code that its source does not have."""


def attack(directory, files):
    files["demo.py"] += b"import os\n"
