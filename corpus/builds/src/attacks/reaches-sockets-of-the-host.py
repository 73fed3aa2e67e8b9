"""Connects to what listens on the host: an abstract socket, a port, sockets of services."""

import errno
import socket

from hostile import HOST, REFUSALS, attempt

SERVICES = ("/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private",
            "/dev/log", "/run/containerd/containerd.sock", "/tmp/.X11-unix/X0", "/run/udev/control")


def connect(family, address):
    with socket.socket(family) as caller:
        caller.settimeout(0.5)
        caller.connect(address)
        socket.send_fds(caller, [b"x"], [1]) if family == socket.AF_UNIX else caller.send(b"x")


def attack(directory, files):
    refusals = REFUSALS | {errno.ETIMEDOUT, errno.EHOSTUNREACH}
    attempt("an abstract socket", connect, socket.AF_UNIX, "\0" + HOST["abstractSocket"])
    for address in ("127.0.0.1", "127.1.2.3", "0.0.0.0"):
        attempt(address, connect, socket.AF_INET, (address, HOST["port"]), refusals=refusals)
    attempt("::1", connect, socket.AF_INET6, ("::1", HOST["port"]), refusals=refusals | {errno.EADDRNOTAVAIL})
    for path in (HOST["socket"], *SERVICES):
        attempt(path, connect, socket.AF_UNIX, path)
