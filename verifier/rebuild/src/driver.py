"""Runs one build inside a sandbox.

Reads a request (JSON) on standard input, first writes what it observes of the conditions of the build to the report
pipe, before any code of the source or of a backend runs, and then calls the build. Standard library only.
"""

import json
import os
import sys

PREPARE_FAILED = 70


def observe(source):
    """The conditions of this build, as a build would see them."""
    import locale
    import socket
    import tempfile
    import time

    listing = []
    for folder, folders, files in os.walk(source):
        listing.append([folder[len(source):], sorted(folders), sorted(files), os.listdir(folder)])
    listing.sort()
    try:
        # The first date of a locale other than C shows whether its data is there.
        in_force = [locale.setlocale(locale.LC_ALL, ""), time.strftime("%A %x", time.gmtime(0))]
    except locale.Error as error:
        in_force = ["unavailable", str(error)]
    finally:
        locale.setlocale(locale.LC_ALL, "C")
    mask = os.umask(0o077)
    os.umask(mask)
    return {
        "build-path": os.getcwd(),
        "host-name": socket.gethostname(),
        "domain-name": open("/proc/sys/kernel/domainname").read().strip(),
        "time-zone": time.localtime(0).tm_gmtoff,
        "locale": in_force,
        "umask": mask,
        "user-id": os.getuid(),
        "group-id": os.getgid(),
        "home": os.path.expanduser("~"),
        "processors": len(os.sched_getaffinity(0)),
        "hash-seed": hash("twinbuild"),
        "environment": sorted(os.environ),
        "temporary-directory": tempfile.gettempdir(),
        "directory-order": [names for _, _, _, names in listing],
        "boot-time": time.clock_gettime(time.CLOCK_BOOTTIME) // 86400,
        "address-space": [line.split("-")[0] for line in open("/proc/self/maps") if "[stack]" in line],
    }


def import_backend(request):
    """The backend object of PEP 517, imported as its rules say."""
    import importlib

    path = [os.path.realpath(os.path.join(request["source"], part)) for part in request["backendPath"]]
    sys.path[:0] = path
    module_name, _, attributes = request["backend"].partition(":")
    module = importlib.import_module(module_name)
    if path:
        origin = os.path.realpath(module.__file__ or "")
        if not any(origin.startswith(part + os.sep) for part in path):
            raise ImportError(f"the backend was imported from {origin}, which is not in backend-path")
    backend = module
    for attribute in filter(None, attributes.split(".")):
        backend = getattr(backend, attribute)
    return backend


def required(request):
    """What get_requires_for_build_wheel asks for beyond the environment (PEP 517)."""
    if request["backend"] is None:
        from setuptools import build_meta as backend

        backend = getattr(backend, "__legacy__", backend)
    else:
        backend = import_backend(request)
    hook = getattr(backend, "get_requires_for_build_wheel", None)
    return [str(requirement) for requirement in (hook(None) if hook else [])]


def in_child(function, *arguments):
    """Calls a function in a process of its own, as front ends call each hook, and gives its result."""
    read, write = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(read)
            result = json.dumps(function(*arguments)).encode()
            with os.fdopen(write, "wb") as pipe:
                pipe.write(result)
            status = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        result = pipe.read()
    _, status = os.waitpid(child, 0)
    if status != 0:
        sys.exit(PREPARE_FAILED)
    return json.loads(result)


def main():
    request = json.load(sys.stdin)
    report = os.fdopen(int(os.environ.pop("TWINBUILD_REPORT_FD")), "w")
    json.dump(observe(request["source"]), report)
    report.write("\n")
    # This script's own folder is no place to import from.
    sys.path.pop(0)
    os.chdir(request["source"])
    if request["action"] == "requires":
        report.flush()
        json.dump(in_child(required, request), report)
        report.close()
        return
    report.close()
    if request["backend"] is None:
        command = [sys.executable, "setup.py", "bdist_wheel", "--dist-dir", request["output"]]
        os.execv(sys.executable, command)
    in_child(required, request)
    backend = import_backend(request)
    name = backend.build_wheel(request["output"], None, None)
    print("built", name)


main()
