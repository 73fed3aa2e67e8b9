"""Looks for secrets in the environment and the arguments of the processes that started it."""

import os

from hostile import HOST, attempt, read, tried


def attack(directory, files):
    name = HOST["variable"]
    tried(name not in os.environ, f"{name}={os.environ.get(name)}")
    for process in filter(str.isdigit, os.listdir("/proc")):
        if process != str(os.getpid()):
            attempt(f"the environment of process {process}", read, f"/proc/{process}/environ")
        arguments = read(f"/proc/{process}/cmdline")
        tried(HOST["cache"].encode() not in arguments, f"process {process} was started as {arguments!r}")
