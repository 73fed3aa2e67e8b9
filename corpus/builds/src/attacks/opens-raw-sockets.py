"""Opens sockets that see and forge packets."""

import socket

from hostile import attempt_call

RAW, PACKET = 3, 10


def attack(directory, files):
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_PACKET, socket.AF_UNIX):
        for protocol in (0, socket.IPPROTO_ICMP, socket.IPPROTO_TCP, socket.IPPROTO_RAW, 0x0300):
            for kind in (RAW, PACKET, RAW | socket.SOCK_CLOEXEC, RAW | socket.SOCK_NONBLOCK):
                attempt_call("socket", family, kind, protocol)
                attempt_call("socket", family | 0x7 << 32, kind | 0x7 << 32, protocol)
