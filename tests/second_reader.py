#!/usr/bin/env python3
"""A second reader of ledgers: what a stranger can check with Python's standard library and nothing of ours.

    second_reader.py LEDGER VKEY [--verdict-key PEM] [--proof ENTRY PROOF]

reads all of the ledger in the folder LEDGER, whose log has the verifier key VKEY, and says what is there; exits 1 where anything does not
hold, and names it. With the file of the verdicts' public key (Ed25519) it verifies each statement, too. ENTRY and PROOF are files with the
bytes of an entry and its tlog-proof, which is then held against the log's key as well.

Written from the specifications: C2SP signed-note, tlog-checkpoint, tlog-tiles and tlog-proof, RFC 6962 section 2, RFC 8032 section
5.1, DSSE, and docs/log.md, docs/ledger.md and docs/keys.md of this repository.
"""

import argparse
import base64
import hashlib
import json
import pathlib
import re
import sys


class Refused(Exception):
    """Something that does not hold, and of which file."""


def require(condition, what):
    if not condition:
        raise Refused(what)


def sha256(data):
    return hashlib.sha256(data).digest()


# Ed25519, RFC 8032 section 5.1.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add_points(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    e = (y1 - x1) * (y2 - x2)
    f = (y1 + x1) * (y2 + x2)
    g = 2 * t1 * t2 * D
    h = 2 * z1 * z2
    m, n, o, p = f - e, h - g, h + g, f + e
    return (m * n % P, o * p % P, n * o % P, m * p % P)


def multiply(scalar, point):
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = add_points(total, point)
        point = add_points(point, point)
        scalar >>= 1
    return total


def decompress(data):
    """The point of 32 bytes, section 5.1.3, or None."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_holds(public_key, message, signature):
    """Whether 64 bytes are a signature of `message`, section 5.1.7, without the cofactor."""
    a, r = decompress(public_key), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or a is None or r is None or s >= ORDER:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % ORDER
    left, right = multiply(s, BASE), add_points(r, multiply(k, a))
    return all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))


# Notes and checkpoints, C2SP signed-note and tlog-checkpoint.


def strict_base64(text, what):
    """Standard alphabet, padded, and no other way to write the same bytes."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Refused(f"{what}: not base64: {error}") from None
    require(base64.b64encode(data) == text.encode(), f"{what}: base64 that is not canonical")
    return data


class Vkey:
    """A verifier key, `NAME+HASH+BASE64`, of an Ed25519 key."""

    def __init__(self, text):
        require(text.count("+") >= 2, "the verifier key is not NAME+HASH+BASE64")
        name, identifier, key = text.split("+", 2)
        material = strict_base64(key, "the verifier key")
        require(len(material) == 33 and material[0] == 1, "the verifier key is not one of a log's Ed25519 keys")
        self.name, self.identifier, self.key = name, sha256(name.encode() + b"\n" + material)[:4], material[1:]
        require(self.identifier.hex() == identifier, "the verifier key's hash is not that of its name and key")


def open_note(data, vkey, what):
    """The text of a signed note, once the signature of `vkey` holds."""
    try:
        note = data.decode()
    except UnicodeDecodeError:
        raise Refused(f"{what}: not UTF-8") from None
    require(not re.search("[\x00-\x09\x0b-\x1f]", note), f"{what}: has control characters")
    text, blank, signatures = note.rpartition("\n\n")
    require(blank and signatures.endswith("\n"), f"{what}: has no signatures")
    text += "\n"
    held = False
    for line in signatures[:-1].split("\n"):
        match = re.fullmatch("\u2014 ([^ +]+) ([^ ]+)", line)
        require(match, f"{what}: a signature line that is none")
        signature = strict_base64(match[2], what)
        require(len(signature) > 4, f"{what}: an empty signature")
        if match[1] == vkey.name and signature[:4] == vkey.identifier:
            require(ed25519_holds(vkey.key, text.encode(), signature[4:]), f"{what}: the signature does not hold")
            held = True
    require(held, f"{what}: not signed by {vkey.name}")
    return text


