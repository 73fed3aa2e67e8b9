"""Reaches the kernel's cryptography, which has often been a way in."""

import socket

from hostile import attempt, attempt_call


def bind():
    with socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET) as algorithm:
        algorithm.bind(("hash", "sha256"))


def attack(directory, files):
    attempt_call("socket", socket.AF_ALG, socket.SOCK_SEQPACKET, 0)
    attempt("sha256 of the kernel", bind)
