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
        # Where the script itself is run, its folder is the first place to import from.
        sys.path.insert(0, os.getcwd())
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
    try:
        run_setup_py(["--version"])
    except Required as found:
        return [line.strip() for line in found.args[0] if line.strip()]
    return []


def sdist_by_setup_py(archive, output):
    """Builds the sdist of a source that names no backend."""
    import shutil
    import subprocess

    # Into its own folder: until 3.9 the name of that is written into the header of the gzip file.
    before = set(os.listdir("dist")) if os.path.isdir("dist") else set()
    status = subprocess.call([sys.executable, "setup.py", "sdist", "--formats", archive])
    if status != 0:
        sys.exit(status if status > 0 else 1)
    for name in sorted(set(os.listdir("dist")) - before):
        shutil.copy(os.path.join("dist", name), output)


def sdist_by_backend(request, output):
    return import_backend(request).build_sdist(output, None)


def go_to_own_sdist(request):
    """Builds the sdist, unpacks it, and goes there: what follows is built from that."""
    import tarfile
    import tempfile

    place = tempfile.mkdtemp()
    if request["backend"] is None:
        sdist_by_setup_py("gztar", place)
    else:
        in_child(sdist_by_backend, request, place)
    (name,) = os.listdir(place)
    with tarfile.open(os.path.join(place, name)) as archive:
        archive.extractall(place)
    os.remove(os.path.join(place, name))
    (top,) = os.listdir(place)
    request["source"] = os.path.join(place, top)
    os.chdir(request["source"])


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


def as_on_windows():
    """Text is written with CR LF, and is of the code page of Western Europe unless it says otherwise."""
    if sys.version_info[0] == 2:
        return as_on_windows_for_python_2()
    import builtins
    import io

    own = io.open

    def windows_open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
        if "b" not in mode:
            encoding = encoding or "cp1252"
            if newline is None and set("wax+") & set(mode):
                newline = "\r\n"
        return own(file, mode, buffering, encoding, errors, newline, closefd, opener)

    io.open = builtins.open = windows_open
    os.linesep = "\r\n"


def as_on_windows_for_python_2():
    """Version 2 has bytes for text, so that only line ends are another matter."""
    import __builtin__

    own = __builtin__.open

    class Text(object):
        def __init__(self, file):
            self.file = file

        def __getattr__(self, name):
            return getattr(self.file, name)

        def __iter__(self):
            return iter(self.file)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, text):
            self.file.write(text.replace("\n", "\r\n"))

        def writelines(self, lines):
            for line in lines:
                self.write(line)

    def windows_open(name, mode="r", *arguments):
        is_read = not set("wa+") & set(mode)
        if "b" in mode:
            return own(name, mode, *arguments)
        return own(name, "rU", *arguments) if is_read else Text(own(name, mode, *arguments))

    __builtin__.open = windows_open
    os.linesep = "\r\n"


def check_out_with_crlf():
    """The files of the commit as git checks them out on Windows: by its own rules, in their places. Nothing but line ends is taken of it."""
    import re
    import subprocess

    settings = ["safe.directory=*", "core.autocrlf=true", "core.hooksPath=/dev/null", "core.fsmonitor=false"]
    git = ["git"] + [part for setting in settings for part in ("-c", setting)]
    top = subprocess.check_output(git + ["rev-parse", "--show-toplevel"]).decode().rstrip("\n").encode()
    # Each is written beside the others, under a name of git's choice.
    listed = subprocess.check_output(git + ["-C", top.decode(), "checkout-index", "--all", "--temp", "-z"])
    for entry in filter(None, listed.split(b"\0")):
        written, _, name = entry.partition(b"\t")
        written, path = os.path.join(top, written), os.path.join(top, name)
        if os.path.isfile(path) and not os.path.islink(path):
            with open(written, "rb") as file:
                content = file.read()
            times = os.stat(path)
            with open(path, "r+b") as file:
                own = file.read()
                if content != own and content == re.sub(b"(?<!\r)\n", b"\r\n", own):
                    file.seek(0)
                    file.write(content)
                    file.truncate()
            os.utime(path, (times.st_atime, times.st_mtime))
        os.remove(written)


