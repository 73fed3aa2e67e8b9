"""Looks for files and processes of the other twin, which runs at the same time."""

import os

from hostile import attempt, is_first_twin, read, tried

PLACES = [("/build", "/output"), ("/srv/another/place/to-build-in", "/srv/another/result")]


def attack(directory, files):
    for place in PLACES[1 if is_first_twin() else 0]:
        attempt(place, os.listdir, place)
    running = {int(name) for name in os.listdir("/proc") if name.isdigit()}
    tried(running == {1, os.getpid()}, f"processes {sorted(running)}")
    for kind in ("unix", "tcp", "tcp6", "udp", "udp6", "raw", "packet", "netlink"):
        try:
            sockets = read(f"/proc/net/{kind}").splitlines()[1:]
        except OSError:
            sockets = []
        # What the kernel itself listens to has no owner.
        owned = [line for line in sockets if kind != "netlink" or line.split()[2] != b"0"]
        tried(not owned, f"sockets in /proc/net/{kind}: {owned}")
