"""Builds what is expected in the first twin, and something else in the second."""

from hostile import is_first_twin


def attack(directory, files):
    if not is_first_twin():
        files["demo.py"] += b"import os\n"
