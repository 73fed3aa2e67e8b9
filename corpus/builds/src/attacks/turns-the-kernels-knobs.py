"""Opens every setting of the kernel for writing: what handles cores, what loads modules, what limits memory."""

import os

from hostile import attempt, open_for_writing, tried

# Settings of its own namespaces.
OWN = {"uid_map": b"0 0 1\n", "gid_map": b"0 0 1\n", "setgroups": b"allow", "timens_offsets": b"monotonic 1 0\n"}


def attack(directory, files):
    count = 0
    for top in ("/proc/sys", "/proc/fs", "/proc/irq", "/sys"):
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                attempt(path, open_for_writing, path)
                count += 1
    tried(count > 100, f"only {count} settings were found to try")
    for name, content in OWN.items():
        attempt(name, write, f"/proc/self/{name}", content)
    for path in ("/proc/sysrq-trigger", "/proc/mtrr", "/proc/acpi/wakeup", "/proc/1/oom_score_adj"):
        if os.path.exists(path) and not os.path.samefile(path, "/dev/null"):
            attempt(path, open_for_writing, path)


def write(path, content):
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)
