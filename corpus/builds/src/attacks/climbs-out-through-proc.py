"""Follows the links of /proc to roots, folders and descriptors of other processes, and reads the kernel's own files."""

import os

from hostile import attempt, tried

KERNEL = "kcore keys key-users kmsg kallsyms kpagecount kpageflags sysrq-trigger timer_list sched_debug modules".split()


def attack(directory, files):
    for name in ("root", "cwd", "fd", "fdinfo", "map_files", "task/1/root", "task/1/cwd"):
        attempt(f"/proc/1/{name}", os.listdir, f"/proc/1/{name}")
    for name in ("exe", "ns/user", "ns/mnt", "ns/pid", "ns/net", "root", "cwd"):
        attempt(f"/proc/1/{name}", os.readlink, f"/proc/1/{name}")
    for name in KERNEL:
        attempt_nothing(f"/proc/{name}")
    for name in ("acpi", "scsi", "irq", "bus", "driver", "asound"):
        if os.path.isdir(f"/proc/{name}"):
            tried(not os.listdir(f"/proc/{name}"), f"/proc/{name} holds {os.listdir(f'/proc/{name}')}")
    for path in ("/sys/kernel", "/sys/fs/cgroup", "/boot"):
        if os.path.isdir(path):
            tried(not os.listdir(path), f"{path} holds {os.listdir(path)}")
    # Files of the sandbox's own, which tell how many processors there are.
    own = "/sys/devices/system/cpu"
    for folder, folders, names in os.walk("/sys"):
        known = folder.startswith(own) and set(names) <= {"online", "possible", "present"}
        on_the_way = own.startswith(folder) and not names and len(folders) == 1
        tried(known or on_the_way, f"{folder} holds {folders} and {names}")
    outside = os.path.realpath("/proc/self/root" + "/.." * 32)
    tried(os.path.samefile(outside, "/"), f"{outside} lies above the root")


def attempt_nothing(path):
    """Reads a file that may be there, if it is empty."""
    try:
        with open(path, "rb") as file:
            content = file.read(64)
    except OSError:
        content = b""
    tried(not content, f"{path} begins with {content!r}")
