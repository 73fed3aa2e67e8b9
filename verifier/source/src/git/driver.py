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


def fetch_into(folder, request, references, depth, settings=()):
    """Fetches references, or objects by their names."""
    if not os.path.isdir(folder):
        if not git("init", "--quiet", "--bare", "--template=", "--object-format=" + request["format"], folder):
            return False
    options = ["--quiet", "--no-tags", "--no-auto-maintenance", "--no-recurse-submodules", "--update-shallow", "--force"]
    if depth:
        options.append("--depth=1")
    references = ["+{0}:{0}".format(name) if name.startswith("refs/") else name for name in references]
    return git("-C", folder, *settings, "fetch", *options, "--", request["url"], *references)


def is_refused(request, references, depth):
    """Whether it is only by its contents that nothing could be fetched."""
    unchecked = ("-c", "transfer.fsckObjects=false", "-c", "fetch.fsckObjects=false")
    return fetch_into(UNCHECKED, request, references, depth, unchecked)


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
        json.dump({"list": list_references, "fetch": fetch}[request["action"]](request), report)


main()
