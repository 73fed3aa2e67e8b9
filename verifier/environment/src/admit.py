"""Admits an interpreter of the host, which runs this: each extension module that it ships has to import here. Then the
bytecode of its standard library is made below /output, as layers are read-only.

Arguments: the folder of the standard library. The modules that do not import go to the report pipe as JSON, with exit
code 3. Standard library only; CPython 2.7, or 3.6 and newer.
"""

from __future__ import print_function

import json
import os
import py_compile
import sys

NOT_ADMITTED = 3
# Without these no wheel can be written.
ALWAYS = ("binascii", "hashlib", "select", "socket", "struct", "zlib")
# The public modules of libraries that not every interpreter is built with: they import more than the extension.
PUBLIC = {
    "_bz2": "bz2", "_ctypes": "ctypes", "_curses": "curses", "_hashlib": "hashlib", "_lzma": "lzma", "_sqlite3": "sqlite3",
    "_ssl": "ssl", "_uuid": "uuid",
}


def is_needed(name):
    """As for the libraries: no graphical toolkit, and nothing of the library's own tests."""
    return not name.startswith(("_tkinter", "_test", "xx")) and not name.endswith("_test")


def admit(library):
    folder = os.path.join(library, "lib-dynload")
    files = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    shipped = {name.split(".")[0] for name in files if name.endswith(".so")}
    # What 2.7 calls zlibmodule.so is zlib.
    shipped = {name[:-6] if name.endswith("module") else name for name in shipped}
    shipped.update(sys.builtin_module_names)
    names = set(ALWAYS) | shipped | {PUBLIC[name] for name in shipped if name in PUBLIC}
    refused = {}
    for name in sorted(filter(is_needed, names)):
        try:
            __import__(name)
        except Exception as error:
            refused[name] = str(error)[:300]
    return refused


def compile_library(library):
    for folder, folders, files in os.walk(library):
        folders[:] = sorted(set(folders) - {"site-packages", "__pycache__"})
        for name in sorted(files):
            if not name.endswith(".py"):
                continue
            source = os.path.join(folder, name)
            if sys.version_info[0] == 2:
                target, options = "/output" + source + "c", {}
            else:
                target = "/output{}/__pycache__/{}.{}.pyc".format(folder, name[:-3], sys.implementation.cache_tag)
                options = {}
                if sys.version_info >= (3, 7):
                    options["invalidation_mode"] = py_compile.PycInvalidationMode.UNCHECKED_HASH
            if not os.path.isdir(os.path.dirname(target)):
                os.makedirs(os.path.dirname(target))
            try:
                py_compile.compile(source, target, source, doraise=True, **options)
            except py_compile.PyCompileError:
                # Some files of the library are there to be refused, such as lib2to3's bad patterns.
                print("not compiled:", source)


def main():
    library = sys.argv[1]
    pipe = int(os.environ.pop("TWINBUILD_REPORT_FD"))
    refused = admit(library)
    if refused:
        os.write(pipe, json.dumps(refused).encode("ascii"))
        sys.exit(NOT_ADMITTED)
    compile_library(library)


main()
