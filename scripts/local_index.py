"""A Python package index on loopback, of small projects that are made here: for scripts that need many of them.

Each release is a pure wheel and the sdist that it is built from, by a small backend that the index has too, so that no other package is needed.
"""

import base64
import gzip
import hashlib
import http.server
import io
import json
import subprocess
import sys
import tarfile
import threading
import zipfile

UPLOADED = "2026-01-02T03:04:05.000000Z"
BACKEND_UPLOADED = "2025-06-01T00:00:00.000000Z"
MODIFIED = 1_767_200_000
GENERATOR = "flit 3.9.0"

# What builds them stands in for flit_core 3.9.0: the real one would have to be fetched.
BACKEND = '''"""Builds a wheel of this folder's package, as PEP 517 has it."""

import base64
import hashlib
import os
import time
import tomllib
import zipfile


def build_wheel(directory, config_settings=None, metadata_directory=None):
    with open("pyproject.toml", "rb") as file:
        project = tomllib.load(file)
    name, version = project["project"]["name"], project["project"]["version"]
    time.sleep(project["tool"]["small"]["wait"])
    info = f"{name}-{version}.dist-info"
    files = {}
    for entry in sorted(os.listdir(name)):
        with open(os.path.join(name, entry), "rb") as file:
            files[f"{name}/{entry}"] = file.read()
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n".encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\\nGenerator: flit 3.9.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    record = ""
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(content)}\\n"
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\\n").encode()
    wheel = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, wheel), "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            member = zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o100644 << 16
            archive.writestr(member, content)
    return wheel
'''


def sdist(name, version, wait=0, more=()):
    """The sdist of a release, as bytes. `wait` is for how many seconds its build sleeps, `more` what its package has besides, as (name, bytes)."""
    pyproject = f"""[build-system]
requires = ["flit_core==3.9.0"]
build-backend = "flit_core.buildapi"

[project]
name = "{name}"
version = "{version}"

[tool.small]
wait = {wait}
"""
    files = {
        "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        "pyproject.toml": pyproject.encode(),
        f"{name}/__init__.py": f'"""{name}"""\nVERSION = {version!r}\n'.encode(),
    }
    files.update({f"{name}/{path}": content for path, content in more})
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(f"{name}-{version}/{path}")
            member.size, member.mtime, member.mode = len(content), MODIFIED, 0o644
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(raw.getvalue(), 9, mtime=0)


def wheel(name, version, more=()):
    """The wheel of a release, as the backend builds it, with `more` in its package."""
    files = {f"{name}/__init__.py": f'"""{name}"""\nVERSION = {version!r}\n'.encode()}
    files.update({f"{name}/{path}": content for path, content in more})
    return wheel_of(name, version, files)


def wheel_of(name, version, files):
    """A wheel of these files, which are a map from paths to bytes."""
    info = f"{name}-{version}.dist-info"
    files = dict(sorted(files.items()))
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: {GENERATOR}\nRoot-Is-Purelib: true\nTag: py3-none-any\n".encode()
    record = ""
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(content)}\n"
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            member = zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o100644 << 16
            archive.writestr(member, content)
    return raw.getvalue()


def warm(program, environment, folder):
    """Has the resolver and the first environment fetched into the cache, from where they are: this index has neither."""
    ran = subprocess.run([program, "rebuild", "pypi:six@1.16.0"], cwd=folder, env=environment, capture_output=True, text=True)
    if ran.returncode != 0:
        raise SystemExit(f"the cache cannot be warmed: {ran.stdout}{ran.stderr}")


class Index:
    """Serves releases by the JSON simple API (PEP 691) on loopback, until the program ends."""

    def __init__(self, address="127.0.0.1"):
        self.files = {}
        self.pages = {}
        self.asked = []
        index = self
        backend = {"flit_core/__init__.py": b'__version__ = "3.9.0"\n', "flit_core/buildapi.py": BACKEND.encode()}
        self.add("flit-core", "flit_core-3.9.0-py3-none-any.whl", wheel_of("flit_core", "3.9.0", backend))

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                parts = self.path.strip("/").split("/")
                body, kind, tag = None, "application/octet-stream", None
                if parts != ["asked"]:
                    index.asked.append(self.path)
                if parts[0] == "simple" and len(parts) == 2 and parts[1] in index.pages:
                    body, kind = index.page(parts[1]), "application/vnd.pypi.simple.v1+json"
                    tag = '"' + hashlib.sha256(body).hexdigest() + '"'
                elif parts[0] == "files" and len(parts) == 2:
                    body = index.files.get(parts[1])
                elif parts == ["asked"]:
                    body, kind = json.dumps(index.asked).encode(), "application/json"
                same = tag is not None and self.headers.get("If-None-Match") == tag
                self.send_response(304 if same else 404 if body is None else 200)
                body = b"" if same or body is None else body
                if tag:
                    self.send_header("ETag", tag)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 64

            def handle_error(self, request, client_address):
                if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that was killed
                    super().handle_error(request, client_address)

        self.server = Server((address, 0), Handler)
        self.url = f"http://{address}:{self.server.server_address[1]}/simple/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def page(self, name):
        listed = []
        for file in self.pages[name]:
            content = self.files[file]
            listed.append({
                "filename": file, "url": f"/files/{file}", "size": len(content),
                "upload-time": BACKEND_UPLOADED if name == "flit-core" else UPLOADED,
                "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
            })
        return json.dumps({"meta": {"api-version": "1.1", "_last-serial": len(listed)}, "name": name, "files": listed}).encode()

    def release(self, name, version, wait=0, only_wheel=()):
        """Publishes a release; `only_wheel` is what the wheel has and its source has not, as (name, bytes)."""
        self.add(name, f"{name}-{version}.tar.gz", sdist(name, version, wait))
        self.add(name, f"{name}-{version}-py3-none-any.whl", wheel(name, version, only_wheel))

    def add(self, project, file, content):
        self.files[file] = content
        self.pages.setdefault(project, []).append(file)


def serve(lines):
    """Publishes a release for each line, and says so: {"name": .., "version": .., "wait": SECONDS, "onlyWheel": {PATH: TEXT}}, of which the first two are needed.

    The address is printed first; `/asked` of the server gives the paths that were asked for until then, as JSON. It ends with the lines.
    """
    index = Index()
    print(index.url, flush=True)
    for line in lines:
        release = json.loads(line)
        only_wheel = [(path, text.encode()) for path, text in release.get("onlyWheel", {}).items()]
        index.release(release["name"], release["version"], release.get("wait", 0), only_wheel)
        print(f"{release['name']} {release['version']}", flush=True)


if __name__ == "__main__":
    serve(sys.stdin)
