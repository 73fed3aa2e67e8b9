"""Reads the accounts, password hashes and keys of the host."""

from hostile import attempt, read, tried


def attack(directory, files):
    for path in ("shadow", "shadow-", "gshadow", "passwd-", "sudoers", "ssh/ssh_host_ed25519_key", "machine-id"):
        attempt(f"/etc/{path}", read, f"/etc/{path}")
    for path in ("/etc/passwd", "/etc/group"):
        names = [line.split(b":")[0] for line in read(path).splitlines()]
        tried(len(names) == 2 and b"root" not in names, f"{path} names {names}")
