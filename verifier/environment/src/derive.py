"""Makes what the root file system's maintainer scripts would make, below /output: the locale et_EE.UTF-8 and the
bytecode of the standard library. Bytecode is of the kind that is not checked against its source, as layers are
read-only and have no modification times. Runs on the suite's own interpreter, any CPython since 3.7."""

import os
import py_compile
import subprocess
import sys

locales = "/output/usr/lib/locale"
os.makedirs(locales)
subprocess.run(
    ["/usr/bin/localedef", "--no-archive", "-i", "et_EE", "-f", "UTF-8", locales + "/et_EE.utf8"], check=True
)

for root in ("/usr/lib/python%d.%d" % sys.version_info[:2], "/usr/lib/python3"):
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - {"test", "tests", "idlelib", "__pycache__"})
        for name in sorted(files):
            if name.endswith(".py"):
                source = os.path.join(folder, name)
                cache = f"/output{folder}/__pycache__/{name[:-3]}.{sys.implementation.cache_tag}.pyc"
                try:
                    py_compile.compile(
                        source, cache, source, doraise=True,
                        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
                    )
                except py_compile.PyCompileError:
                    # Some files of the library are there to be refused, such as lib2to3's bad patterns.
                    print("not compiled:", source)