def check_out_again(umask, is_windows):
    """The files of the source get the modes of a checkout under that mask; on Windows none is a program by its mode. What an
    earlier build made is in no checkout: it gets the modes of what this build makes."""
    own = os.umask(0)
    os.umask(own)
    for folder, _, names in os.walk(os.getcwd()):
        mask = own if ".egg-info" in folder else umask
        os.chmod(folder, 0o777 & ~mask)
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                is_program = os.stat(path).st_mode & 0o100 and not is_windows
                os.chmod(path, (0o777 if is_program else 0o666) & ~mask)


def patch_as_debian_does():
    """Requirements are sorted, and what is named after the interpreter is named without its version."""
    from setuptools.command import egg_info, install_egg_info

    write = egg_info._write_requirements
    finalize = install_egg_info.install_egg_info.finalize_options

    def write_requirements(stream, requirements):
        lines = requirements or ()
        lines = lines.splitlines() if isinstance(lines, str) else [str(line) for line in lines]
        write(stream, sorted(line.strip() for line in lines if line.strip()))

    def finalize_options(command):
        finalize(command)
        command.target = command.target.replace("-py{}.{}".format(*sys.version_info[:2]), "")

    egg_info._write_requirements = write_requirements
    install_egg_info.install_egg_info.finalize_options = finalize_options


def leave_extensions_out():
    """Projects are read as if they had no extension modules."""
    import setuptools.dist

    parse = setuptools.dist.Distribution.parse_config_files

    def parse_config_files(distribution, *arguments, **named):
        result = parse(distribution, *arguments, **named)
        distribution.ext_modules = None
        return result

    setuptools.dist.Distribution.parse_config_files = parse_config_files


def run_setup_py(arguments):
    sys.argv[:] = ["setup.py"] + arguments
    sys.path.insert(0, os.getcwd())
    with open("setup.py", "rb") as script:
        code = compile(script.read(), "setup.py", "exec")
    exec(code, {"__name__": "__main__", "__file__": "setup.py"})


def native(value):
    """JSON as it would be written in the program: version 2 reads all text as unicode, which few of its libraries expect."""
    if sys.version_info[0] > 2:
        return value
    if isinstance(value, dict):
        return {native(key): native(item) for key, item in value.items()}
    if isinstance(value, list):
        return [native(item) for item in value]
    return value if value is None or isinstance(value, (bool, int)) else value.encode("utf-8")


def main():
    request = native(json.load(sys.stdin))
    # This script's own folder is no place to import from.
    sys.path.pop(0)
    os.chdir(request["source"])
    if request["backend"] is None and request["backendPath"]:
        # The project's own commands: for this program, and for those that it starts.
        own = [os.path.realpath(part) for part in request["backendPath"]]
        sys.path[:0] = own
        os.environ["PYTHONPATH"] = os.pathsep.join(own)
    if request["action"] == "requires":
        pipe = int(os.environ.pop("TWINBUILD_REPORT_FD"))
        close_on_exec(pipe)
        required_by_backend = in_child(required, request)
        with os.fdopen(pipe, "w") as report:
            json.dump(required_by_backend, report)
        return
    if request["crlf"]:
        check_out_with_crlf()
    if request["checkoutUmask"] is not None:
        check_out_again(request["checkoutUmask"], request["windows"])
    arguments = ["bdist_wheel", "--dist-dir", request["output"]] + request["options"]
    is_switched = request["windows"] or request["debianSetuptools"] or request["withoutExtensions"]
    if request["backend"] is None and request["product"] == "sdist":
        return sdist_by_setup_py(request["archive"], request["output"])
    if request["throughSdist"]:
        go_to_own_sdist(request)
    if request["backend"] is None and not is_switched:
        os.execv(sys.executable, [sys.executable, "setup.py"] + arguments)
    if request["backend"] is not None:
        in_child(required, request)
    try:
        if request["windows"]:
            as_on_windows()
        if request["debianSetuptools"]:
            patch_as_debian_does()
        if request["withoutExtensions"]:
            leave_extensions_out()
        if request["backend"] is None:
            return run_setup_py(arguments)
        backend = import_backend(request)
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
