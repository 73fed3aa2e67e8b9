"""A PEP 517 backend that lets an attack have its way, and then builds what it was asked for.

The attack may change `files`, the wheel's members by name. Its `after(wheel)`, where it has one, runs when the wheel is
written.
"""

import base64
import hashlib
import os
import zipfile

import attack
import hostile

NAME = "demo-1.0-py3-none-any.whl"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, files):
    record = ""
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(content)}\n"
    record += "demo-1.0.dist-info/RECORD,,\n"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in [*files.items(), ("demo-1.0.dist-info/RECORD", record.encode())]:
            member = zipfile.ZipInfo(name, (2020, 2, 2, 0, 0, 0))
            member.external_attr = 0o100644 << 16
            member.compress_type = zipfile.ZIP_STORED
            wheel.writestr(member, content)


def build_wheel(directory, config_settings=None, metadata_directory=None):
    files = {
        "demo.py": read("demo.py"),
        "demo-1.0.dist-info/METADATA": read("METADATA"),
        "demo-1.0.dist-info/WHEEL": read("WHEEL"),
    }
    hostile.begin()
    attack.attack(directory, files)
    hostile.end(files)
    path = os.path.join(directory, NAME)
    write(path, files)
    if hasattr(attack, "after"):
        attack.after(path)
    return NAME
