"""Gives the host another name."""

from hostile import attempt, attempt_call, open_for_writing


def attack(directory, files):
    attempt_call("sethostname", b"renamed", 7)
    attempt_call("setdomainname", b"renamed", 7)
    for name in ("hostname", "domainname"):
        attempt(name, open_for_writing, f"/proc/sys/kernel/{name}")
    attempt("/etc/hostname", open_for_writing, "/etc/hostname")
