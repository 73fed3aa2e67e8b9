"""Stores and reads secrets in the kernel's keyrings, which outlive processes."""

from hostile import HOST, attempt_call, read, tried

SESSION, USER, USER_SESSION = -3, -4, -5
JOIN, UPDATE, DESCRIBE, SEARCH, READ, GET_PERSISTENT = 1, 2, 6, 10, 11, 22


def attack(directory, files):
    for ring in (SESSION, USER, USER_SESSION):
        attempt_call("add_key", b"user", HOST["mark"].encode(), b"secret", 6, ring)
        attempt_call("request_key", b"user", HOST["mark"].encode(), 0, ring)
        for operation in (JOIN, DESCRIBE, SEARCH, READ, UPDATE, GET_PERSISTENT):
            attempt_call("keyctl", operation, ring, 0, 0, 0)
    for path in ("/proc/keys", "/proc/key-users"):
        try:
            content = read(path)
        except OSError:
            content = b""
        tried(not content, f"{path} lists {content!r}")
