"""Leaves a socket beside its wheel."""

import os
import socket


def attack(directory, files):
    pass


def after(wheel):
    socket.socket(socket.AF_UNIX).bind(os.path.join(os.path.dirname(wheel), "x"))
