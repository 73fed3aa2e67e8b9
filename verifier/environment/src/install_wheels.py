"""Installs the wheels below /wheels as an environment in /env, for an interpreter that the installer does not know, and
offline.

Standard input: JSON with the interpreter's `program`, its `version` as [MAJOR, MINOR], and the `wheels` by file name.
Wheels are unpacked as "Installing a wheel" of the PyPA's binary distribution format says; RECORD stays as it is. The
caller has checked the digest of each. Runs on the root file system's own interpreter. Standard library only.
"""

import configparser
import json
import os
import subprocess
import sys
import zipfile

PYTHON = "/env/bin/python"
# The time of every file, which the bytecode of old interpreters holds: 1980-01-01.
FILE_TIME_SECS = 315_532_800
SCRIPT = """\
#!{python}
import sys
from {module} import {name}
if __name__ == "__main__":
    sys.exit({callable}())
"""


def write(path, content, mode):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    # Where two wheels have the same file, the later one's stays, as with other installers.
    if os.path.lexists(path):
        os.remove(path)
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, mode)


def make_environment(program, version, packages):
    os.makedirs(packages)
    os.makedirs("/env/bin")
    minor = f"{version[0]}.{version[1]}"
    for name in ("python", f"python{version[0]}", f"python{minor}"):
        os.symlink(program, f"/env/bin/{name}")
    if version[0] > 2:
        home = os.path.dirname(program)
        write("/env/pyvenv.cfg", f"home = {home}\ninclude-system-site-packages = false\n".encode(), 0o644)


def is_plain(name):
    """Whether a member stays where it is unpacked."""
    return not name.startswith("/") and ".." not in name.split("/") and "\\" not in name and "\0" not in name


def script(content):
    """A script of a wheel, whose first line names its interpreter as `#!python` (or `#!pythonw`)."""
    line, newline, rest = content.partition(b"\n")
    return b"#!" + PYTHON.encode() + newline + rest if line.startswith(b"#!python") else content


def install(path, packages, version):
    # {distribution}-{version}.data holds a folder for each place of an installation.
    data = "-".join(os.path.basename(path).split("-")[:2]) + ".data"
    places = {
        "purelib": packages,
        "platlib": packages,
        "scripts": "/env/bin",
        "headers": f"/env/include/site/python{version[0]}.{version[1]}",
        "data": "/env",
    }
    entry_points = None
    with zipfile.ZipFile(path) as wheel:
        for member in wheel.infolist():
            name = member.filename
            if not is_plain(name):
                sys.exit(f"{path} has a member {name!r}, which leads out of its place")
            if member.is_dir():
                continue
            content = wheel.read(member)
            mode = 0o755 if (member.external_attr >> 16) & 0o111 else 0o644
            top, _, rest = name.partition("/")
            if top.endswith(".data") and top.lower() == data.lower():
                place, _, rest = rest.partition("/")
                if place not in places or not rest:
                    sys.exit(f"{path} has {name!r}, which is for no known place")
                if place == "scripts":
                    content, mode = script(content), 0o755
                write(os.path.join(places[place], rest), content, mode)
                continue
            if top.endswith(".dist-info") and rest == "entry_points.txt":
                entry_points = content
            write(os.path.join(packages, name), content, mode)
    if entry_points is not None:
        install_scripts(entry_points.decode())


def install_scripts(entry_points):
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str
    parser.read_string(entry_points)
    for section in ("console_scripts", "gui_scripts"):
        for name, target in parser.items(section) if parser.has_section(section) else ():
            module, _, function = target.partition("[")[0].strip().partition(":")
            if not is_plain(name) or "/" in name or not function:
                continue
            text = SCRIPT.format(python=PYTHON, module=module, name=function.split(".")[0], callable=function)
            write(f"/env/bin/{name}", text.encode(), 0o755)


def compile_packages(program, version, packages):
    for folder, _, files in os.walk("/env"):
        for name in files:
            os.utime(os.path.join(folder, name), (FILE_TIME_SECS, FILE_TIME_SECS), follow_symlinks=False)
    command = [program, "-S", "-E", "-m", "compileall", "-q"]
    if version >= [3, 7]:
        command += ["--invalidation-mode", "unchecked-hash"]
    # Some wheels carry files for other Pythons, which do not compile.
    subprocess.run([*command, packages], stdout=subprocess.DEVNULL)


def main():
    request = json.load(sys.stdin)
    program, version = request["program"], request["version"]
    packages = f"/env/lib/python{version[0]}.{version[1]}/site-packages"
    make_environment(program, version, packages)
    for name in request["wheels"]:
        install(os.path.join("/wheels", name), packages, version)
    compile_packages(program, version, packages)


main()