class Checkpoint:
    """Size and root of a tree, and the extension lines; signed by the log of that origin."""

    def __init__(self, data, vkey, what):
        lines = open_note(data, vkey, what).split("\n")
        require(len(lines) >= 4 and lines.pop() == "" and all(lines), f"{what}: not three lines or more")
        require(lines[0] == vkey.name, f"{what}: of {lines[0]!r}, not of {vkey.name}")
        require(re.fullmatch("0|[1-9][0-9]{0,18}", lines[1]), f"{what}: no size")
        self.size, self.root, self.extensions = int(lines[1]), strict_base64(lines[2], what), lines[3:]
        require(len(self.root) == 32, f"{what}: a root of {len(self.root)} bytes")


# The Merkle tree, RFC 6962 section 2.1.


def leaf_hash(entry):
    return sha256(b"\x00" + entry)


def node_hash(left, right):
    return sha256(b"\x01" + left + right)


def root_of(hashes):
    """MTH of leaf hashes, or of the hashes of perfect subtrees of one size."""
    if not hashes:
        return sha256(b"")
    if len(hashes) == 1:
        return hashes[0]
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return node_hash(root_of(hashes[:split]), root_of(hashes[split:]))


def root_by_proof(index, size, leaf, proof, what):
    """The root that an inclusion proof leads to, from the leaf's sibling up."""
    require(0 <= index < size, f"{what}: entry {index} of a tree of {size}")

    def up(low, high, hashes):
        """The hash of the subtree over entries `low..high`, on the path to `index`; takes from the end of `hashes`."""
        if high - low == 1:
            require(not hashes, f"{what}: the proof is too long")
            return leaf
        require(hashes, f"{what}: the proof is too short")
        split = low + (1 << (high - low - 1).bit_length() - 1)
        if index < split:
            return node_hash(up(low, split, hashes[:-1]), hashes[-1])
        return node_hash(hashes[-1], up(split, high, hashes[:-1]))

    return up(0, size, proof)


# Tiles, C2SP tlog-tiles.

WIDTH = 256


def number_path(number):
    """`x001/x234/067` for 1234067."""
    groups = []
    while True:
        groups.append(f"{number % 1000:03}")
        number //= 1000
        if not number:
            return "/".join(["x" + group for group in groups[:0:-1]] + groups[:1])


def tile_path(level, number, width):
    return f"tile/{level}/{number_path(number)}" + ("" if width == WIDTH else f".p/{width}")


TILE_NAME = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


def parse_tile_path(path):
    match = TILE_NAME.fullmatch(path)
    require(match, f"{path}: no name of a tile")
    level = match[1] if match[1] == "entries" else int(match[1])
    number, width = int(match[2].replace("x", "").replace("/", "")), int(match[3] or WIDTH)
    require(tile_path(level, number, width) == path, f"{path}: no name of a tile")
    return level, number, width


def split_bundle(data, what):
    """The entries of a bundle: each is two bytes of length, big-endian, and that many bytes."""
    entries, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        require(at + 2 <= len(data) and end <= len(data), f"{what}: ends within an entry")
        entries.append(data[at + 2 : end])
        at = end
    return entries


# Proofs for use offline, C2SP tlog-proof.


class Proof:
    """A parsed `c2sp.org/tlog-proof@v1`."""

    def __init__(self, data, what):
        head, blank, self.checkpoint = data.partition(b"\n\n")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise Refused(f"{what}: not ASCII above the checkpoint") from None
        require(blank and lines.pop(0) == "c2sp.org/tlog-proof@v1", f"{what}: no proof of a known version")
        self.extra = None
        if lines and lines[0].startswith("extra "):
            self.extra = strict_base64(lines.pop(0)[len("extra ") :], what)
        match = re.fullmatch("index (0|[1-9][0-9]{0,18})", lines.pop(0) if lines else "")
        require(match, f"{what}: no index")
        self.index = int(match[1])
        self.hashes = [strict_base64(line, what) for line in lines]
        require(all(len(node) == 32 for node in self.hashes), f"{what}: a hash that has not 32 bytes")


