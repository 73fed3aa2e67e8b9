"""Calls the other twin over abstract and loopback sockets, to build the same as it, and to hand it descriptors."""

import socket
import time

from hostile import HOST, escaped, is_first_twin, tried


def attack(directory, files):
    mine, other = (1, 2) if is_first_twin() else (2, 1)
    addresses = [
        (socket.AF_UNIX, lambda twin: f"\0{HOST['mark']}-{twin}"),
        (socket.AF_INET, lambda twin: ("127.0.0.1", 20_000 + twin)),
        (socket.AF_INET6, lambda twin: ("::1", 20_000 + twin)),
    ]
    listeners = []
    for family, address in addresses:
        listener = socket.socket(family)
        try:
            listener.bind(address(mine))
        except OSError:
            # A kernel without IPv6.
            continue
        listener.listen()
        listener.setblocking(False)
        listeners.append((listener, family, address(other)))
    until = time.monotonic() + 0.7
    while time.monotonic() < until:
        for listener, family, address in listeners:
            with socket.socket(family) as caller:
                caller.settimeout(0.05)
                if caller.connect_ex(address) == 0:
                    escaped(f"reached the other twin at {address!r}")
                    if family == socket.AF_UNIX:
                        socket.send_fds(caller, [b"root"], [0])
                    return
                tried(True, address)
            try:
                listener.accept()
            except BlockingIOError:
                continue
            escaped("was called by the other twin")
            return
        time.sleep(0.02)
