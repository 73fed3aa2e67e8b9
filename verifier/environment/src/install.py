"""Installs the wheels below /wheels as a virtual environment in /env, offline, each checked against its digest. The same
wheels give the same files: what the installer notes of the time and place of its work is taken out again."""

import glob
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
for folder in glob.glob("/env/lib/python*/site-packages/*.dist-info"):
    note = os.path.join(folder, "uv_cache.json")
    if os.path.exists(note):
        os.remove(note)
        record = os.path.join(folder, "RECORD")
        with open(record, newline="") as file:
            rows = file.readlines()
        with open(record, "w", newline="") as file:
            file.writelines(row for row in rows if not row.startswith(os.path.basename(folder) + "/uv_cache.json,"))
lock = "/env/.lock"
if os.path.exists(lock):
    os.remove(lock)
# Some wheels carry files for other Pythons, which do not compile.
subprocess.run(
    [sys.executable, "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash", "/env/lib"],
    stdout=subprocess.DEVNULL,
)
