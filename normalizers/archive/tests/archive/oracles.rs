//! Readers in real use, as programs: CPython, GNU tar, Info-ZIP's unzip and 7-Zip. Honest archives they read as this crate
//! does, and changed ones that this crate accepts without an anomaly as well, or not at all.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use flate2::GzBuilder;
use twinbuild_archive::{Archive, Fields, Format, Limits, Member, MemberKind, contents, read};
use twinbuild_subject::Sha256;

use crate::compress::{bzip2, lzma, xz, zstd};
use crate::gzip::gzip;
use crate::raw_tar::{self, gnu_long, pax, seal};
use crate::raw_zip::{Entry, Zip, extra};

const SEEDS: u64 = 24;
/// Changed archives for each honest one.
const CHANGES: u64 = 48;

/// A generator of numbers, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let (length, spread) = (self.below(most), 1 + self.below(255));
        (0..length).map(|_| u8::try_from(self.below(spread)).unwrap()).collect()
    }

    fn name(&mut self, number: usize) -> String {
        let folder = ["", "d/", "d/e/", "a folder/", "D.x/"][self.below(5)];
        let name = ["a", "module.py", "with space", "naïve", "-dash", "x+y"][self.below(6)];
        format!("{folder}{number}{name}")
    }
}

/// What a reader says of one member. Of directories the slash at the end is left out.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    name: Vec<u8>,
    kind: char,
    mode: Option<u32>,
    sha256: Option<String>,
}

fn honest_zip(seed: u64) -> Vec<u8> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut entries = vec![];
    for number in 0..1 + random.below(6) {
        let (name, content) = (random.name(number), random.bytes(2000));
        let flags = if name.is_ascii() { 0 } else { 1 << 11 };
        let mut entry = match random.below(8) {
            0 => Entry::directory(&format!("{name}/")),
            1 => Entry::stored(name, &content),
            2 => Entry { needed: 46, ..Entry::compressed(name, &content, 12, bzip2(&content)) },
            3 => Entry { needed: 63, ..Entry::compressed(name, &content, 14, lzma(&content, false)) },
            4 => Entry::streamed(name, &content),
            _ => Entry::deflated(name, &content),
        };
        entry.flags |= flags;
        if !entry.name.ends_with(b"/") {
            entry.external = [0o100_644, 0o100_755, 0o100_600, 0][random.below(4)] << 16;
        }
        if random.below(4) == 0 {
            entry.local_extra = extra(0x5455, &[1, 1, 2, 3, 4]);
        }
        entries.push(entry);
    }
    Zip::of(entries).bytes()
}

fn honest_tar(seed: u64) -> Vec<u8> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut members = vec![];
    let mut last = None;
    for number in 0..1 + random.below(6) {
        let (name, content) = (random.name(number), random.bytes(2000));
        match random.below(7) {
            0 => members.push(raw_tar::directory(&format!("{name}/"))),
            1 => members.push(raw_tar::link(&name, b'2', "../target")),
            2 if last.is_some() => members.push(raw_tar::link(&name, b'1', last.as_deref().unwrap())),
            3 => {
                let long = format!("{}/{name}", "long".repeat(30));
                members.push(pax(b'x', &[("path", long.as_bytes()), ("mtime", b"1700000000.25")]));
                members.push(raw_tar::file("short", &content));
            }
            4 => {
                members.push(gnu_long(b'L', format!("{}/{name}", "long".repeat(30)).as_bytes()));
                members.push(raw_tar::file("short", &content));
            }
            _ => {
                members.push(raw_tar::file(&name, &content));
                last = Some(name);
            }
        }
    }
    raw_tar::tar(&members)
}

/// A few bytes changed; in a tar the checksums are made right again.
fn changed(bytes: &[u8], format: Format, seed: u64) -> Vec<u8> {
    let mut random = Random(seed.wrapping_mul(0xd134_2543_de82_ef95) | 1);
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + random.below(3) {
        // Mostly where headers are.
        let at = match (format, random.below(4)) {
            (Format::Zip, 0..3) => bytes.len() - 1 - random.below(bytes.len().min(400)),
            (Format::Tar, 0..3) => random.below(bytes.len() / 512) * 512 + random.below(345),
            _ => random.below(bytes.len()),
        };
        bytes[at] = [0, b'/', b'.', b'0', b'7', b'5', 0xff, bytes[at] ^ 1, bytes[at] ^ 0x80][random.below(9)];
    }
    if format == Format::Tar {
        bytes.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar").for_each(seal);
    }
    bytes
}

fn run(program: &str, package: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| panic!("{program} does not start ({error}): install the package {package}"))
}

