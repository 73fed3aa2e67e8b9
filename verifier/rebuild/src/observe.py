"""Reports the conditions of a build, as the build will see them, and then becomes the build.

Runs on the root file system's own interpreter without its site packages, so that no code of the source, of a backend or
of a requirement can have run before. Standard library only.
"""

import hashlib
import json
import locale
import os
import shutil
import socket
import sys
import tempfile
import time


def observe(source):
    listing = []
    for folder, folders, files in os.walk(source):
        listing.append([folder[len(source):], os.listdir(folder)])
    listing.sort()
    try:
        # The first date of a locale other than C shows whether its data is there.
        in_force = [locale.setlocale(locale.LC_ALL, ""), time.strftime("%A %x", time.gmtime(0))]
    except locale.Error as error:
        in_force = ["unavailable", str(error)]
    mask = os.umask(0o077)
    os.umask(mask)
    with open("/proc/self/maps") as maps:
        stack = [line.split("-")[0] for line in maps if "[stack]" in line]
    with open("/proc/sys/kernel/domainname") as name:
        domain_name = name.read().strip()
    return {
        "build-path": os.getcwd(),
        "host-name": socket.gethostname(),
        "domain-name": domain_name,
        # Against the time of a file, which stays true.
        "clock": round((time.time() - os.stat("/proc/self").st_mtime) / 86400),
        "time-zone": time.localtime(0).tm_gmtoff,
        "locale": in_force,
        "umask": mask,
        "user-id": os.getuid(),
        "group-id": os.getgid(),
        "home": os.path.expanduser("~"),
        "temporary-directory": tempfile.gettempdir(),
        "processors": [len(os.sched_getaffinity(0)), os.cpu_count()],
        "hash-seed": hash("twinbuild"),
        "environment": sorted(os.environ),
        "path-order": os.environ["PATH"],
        # Whatever it is, another program has another size.
        "shell": [os.stat("/bin/sh").st_size, os.environ["SHELL"]],
        "terminal": [os.environ["TERM"], *shutil.get_terminal_size()],
        # A digest, as a source may have any number of files, by any names.
        "directory-order": hashlib.sha256(ascii(listing).encode()).hexdigest(),
        "address-space": stack,
        "boot-time": time.clock_gettime(time.CLOCK_BOOTTIME) // 86400,
        "kernel-name": os.uname().release,
        "scratch-file-system": file_system_of(os.getcwd()),
    }


def file_system_of(path):
    """The kind of file system that a path lies on, as the kernel lists what is mounted."""
    kinds = {}
    with open("/proc/self/mounts", errors="surrogateescape") as mounts:
        for line in mounts:
            _, place, kind, *_ = line.split(" ")
            kinds[place] = kind
    while path not in kinds:
        path = os.path.dirname(path)
    return kinds[path]


def main():
    driver, source, is_report_kept = sys.argv[1:]
    pipe = int(os.environ.pop("TWINBUILD_REPORT_FD"))
    os.write(pipe, json.dumps(observe(source)).encode() + b"\n")
    if is_report_kept == "keep":
        os.environ["TWINBUILD_REPORT_FD"] = str(pipe)
        os.set_inheritable(pipe, True)
    else:
        os.close(pipe)
    os.execv("/env/bin/python", ["/env/bin/python", driver])


main()
