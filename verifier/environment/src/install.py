"""Installs the wheels below /wheels as a virtual environment in /env, offline, each checked against its digest."""

import os
import subprocess
import sys

UV = "/usr/lib/twinbuild/uv"
COMMON = ["--offline", "--no-config", "--no-cache", "--no-progress", "--no-python-downloads"]

subprocess.run([UV, "venv", "/env", "--python", sys.executable, "--no-project", "--allow-existing", *COMMON], check=True)
if os.path.getsize("/wheels/requirements.txt"):
    subprocess.run(
        [UV, "pip", "install", "--python", "/env/bin/python", "--no-index", "--find-links", "/wheels", "--require-hashes",
         "--no-deps", "--no-build", "--link-mode", "copy", "--requirements", "/wheels/requirements.txt", *COMMON],
        check=True,
    )
# Some wheels carry files for other Pythons, which do not compile.
subprocess.run(
    [sys.executable, "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash", "/env/lib"],
    stdout=subprocess.DEVNULL,
)
