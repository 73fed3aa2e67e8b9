"""Runs git inside a sandbox, on the root file system's own interpreter.

Reads a request (JSON) on standard input, writes files into a folder that is collected, and one JSON object to the report pipe, of which
`status` says how it went. Settings of git are variables of the process. Standard library only.
"""

import json
import os
import subprocess
import sys

GIT = "/usr/bin/git"
# A copy of a repository of this machine, of which only objects and references are taken along.
ORIGIN = "/work/origin"
# What is fetched into.
CLONE = "/work/clone"
UNCHECKED = "/work/unchecked"
ALL = ["refs/heads/*", "refs/tags/*"]
# How many commits are searched, the newest first.
MOST_COMMITS = 100000
# How deep their folders may be.
MOST_DEPTH = 200


def git(*arguments, **options):
    """Runs git; gives whether it succeeded."""
    sys.stderr.flush()
    return subprocess.run([GIT, *arguments], stdin=subprocess.DEVNULL, **options).returncode == 0


def answer(*arguments):
    """What git printed, or None where it failed."""
    ran = subprocess.run([GIT, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    return ran.stdout.decode("utf-8", "replace").strip() if ran.returncode == 0 else None


def prepare_origin(request):
    """Makes a repository of the copied objects and references, with settings of ours."""
    for folder in ["objects", "refs"]:
        os.makedirs(os.path.join(ORIGIN, folder), exist_ok=True)
    version, extension = 0, ""
    if request["format"] != "sha1":
        version, extension = 1, "[extensions]\n\tobjectFormat = {}\n".format(request["format"])
    files = {
        "HEAD": "ref: refs/heads/none\n",
        "config": "[core]\n\trepositoryFormatVersion = {}\n\tbare = true\n{}".format(version, extension),
    }
    for name, path in request["files"].items():
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            files[name] = file.read()
    for name, content in files.items():
        with open(os.path.join(ORIGIN, name), "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(content)


def list_references(request):
    with open(os.path.join(request["output"], "references"), "wb") as file:
        is_listed = git("ls-remote", "--quiet", "--", request["url"], *ALL, stdout=file)
    return {"status": "done" if is_listed else "failed"}


def fetch_into(folder, request, references, depth, settings=(), options=()):
    """Fetches references, or objects by their names."""
    if not os.path.isdir(folder):
        if not git("init", "--quiet", "--bare", "--template=", "--object-format=" + request["format"], folder):
            return False
    options = [*options, "--quiet", "--no-tags", "--no-auto-maintenance", "--no-recurse-submodules", "--update-shallow", "--force"]
    if depth:
        options.append("--depth=1")
    references = ["+{0}:{0}".format(name) if name.startswith("refs/") else name for name in references]
    return git("-C", folder, *settings, "fetch", *options, "--", request["url"], *references)


def is_refused(request, references, depth):
    """Whether it is only by its contents that nothing could be fetched."""
    unchecked = ("-c", "transfer.fsckObjects=false", "-c", "fetch.fsckObjects=false")
    return fetch_into(UNCHECKED, request, references, depth, unchecked)


def search(request):
    """Finds the commit whose files have the most of the wanted contents; the newest of those that have as many."""
    folder = ORIGIN
    if not request["isLocal"]:
        folder = CLONE
        # Contents are told by their names, so commits and trees are enough; a server that cannot leave them out sends all.
        if not fetch_into(CLONE, request, ALL, False, options=["--filter=blob:none"]):
            return {"status": "failed"}
    command = ["-C", folder, "log", "--branches", "--tags", "--date-order", "--format=%H %T %ct"]
    command.append("--max-count={}".format(MOST_COMMITS))
    if request["before"] is not None:
        command.append("--min-age={}".format(request["before"]))
    commits = answer(*command)
    if commits is None:
        return {"status": "failed"}
    wanted = {bytes.fromhex(name): 1 << number for number, name in enumerate(request["contents"])}
    best = (0, 0, None)
    with Trees(folder, wanted) as trees:
        for line in commits.splitlines():
            commit, tree, time = line.split(" ")
            found = (bin(trees.held(bytes.fromhex(tree))).count("1"), int(time))
            if found > best[:2]:
                best = (*found, commit)
    return {"status": "done", "commit": best[2], "held": best[0]}


class Trees:
    """Which of the wanted contents trees hold, as bits of a number."""

    def __init__(self, folder, wanted):
        self.known = {}
        self.wanted = wanted
        command = [GIT, "-C", folder, "cat-file", "--batch"]
        self.git = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.git.stdin.close()
        self.git.wait()

    def read(self, name):
        self.git.stdin.write(name.hex().encode() + b"\n")
        self.git.stdin.flush()
        line = self.git.stdout.readline().split()
        if len(line) != 3 or line[1] != b"tree":
            return b""
        content = self.git.stdout.read(int(line[2]))
        self.git.stdout.read(1)
        return content

    def held(self, name, depth=0):
        if name in self.known or depth > MOST_DEPTH:
            return self.known.get(name, 0)
        held, position, content = 0, 0, self.read(name)
        while position < len(content):
            # MODE, a blank, the entry's name, a NUL, and the object's name as bytes.
            end = content.index(b"\0", position) + 1
            entry = content[end : end + len(name)]
            is_folder = content.startswith((b"40000 ", b"040000 "), position)
            held |= self.held(entry, depth + 1) if is_folder else self.wanted.get(entry, 0)
            position = end + len(name)
        self.known[name] = held
        return held


def has_commit(folder, name):
    return git("-C", folder, "cat-file", "-e", name + "^{commit}", stderr=subprocess.DEVNULL)


def is_whole_name(name):
    return len(name) in (40, 64)


def fetch(request):
    wanted, is_pinned = request["commit"], request["isPinned"]
    references = request["references"] or ALL
    # A reference that names the commit is enough; to tell what else contains it takes its history.
    depth = bool(request["references"])
    is_had = False
    if is_pinned and is_whole_name(wanted):
        is_had = fetch_into(CLONE, request, [wanted], True)
    if not is_had:
        is_had = fetch_into(CLONE, request, references, depth)
    if not is_had and depth:
        # A server of plain files hands out whole histories only.
        is_had = fetch_into(CLONE, request, references, False)
    if not is_had:
        if not is_refused(request, references, depth):
            return {"status": "failed"}
        # A connection may have broken before.
        if not fetch_into(CLONE, request, references, depth):
            return {"status": "refused"}
    commit = answer("-C", CLONE, "rev-parse", "--verify", "--quiet", "--end-of-options", wanted + "^{commit}")
    if commit is None and request["references"]:
        # They named it a moment ago.
        return {"status": "failed"}
    if commit is None:
        is_elsewhere = False
        if is_whole_name(wanted) and request["isLocal"]:
            is_elsewhere = has_commit(ORIGIN, wanted)
        elif is_whole_name(wanted):
            is_elsewhere = fetch_into(CLONE, request, [wanted], True) and has_commit(CLONE, wanted)
        return {"status": "impostor" if is_elsewhere else "unknown"}
    if not is_pinned:
        containing = answer("-C", CLONE, "for-each-ref", "--count=1", "--contains=" + commit, "refs/heads", "refs/tags")
        if containing is None:
            return {"status": "failed"}
        if not containing:
            return {"status": "impostor"}
    return export(request, commit)


def export(request, commit):
    """Writes the commit, its trees and blobs, and the tag with those that it names."""
    roots = [commit] + ([request["tag"]] if request["tag"] else [])
    listed = os.path.join("/work", "objects")
    with open(listed, "wb") as file:
        command = ["rev-list", "--objects", "--no-walk=unsorted", "--no-object-names", *roots]
        if not git("-C", CLONE, *command, stdout=file):
            return {"status": "failed"}
    with open(listed, "rb") as names, open(os.path.join(request["output"], "objects"), "wb") as file:
        command = [GIT, "-C", CLONE, "cat-file", "--batch", "--buffer"]
        if subprocess.run(command, stdin=names, stdout=file).returncode != 0:
            return {"status": "failed"}
    return {"status": "done", "commit": commit}


def main():
    request = json.load(sys.stdin)
    with os.fdopen(int(os.environ.pop("TWINBUILD_REPORT_FD")), "w") as report:
        os.set_inheritable(report.fileno(), False)
        if request["isLocal"]:
            prepare_origin(request)
        json.dump({"list": list_references, "fetch": fetch, "search": search}[request["action"]](request), report)


main()
