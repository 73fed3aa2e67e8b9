"""What CPython's zipfile and tarfile read from every archive of a folder: a line a member, for the tests of twinbuild-archive.

Of each file: `FILE<tab>failed`, or `FILE<tab>read` and then `FILE<tab>NAME<tab>KIND<tab>MODE<tab>SHA-256` with the name in
hexadecimal, and `-` for what is not there."""

import hashlib
import os
import stat
import sys
import tarfile
import zipfile


def digest(contents):
    return hashlib.sha256(contents).hexdigest()


def in_zip(path):
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = info.filename.encode("utf-8" if info.flag_bits & 0x800 else "cp437")
            mode = info.external_attr >> 16
            kind = "d" if info.is_dir() else "l" if stat.S_ISLNK(mode) else "f"
            permissions = f"{stat.S_IMODE(mode):o}" if mode else "-"
            yield name, kind, permissions, "-" if kind == "d" else digest(archive.read(info))


def in_tar(path):
    kinds = {"5": "d", "2": "l", "1": "h", "0": "f", "\0": "f", "7": "f"}
    with tarfile.open(path, encoding="utf-8", errors="surrogateescape") as archive:
        for info in archive:
            name = info.name.encode("utf-8", "surrogateescape")
            kind = "d" if info.isdir() else kinds.get(info.type.decode("latin-1"), "?")
            contents = digest(archive.extractfile(info).read()) if kind == "f" else "-"
            yield name, kind, f"{info.mode & 0o7777:o}", contents


for file in sorted(os.listdir(sys.argv[1])):
    path = os.path.join(sys.argv[1], file)
    try:
        members = list((in_zip if file.endswith(".zip") else in_tar)(path))
    except Exception:
        print(file, "failed", sep="\t")
        continue
    print(file, "read", sep="\t")
    for name, kind, mode, contents in members:
        print(file, name.hex(), kind, mode, contents, sep="\t")