# Entries, docs/ledger.md "Entries".

DIGEST = "[0-9a-f]{64}"
TIME = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"
NUMBER = "0|[1-9][0-9]*"
DECISIVE = ("verdict", "retracted", "disputed")
INDEX = re.compile(
    f"twinbuild ledger entry 1\nkind (?P<kind>index)\ntime (?P<time>{TIME})\nroot (?P<root>{DIGEST})\nsize (?P<size>{NUMBER})\n"
)
STATEMENT = re.compile(
    f"twinbuild ledger entry 1\nkind (?P<kind>{'|'.join(DECISIVE)}|summary|provenance)\ntime (?P<time>{TIME})\n"
    f"subject (?P<subject>{DIGEST})\n(?:installed (?P<installed>{DIGEST})\n)?payload (?P<payload>{DIGEST})\ntype [!-~]+\noutcome [!-~]+\nalerts (?:{NUMBER})\n"
)


def parse_entry(data, what):
    require(len(data) <= 2048 and data.isascii(), f"{what}: not ASCII of at most 2048 bytes")
    match = INDEX.fullmatch(data.decode()) or STATEMENT.fullmatch(data.decode())
    require(match, f"{what}: no entry")
    return match.groupdict()


# The index, docs/log.md "The index".

CAPACITY = 16


