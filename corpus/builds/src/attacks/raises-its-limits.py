"""Raises its own limits and those of process 1, and claims processors, disks and memory before others."""

import errno
import os
import resource

from hostile import attempt, call, tried

LIMITS = "CPU STACK CORE NPROC NOFILE MEMLOCK MSGQUEUE NICE RTPRIO".split()
REAL_TIME_IO = 1 << 13
MLOCKALL, CURRENT_AND_FUTURE = 151, 3


def unlimit(process, number):
    resource.prlimit(process, number, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def save_from_killer():
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("-1000")


def attack(directory, files):
    for name in LIMITS:
        number = getattr(resource, f"RLIMIT_{name}")
        tried(resource.getrlimit(number)[1] != resource.RLIM_INFINITY, f"{name} has no limit")
        for process in (0, 1):
            attempt(f"the limit {name} of process {process}", unlimit, process, number)
    for policy in (os.SCHED_FIFO, os.SCHED_RR):
        attempt("real-time priority", os.sched_setscheduler, 0, policy, os.sched_param(1))
    attempt("a higher priority", os.setpriority, os.PRIO_PROCESS, 0, -20)
    attempt("disks before others", call, "ioprio_set", 1, 0, REAL_TIME_IO)
    attempt("memory that is never swapped", call, MLOCKALL, CURRENT_AND_FUTURE, refusals={errno.EPERM, errno.ENOMEM})
    attempt("others being killed for want of memory", save_from_killer)