fn ours(archive: &Archive) -> Vec<Seen> {
    let seen = |member: &Member| {
        let kind = match &member.kind {
            MemberKind::File => 'f',
            MemberKind::Directory => 'd',
            MemberKind::Symlink { .. } => 'l',
            MemberKind::Hardlink { .. } => 'h',
        };
        let name = member.path.as_bytes();
        Seen {
            name: name.strip_suffix(b"/").unwrap_or(name).to_vec(),
            kind,
            mode: member.mode,
            sha256: member.sha256.map(|sha256| hex(sha256.as_bytes())),
        }
    };
    archive.members.iter().map(seen).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// What CPython reads from each file of the folder; `None` where it fails.
fn by_cpython(folder: &Path) -> BTreeMap<String, Option<Vec<Seen>>> {
    let output = run("python3", "python3", &["-c", include_str!("oracles.py"), folder.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut read = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let fields: Vec<_> = line.split('\t').collect();
        match fields.as_slice() {
            [file, "failed"] => drop(read.insert((*file).to_owned(), None)),
            [file, "read"] => drop(read.insert((*file).to_owned(), Some(vec![]))),
            [file, name, kind, mode, sha256] => {
                let name = unhex(name);
                read.get_mut(*file).and_then(Option::as_mut).unwrap().push(Seen {
                    name: name.strip_suffix(b"/").unwrap_or(&name).to_vec(),
                    kind: kind.chars().next().unwrap(),
                    mode: (*mode != "-").then(|| u32::from_str_radix(mode, 8).unwrap()),
                    sha256: (*sha256 != "-").then(|| (*sha256).to_owned()),
                });
            }
            other => panic!("{other:?}"),
        }
    }
    read
}

/// The contents of all files and, in a zip, of all links, one after the other.
fn all_contents(bytes: &[u8], archive: &Archive) -> Vec<u8> {
    let mut all = vec![];
    for (index, member) in archive.members.iter().enumerate() {
        if member.is_file() {
            all.extend(contents(bytes, archive, index, member.size_bytes).unwrap());
        }
    }
    all
}

/// Names that every program prints as they are.
fn has_plain_names(archive: &Archive) -> bool {
    let is_plain = |c: char| !c.is_control() && !"\\*?[]".contains(c);
    archive.members.iter().all(|member| member.path.as_str().is_some_and(|name| name.chars().all(is_plain)))
}

fn lines(output: &Output) -> Vec<Vec<u8>> {
    let text = output.stdout.strip_suffix(b"\n").unwrap_or(&output.stdout);
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| line.strip_suffix(b"/").unwrap_or(line).to_vec()).collect()
}

/// Lists names and contents by GNU tar.
fn assert_tar_agrees(path: &str, bytes: &[u8], archive: &Archive, must_read: bool) {
    let list = run("tar", "tar", &["--list", "--quoting-style=literal", "--file", path]);
    assert!(list.status.success() || !must_read, "{path}: {}", String::from_utf8_lossy(&list.stderr));
    if !list.status.success() {
        return;
    }
    let names: Vec<_> = ours(archive).into_iter().map(|seen| seen.name).collect();
    assert!(!has_plain_names(archive) || lines(&list) == names, "{path}: GNU tar lists {:?}", lines(&list));
    let all = run("tar", "tar", &["--extract", "--to-stdout", "--file", path]);
    if all.status.success() {
        assert_eq!(Sha256::of(&all.stdout), Sha256::of(&all_contents(bytes, archive)), "{path}: GNU tar");
    }
}

/// Lists names and contents by unzip, which has neither LZMA nor links.
fn assert_unzip_agrees(path: &str, bytes: &[u8], archive: &Archive, must_read: bool) {
    let is_known = |member: &Member| {
        matches!(&member.fields, Fields::Zip(fields) if matches!(fields.central.method, 0 | 8 | 12))
            && !matches!(member.kind, MemberKind::Symlink { .. })
    };
    if !archive.members.iter().all(is_known) {
        return;
    }
    let list = run("unzip", "unzip", &["-Z1", path]);
    let all = run("unzip", "unzip", &["-p", path]);
    let is_read = list.status.success() && all.status.success();
    assert!(is_read || !must_read, "{path}: unzip: {}", String::from_utf8_lossy(&all.stderr));
    if is_read {
        let names: Vec<_> = ours(archive).into_iter().map(|seen| seen.name).collect();
        assert!(!has_plain_names(archive) || lines(&list) == names, "{path}: unzip lists {:?}", lines(&list));
        assert_eq!(Sha256::of(&all.stdout), Sha256::of(&all_contents(bytes, archive)), "{path}: unzip");
    }
}

/// Lists names and sizes by 7-Zip.
fn assert_7z_agrees(path: &str, archive: &Archive, must_read: bool) {
    let list = run("7z", "p7zip-full", &["l", "-slt", "-ba", path]);
    let test = run("7z", "p7zip-full", &["t", path]);
    let is_read = list.status.success() && test.status.success();
    assert!(is_read || !must_read, "{path}: 7z: {}", String::from_utf8_lossy(&test.stdout));
    if !is_read || !has_plain_names(archive) {
        return;
    }
    let text = String::from_utf8_lossy(&list.stdout).into_owned();
    let values = |key: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix(key)).map(str::to_owned).collect()
    };
    let names: Vec<_> = ours(archive).into_iter().map(|seen| String::from_utf8(seen.name).unwrap()).collect();
    assert_eq!(values("Path = "), names, "{path}: 7z");
    let sizes: Vec<_> = archive.members.iter().map(|member| member.size_bytes).collect();
    let theirs: Vec<u64> = values("Size = ").iter().map(|size| size.parse().unwrap_or(0)).collect();
    let is_link = |member: &Member| matches!(member.kind, MemberKind::Symlink { .. } | MemberKind::Hardlink { .. });
    // Of a link it gives the size of what it would write.
    for ((ours, theirs), member) in sizes.iter().zip(&theirs).zip(&archive.members) {
        assert!(ours == theirs || is_link(member), "{path}: 7z gives `{}` the size {theirs}", member.path);
    }
}

