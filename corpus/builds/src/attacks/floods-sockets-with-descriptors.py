"""Keeps descriptors in flight between sockets, in messages that hold sockets with messages, beyond every limit."""

import os
import socket

from hostile import tried


def attack(directory, files):
    pairs = []
    descriptor = os.open("/dev/null", os.O_RDONLY)
    try:
        for _ in range(400):
            pair = socket.socketpair()
            pair[0].setblocking(False)
            pairs.append(pair)
            # The socket before it, with all that is in flight there.
            before = pairs[-2][1].fileno() if len(pairs) > 1 else descriptor
            for _ in range(8):
                socket.send_fds(pair[0], [b"x"], [descriptor] * 64 + [before])
    except OSError as error:
        print("refused after", len(pairs), "pairs:", error)
    tried(True, "descriptors in flight")
    for pair in pairs:
        for end in pair:
            end.close()