def digit(key, depth):
    return key[depth // 2] >> 4 if depth % 2 == 0 else key[depth // 2] & 15


def make_page(records, depth, pages):
    """The name of the page of sorted `(key, digest, number)`; it and those below it are put into `pages`."""
    if len(records) <= CAPACITY:
        content = b"\x02" + b"".join(key + value + number.to_bytes(8, "big") for key, value, number in records)
    else:
        content = b"\x03" + b"".join(make_slots(records, depth, range(16), pages))
    name = sha256(content)
    pages[name] = content
    return name


def make_slots(records, depth, part, pages):
    if len(records) > CAPACITY and len(part) > 1:
        middle = len(part) // 2
        slots = []
        for half in (part[:middle], part[middle:]):
            slots += make_slots([record for record in records if digit(record[0], depth) in half], depth, half, pages)
        return slots
    return [make_page(records, depth + 1, pages) if records else bytes(32)] * len(part)


def part_path(entry, part):
    return f"index/{entry // 1000}/{entry % 1000:03}-{part}"


def split_part(data, what):
    require(len(data) <= 32 << 10, f"{what}: {len(data)} bytes")
    pages, at = {}, 0

    def take(count):
        nonlocal at
        at += count
        require(at <= len(data), f"{what}: cut off")
        return data[at - count : at]

    while at < len(data):
        start = at
        page = take(int.from_bytes(take(2), "big"))
        named = [page[slot : slot + 32] for slot in range(1, len(page), 32)] if page[:1] == b"\x03" and len(page) == 513 else []
        # Each once: the slots of one page stand side by side.
        named = dict.fromkeys(name for name in named if name != bytes(32))
        places = {name: (part_path(*(int.from_bytes(take(size), "big") for size in (8, 4))), int.from_bytes(take(2), "big")) for name in named}
        pages[start] = page, places
    return pages


# Statements, docs/keys.md "Envelopes" and "Bundles".

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def strict_json(data, what):
    def once(pairs):
        names = [name for name, _ in pairs]
        require(len(names) == len(set(names)), f"{what}: a name that stands twice")
        return dict(pairs)

    try:
        return json.loads(data.decode(), object_pairs_hook=once)
    except ValueError as error:
        raise Refused(f"{what}: not JSON: {error}") from None


def installed_of(statement):
    """The digest of the files that the published wheel leaves where it is installed, docs/statements.md "Installed files"."""
    published, *members = statement["subject"]
    if not published["name"].endswith(".whl") or published.get("annotations", {}).get("members") != len(members):
        return None
    added = ("INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json", "RECORD", "RECORD.jws", "RECORD.p7s")
    files = {}
    for member in members:
        path = member["name"]
        folder, slash, rest = path.partition("/")
        if slash and folder.endswith(".data"):
            if not rest.startswith(("purelib/", "platlib/")):
                continue
            path = rest[len("purelib/") :]
        elif slash and folder.endswith(".dist-info") and rest in added:
            continue
        if path in files:
            return None
        files[path] = member["digest"]["sha256"]
    rows = [f"{files[path]} {len(path.encode())} {path}\n" for path in sorted(files, key=str.encode)]
    return sha256("".join(["twinbuild installed files 1\n", *rows]).encode()).hex()


def open_envelope(data, what):
    """The envelope, its payload, and its signatures."""
    envelope = strict_json(data, what)
    try:
        require(set(envelope) == {"payload", "payloadType", "signatures"}, f"{what}: names of no envelope")
        require(envelope["payloadType"] == PAYLOAD_TYPE, f"{what}: the payload is no statement")
        require(all(set(entry) <= {"sig", "keyid"} for entry in envelope["signatures"]), f"{what}: names of no signature")
        signatures = [strict_base64(entry["sig"], what) for entry in envelope["signatures"]]
        return envelope, strict_base64(envelope["payload"], what), signatures
    except (AttributeError, KeyError, TypeError):
        raise Refused(f"{what}: no envelope") from None


def ed25519_key(pem):
    """The 32 bytes of a SubjectPublicKeyInfo (RFC 8410 section 4), and the key's id."""
    body = "".join(line for line in pem.splitlines() if line and not re.match("-----|twinbuild-key ", line))
    der = strict_base64(body, "the verdict key")
    require(len(der) == 44 and der[:12].hex() == "302a300506032b6570032100", "the verdict key is no Ed25519 key")
    return der[12:], sha256(der)


class Ledger:
    """A ledger in a folder. What is asked for is read as it is; what may be believed is the caller's to find out."""

    def __init__(self, folder, vkey):
        self.folder = pathlib.Path(folder)
        self.checkpoint = Checkpoint(self.read("checkpoint"), vkey, "checkpoint")
        self.entries, self.levels, self.pages, self.parts, self.newest = [], [], {}, {}, None
        self.left_over, self.subjects = 0, set()

    def read(self, name):
        try:
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise Refused(f"{name}: {error.strerror}") from None

    def files(self, below):
        """Paths of all files below a folder."""
        paths = sorted(path for path in (self.folder / below).rglob("*") if path.is_file())
        return [str(path.relative_to(self.folder)) for path in paths]

    def tile(self, level, number):
        """The path and the bytes of a tile or bundle of the tree, or of the full one that took its place, and the width to use of it."""
        count = self.checkpoint.size >> (0 if level == "entries" else 8 * level)
        width = min(WIDTH, count - number * WIDTH)
        require(width > 0, f"tile {number} of level {level}: the tree has none")
        path = tile_path(level, number, width)
        if not (self.folder / path).exists() and (self.folder / tile_path(level, number, WIDTH)).exists():
            path = tile_path(level, number, WIDTH)
        return path, self.read(path), width

    def read_entries(self):
        """All entries, and with them the hashes of all levels; their root has to be that of the checkpoint."""
        for number in range((self.checkpoint.size + WIDTH - 1) // WIDTH):
            path, data, width = self.tile("entries", number)
            entries = split_bundle(data, path)
            require(len(entries) == parse_tile_path(path)[2], f"{path}: {len(entries)} entries")
            self.entries += entries[:width]
        hashes = [leaf_hash(entry) for entry in self.entries]
        require(root_of(hashes) == self.checkpoint.root, "tile/entries: the entries do not give the checkpoint's root")
        while hashes:
            self.levels.append(hashes)
            hashes = [root_of(hashes[at : at + WIDTH]) for at in range(0, len(hashes) - WIDTH + 1, WIDTH)]

    def check_tiles(self):
        """Every tile and bundle that is there, of this tree and of smaller ones, against the entries; and that none is missing."""
        for level, hashes in enumerate(self.levels):
            for number in range((len(hashes) + WIDTH - 1) // WIDTH):
                self.tile(level, number)
        for path in self.files("tile"):
            level, number, width = parse_tile_path(path)
            first = number * WIDTH
            if level == "entries":
                held = self.entries[first : first + width]
                found = [len(entry).to_bytes(2, "big") + entry for entry in held]
            else:
                held = found = self.levels[level][first : first + width] if level < len(self.levels) else []
            if len(held) < width:
                self.left_over += 1
            else:
                require(self.read(path) == b"".join(found), f"{path}: altered")

    def inclusion_from_tiles(self, index):
        """The inclusion proof of an entry from tiles of hashes alone (RFC 6962 section 2.1.1)."""

        def over(low, high):
            size = high - low
            if size & (size - 1) == 0 and low % size == 0:
                level = (size.bit_length() - 1) // 8
                each = WIDTH**level
                path, data, width = self.tile(level, low // (WIDTH * each))
                require(len(data) == 32 * parse_tile_path(path)[2] and len(data) >= 32 * width, f"{path}: {len(data)} bytes")
                first = low // each % WIDTH
                return root_of([data[32 * at : 32 * at + 32] for at in range(first, first + size // each)])
            split = low + (1 << (size - 1).bit_length() - 1)
            return node_hash(over(low, split), over(split, high))

        proof, low, high = [], 0, self.checkpoint.size
        while high - low > 1:
            split = low + (1 << (high - low - 1).bit_length() - 1)
            if index < split:
                proof.append(over(split, high))
                high = split
            else:
                proof.append(over(low, split))
                low = split
        return proof[::-1]

    def check_inclusion(self, index):
        what = f"entry {index}"
        leaf = leaf_hash(self.entries[index])
        root = root_by_proof(index, self.checkpoint.size, leaf, self.inclusion_from_tiles(index), what)
        require(root == self.checkpoint.root, f"{what}: its tiles do not lead to the checkpoint's root")

    def check_entries(self):
        """Each entry, and each index against the entries before it."""
        newest, time, last = {}, "", None
        for number, data in enumerate(self.entries):
            what = f"entry {number}"
            last = parse_entry(data, what)
            require(time <= last["time"], f"{what}: earlier than the entry before it")
            time = last["time"]
            if last["kind"] == "index":
                records = sorted((key, *value) for key, value in newest.items())
                root = make_page(records, 0, self.pages)
                require(root.hex() == last["root"] and len(records) == int(last["size"]), f"{what}: not the index of the entries")
                self.newest = root, newest
            elif last["kind"] in DECISIVE:
                self.subjects.add(last["subject"])
                for key in filter(None, (last["subject"], last["installed"])):
                    newest[bytes.fromhex(key)] = bytes.fromhex(last["payload"]), number
        require(last and last["kind"] == "index", "the last entry is no index")

    def check_pages(self):
        """Every page that is there against the indexes, and each key of the newest one by the pages on its way."""
        for path in self.files("index"):
            match = re.fullmatch("index/([0-9]+)/([0-9]{3})-([0-9]+)", path)
            entry = int(match[1] + match[2]) if match else self.checkpoint.size
            if entry >= self.checkpoint.size or parse_entry(self.entries[entry], path)["kind"] != "index":
                self.left_over += 1
                continue
            for page, places in self.part(path).values():
                require(sha256(page) in self.pages, f"{path}: a page of no index")
                for named, place in places.items():
                    require(self.page_at(place, named), f"{path}: says that {named.hex()} is elsewhere, and it is not")
        root, newest = self.newest
        for key, value in newest.items():
            require(self.look_up(root, key) == value, f"index: another value of {key.hex()} than the entries give")
            absent = sha256(key)
            require(self.look_up(root, absent) == newest.get(absent), f"index: has {absent.hex()}, and no entry is about it")

    def part(self, path):
        """The pages of a part by their offsets, each with where the pages are that it names."""
        if path not in self.parts:
            self.parts[path] = split_part(self.read(path), path)
        return self.parts[path]

    def page_at(self, place, name):
        path, offset = place
        found = self.part(path).get(offset)
        require(found and sha256(found[0]) == name, f"{path}: does not have the page {name.hex()} at {offset}")
        return found

    def look_up(self, root, key):
        name, depth, place = root, 0, (part_path(self.checkpoint.size - 1, 0), 0)
        while True:
            page, places = (b"\x02", {}) if name == sha256(b"\x02") else self.page_at(place, name)
            if page[0] == 2:
                records = [page[at : at + 72] for at in range(1, len(page), 72)]
                return next(((r[32:64], int.from_bytes(r[64:], "big")) for r in records if r[:32] == key), None)
            slot = 1 + 32 * digit(key, depth)
            name, depth = page[slot : slot + 32], depth + 1
            if name == bytes(32):
                return None
            place = places[name]

    def check_statements(self, verdict_key):
        for number, data in enumerate(self.entries):
            entry = parse_entry(data, f"entry {number}")
            if entry["kind"] == "index":
                continue
            payload_hash = entry["payload"]
            path = f"statements/{number // 1000}/{number % 1000:03}-{payload_hash}"
            what = f"{path}.dsse.json"
            envelope, payload, signatures = open_envelope(self.read(what), what)
            require(sha256(payload).hex() == payload_hash, f"{what}: another statement than entry {number} has")
            if entry["kind"] == "verdict" and entry["installed"]:
                require(installed_of(strict_json(payload, what)) == entry["installed"], f"{what}: other files than entry {number} has")
            if (self.folder / f"{path}.sigstore.json").exists():
                bundle = strict_json(self.read(f"{path}.sigstore.json"), f"{path}.sigstore.json")
                expected = {
                    "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
                    "verificationMaterial": {"publicKey": {"hint": base64.b64encode(verdict_key[1]).decode()}, "tlogEntries": []},
                    "dsseEnvelope": envelope,
                }
                require(bundle == expected, f"{path}.sigstore.json: not the bundle of the envelope")
            message = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
            held = any(ed25519_holds(verdict_key[0], message, signature) for signature in signatures)
            require(held, f"{what}: no signature of the verdict key holds")


def main():
    parser = argparse.ArgumentParser(description="Checks a ledger, and shares no code with what wrote it.")
    parser.add_argument("ledger")
    parser.add_argument("vkey")
    parser.add_argument("--verdict-key", metavar="PEM")
    parser.add_argument("--proof", nargs=2, metavar=("ENTRY", "PROOF"))
    arguments = parser.parse_args()
    try:
        vkey = Vkey(arguments.vkey)
        ledger = Ledger(arguments.ledger, vkey)
        size = ledger.checkpoint.size
        ledger.read_entries()
        ledger.check_tiles()
        ledger.check_entries()
        ledger.check_pages()
        for index in {0, size // 3, size // 2, size - 1}:
            ledger.check_inclusion(index)
        if arguments.verdict_key:
            ledger.check_statements(ed25519_key(pathlib.Path(arguments.verdict_key).read_text()))
        if arguments.proof:
            entry, path = pathlib.Path(arguments.proof[0]).read_bytes(), arguments.proof[1]
            proof = Proof(pathlib.Path(path).read_bytes(), path)
            checkpoint = Checkpoint(proof.checkpoint, vkey, path)
            root = root_by_proof(proof.index, checkpoint.size, leaf_hash(entry), proof.hashes, path)
            require(root == checkpoint.root, f"{path}: does not lead to the checkpoint's root")
    except Refused as error:
        print(f"second_reader: {error}", file=sys.stderr)
        return 1
    print(f"{size} entries, {len(ledger.subjects)} subjects, {ledger.left_over} files that nothing leads to")
    return 0


if __name__ == "__main__":
    sys.exit(main())
