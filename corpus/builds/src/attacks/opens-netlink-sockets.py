"""Asks the kernel over netlink to add routes, interfaces and rules of a firewall."""

import socket

from hostile import attempt_call


def attack(directory, files):
    for protocol in range(24):
        for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
            attempt_call("socket", socket.AF_NETLINK, kind, protocol)
