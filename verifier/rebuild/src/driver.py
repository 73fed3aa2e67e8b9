"""Runs one build inside a sandbox, on the build's own interpreter: CPython 2.7, or 3.6 and newer.

Reads a request (JSON) on standard input and calls the backend. When it is asked what the backend requires, the answer goes
to the report pipe. Standard library only.
"""

from __future__ import print_function

import json
import os
import sys

PREPARE_FAILED = 70


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
            raise ImportError("the backend was imported from {}, which is not in backend-path".format(origin))
    backend = module
    for attribute in filter(None, attributes.split(".")):
        backend = getattr(backend, attribute)
    return backend


# The hooks of PEP 517, by what is built.
REQUIRES = {"wheel": "get_requires_for_build_wheel", "sdist": "get_requires_for_build_sdist"}


def required(request):
    """What the backend asks for beyond the environment (PEP 517)."""
    if request["backend"] is None:
        try:
            from setuptools import build_meta as backend
        except ImportError:
            return required_by_setup_py()
        backend = getattr(backend, "__legacy__", backend)
    else:
        backend = import_backend(request)
    hook = getattr(backend, REQUIRES[request["product"]], None)
    return [str(requirement) for requirement in (hook(None) if hook else [])]


def required_by_setup_py():
    """`setup_requires`, under a setuptools from before it had hooks; they have to be found in the same way."""
    import setuptools.dist

    class Required(Exception):
        pass

    def fetch_build_eggs(distribution, requirements):
        if not isinstance(requirements, (list, tuple)):
            requirements = str(requirements).splitlines()
        raise Required([str(requirement) for requirement in requirements])

    setuptools.dist.Distribution.fetch_build_eggs = fetch_build_eggs
    sys.argv[:] = ["setup.py", "--version"]
    sys.path.insert(0, os.getcwd())
    with open("setup.py", "rb") as script:
        code = compile(script.read(), "setup.py", "exec")
    try:
        exec(code, {"__name__": "__main__", "__file__": "setup.py"})
    except Required as found:
        return [line.strip() for line in found.args[0] if line.strip()]
    return []


def run_setup_py(request):
    """Builds a source that names no backend, and ends."""
    if request["product"] == "wheel":
        command = [sys.executable, "setup.py", "bdist_wheel", "--dist-dir", request["output"]]
        os.execv(sys.executable, command)
    import shutil
    import subprocess

    # Into its own folder: until 3.9 the name of that is written into the header of the gzip file.
    before = set(os.listdir("dist")) if os.path.isdir("dist") else set()
    status = subprocess.call([sys.executable, "setup.py", "sdist", "--formats", request["archive"]])
    if status != 0:
        sys.exit(status if status > 0 else 1)
    for name in sorted(set(os.listdir("dist")) - before):
        shutil.copy(os.path.join("dist", name), request["output"])
    sys.exit(0)


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
    return json.loads(result.decode())


def close_on_exec(descriptor):
    import fcntl

    fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.fcntl(descriptor, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)


def native(value):
    """JSON as it would be written in the program: version 2 reads all text as unicode, which few of its libraries expect."""
    if sys.version_info[0] > 2:
        return value
    if isinstance(value, dict):
        return {native(key): native(item) for key, item in value.items()}
    if isinstance(value, list):
        return [native(item) for item in value]
    return value if value is None else value.encode("utf-8")


def main():
    request = native(json.load(sys.stdin))
    # This script's own folder is no place to import from.
    sys.path.pop(0)
    os.chdir(request["source"])
    if request["action"] == "requires":
        pipe = int(os.environ.pop("TWINBUILD_REPORT_FD"))
        close_on_exec(pipe)
        required_by_backend = in_child(required, request)
        with os.fdopen(pipe, "w") as report:
            json.dump(required_by_backend, report)
        return
    if request["backend"] is None:
        run_setup_py(request)
    in_child(required, request)
    backend = import_backend(request)
    try:
        if request["product"] == "wheel":
            name = backend.build_wheel(request["output"], None, None)
        else:
            name = backend.build_sdist(request["output"], None)
    except Exception:
        import traceback

        traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        # Here and now, with the files that it still holds: the sandbox looks at its limits before a process fails.
        os._exit(1)
    print("built", name)


main()