/// Honest archives, and changed ones that are accepted without an anomaly, laid out in a folder under numbered names.
fn cases(format: Format, honest: fn(u64) -> Vec<u8>) -> Vec<(String, Vec<u8>, bool)> {
    let ending = if format == Format::Zip { "zip" } else { "tar" };
    let mut cases = vec![];
    for seed in 1..=SEEDS {
        let bytes = honest(seed);
        assert_eq!(crate::anomalies(&bytes, format), [""; 0], "{seed}");
        for change in 1..=CHANGES {
            let changed = changed(&bytes, format, seed * 1000 + change);
            if read(&changed, format, &Limits::default()).is_ok_and(|archive| archive.anomalies.is_empty()) {
                cases.push((format!("{seed:03}-changed-{change:03}.{ending}"), changed, false));
            }
        }
        cases.push((format!("{seed:03}.{ending}"), bytes, true));
    }
    cases
}

fn assert_all_agree(format: Format, honest: fn(u64) -> Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let cases = cases(format, honest);
    let changed = cases.iter().filter(|(_, _, is_honest)| !is_honest).count();
    assert!(changed >= 10, "only {changed} changed archives are accepted");
    for (name, bytes, _) in &cases {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let cpython = by_cpython(folder.path());
    for (name, bytes, is_honest) in &cases {
        let archive = crate::ok(bytes, format);
        match &cpython[name] {
            Some(theirs) => assert_eq!(*theirs, ours(&archive), "{name}: CPython"),
            None => assert!(!is_honest, "{name}: CPython fails"),
        }
        let path = folder.path().join(name);
        let path = path.to_str().unwrap();
        if format == Format::Zip {
            assert_unzip_agrees(path, bytes, &archive, *is_honest);
        } else {
            assert_tar_agrees(path, bytes, &archive, *is_honest);
        }
        assert_7z_agrees(path, &archive, *is_honest);
    }
}

#[test]
fn zip_files_are_read_as_cpython_unzip_and_7z_read_them() {
    assert_all_agree(Format::Zip, honest_zip);
}

#[test]
fn tars_are_read_as_cpython_gnu_tar_and_7z_read_them() {
    assert_all_agree(Format::Tar, honest_tar);
}

#[test]
fn compressed_tars_are_read_as_gnu_tar_and_cpython_read_them() {
    let folder = tempfile::tempdir().unwrap();
    let tar = honest_tar(7);
    // GNU tar calls these.
    for (program, package) in [("gzip", "gzip"), ("xz", "xz-utils"), ("bzip2", "bzip2"), ("zstd", "zstd")] {
        run(program, package, &["--version"]);
    }
    let files = [
        (Format::TarGz, "a.tar.gz", gzip(GzBuilder::new(), &tar)),
        (Format::TarXz, "a.tar.xz", xz(&tar)),
        (Format::TarBz2, "a.tar.bz2", bzip2(&tar)),
        (Format::TarBz2, "two-streams.tar.bz2", [bzip2(&tar[..700]), bzip2(&tar[700..])].concat()),
        (Format::TarZst, "a.tar.zst", zstd(&tar)),
        (Format::TarZst, "two-frames.tar.zst", [zstd(&tar[..700]), zstd(&tar[700..])].concat()),
    ];
    for (_, name, bytes) in &files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let cpython = by_cpython(folder.path());
    for (format, name, bytes) in &files {
        let archive = crate::ok(bytes, *format);
        // CPython reads zstd from 3.14 on.
        match &cpython[*name] {
            Some(theirs) => assert_eq!(*theirs, ours(&archive), "{name}: CPython"),
            None => assert_eq!(*format, Format::TarZst, "{name}: CPython fails"),
        }
        assert_tar_agrees(folder.path().join(name).to_str().unwrap(), bytes, &archive, true);
    }
}
