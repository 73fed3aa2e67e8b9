//! The readers of archives.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read as _};
use std::sync::OnceLock;

use twinbuild_archive::{Archive, Format, Limits, Member, MemberKind, ReadError, contents, read, read_beside, visit};
use twinbuild_subject::{MemberPath, Sha256};

use crate::sums;

/// What reading may cost here: small, so that whoever goes over it is seen.
pub(crate) const LIMITS: Limits = Limits {
    member_bytes: 1 << 20,
    total_bytes: 4 << 20,
    ratio: 300,
    ratio_floor_bytes: 1 << 18,
    members: 2_000,
    name_bytes: 4096,
    header_bytes: 1 << 20,
    anomalies: 1_000,
    decoder_memory_kib: 16 << 10,
};

/// Members up to this size are read again one by one.
const SMALL_BYTES: u64 = 1 << 16;
/// How many of them: each one reads the archive again.
const MOST_READ_AGAIN: usize = 8;

/// Whatever the bytes are, reading them as a zip file fails by a typed error or keeps the promises of an archive, and
/// then the `zip` crate finds the same members with the same contents. The same holds of the bytes with true sums.
pub fn read_zip(bytes: &[u8]) {
    for bytes in with(bytes, sums::seal_zip(bytes)) {
        if let Some(archive) = holds(&bytes, Format::Zip) {
            zip_crate_agrees(&bytes, &archive);
            reads_the_same_beside(&bytes, &archive, &bytes);
        }
        let (honest, archive) = honest_wheel();
        reads_the_same_beside(&bytes, archive, honest);
    }
}

/// Reading beside another archive gives what reading alone gives, an error included.
fn reads_the_same_beside(bytes: &[u8], other: &Archive, other_bytes: &[u8]) {
    let alone = read(bytes, Format::Zip, &LIMITS);
    let beside = read_beside(bytes, Format::Zip, &LIMITS, other, &other_bytes);
    match (alone, beside) {
        (Ok(alone), Ok(beside)) => assert_eq!(alone, beside),
        (Err(alone), Err(beside)) => assert_eq!(format!("{alone:?}"), format!("{beside:?}")),
        (alone, beside) => panic!("alone: {:?}, beside: {:?}", alone.err(), beside.err()),
    }
}

/// A wheel that many seeds share members with.
fn honest_wheel() -> &'static (Vec<u8>, Archive) {
    static WHEEL: OnceLock<(Vec<u8>, Archive)> = OnceLock::new();
    WHEEL.get_or_init(|| {
        let bytes = twinbuild_hostile_corpus::honest_wheel();
        let archive = read(&bytes, Format::Zip, &LIMITS).unwrap();
        (bytes, archive)
    })
}

/// The same of a tar, and of a tar with true checksums.
pub fn read_tar(bytes: &[u8]) {
    for bytes in with(bytes, sums::seal_tar(bytes)) {
        holds(&bytes, Format::Tar);
    }
}

/// The same of a tar in gzip; bytes that are no gzip file are also read as the tar in one.
pub fn read_tar_gz(bytes: &[u8]) {
    let other =
        if bytes.starts_with(&[0x1f, 0x8b]) { sums::seal_gzip(bytes) } else { sums::in_gzip(&sums::seal_tar(bytes)) };
    for bytes in with(bytes, other) {
        holds_as_its_tar(&bytes, Format::TarGz, Format::Gzip);
    }
}

/// The same of a tar in xz; bytes that are no xz file are also read as the tar in one.
pub fn read_tar_xz(bytes: &[u8]) {
    let other = if bytes.starts_with(b"\xfd7zXZ\0") { bytes.to_vec() } else { sums::in_xz(&sums::seal_tar(bytes)) };
    for bytes in with(bytes, other) {
        holds_as_its_tar(&bytes, Format::TarXz, Format::Xz);
    }
}

/// The same of a tar in bzip2; bytes that are no bzip2 file are also read as the tar in one.
pub fn read_tar_bz2(bytes: &[u8]) {
    let other = if bytes.starts_with(b"BZh") { bytes.to_vec() } else { sums::in_bzip2(&sums::seal_tar(bytes)) };
    for bytes in with(bytes, other) {
        holds_as_its_tar(&bytes, Format::TarBz2, Format::Bzip2);
    }
}

/// The same of a tar in zstd; bytes that are no zstd file are also read as the tar in one.
pub fn read_tar_zst(bytes: &[u8]) {
    let is_zstd = Format::of_magic(bytes) == Some(Format::Zstd);
    let other = if is_zstd { bytes.to_vec() } else { sums::in_zstd(&sums::seal_tar(bytes)) };
    for bytes in with(bytes, other) {
        holds_as_its_tar(&bytes, Format::TarZst, Format::Zstd);
    }
}

/// The compressed formats that hold one file.
const COMPRESSED: [Format; 4] = [Format::Gzip, Format::Xz, Format::Bzip2, Format::Zstd];

/// Whatever the bytes are, reading them as a compressed file fails by a typed error or keeps the promises of an archive, in
/// the one format that they begin like and in no other. Bytes that begin like none come out of each as they were put in.
pub fn read_compressed(bytes: &[u8]) {
    let told = Format::of_magic(bytes).filter(|format| COMPRESSED.contains(format));
    for format in COMPRESSED {
        let archive = holds(bytes, format);
        assert!(archive.is_none() || told == Some(format), "it reads as {format:?} and begins like {told:?}");
    }
    if told == Some(Format::Gzip) {
        holds(&sums::seal_gzip(bytes), Format::Gzip);
    }
    let is_small = u64::try_from(bytes.len()).is_ok_and(|size| size <= SMALL_BYTES);
    if told.is_none() && is_small {
        let put = [sums::in_gzip(bytes), sums::in_xz(bytes), sums::in_bzip2(bytes), sums::in_zstd(bytes)];
        for (format, file) in COMPRESSED.into_iter().zip(put) {
            let archive = holds(&file, format).expect("a compressed file that is in order");
            assert_eq!(archive.members[0].sha256, Some(Sha256::of(bytes)), "{format:?}");
        }
    }
}

/// The same of a Unix `ar` file; bytes that are none are also read as a table of long names and as a member in one.
pub fn read_ar(bytes: &[u8]) {
    holds(bytes, Format::Ar);
    if !bytes.starts_with(b"!<arch>\n") {
        holds(&sums::in_ar(&[("//", bytes), ("/0", b"twin"), ("#1/4", b"a.o\0twin")]), Format::Ar);
        holds(&sums::in_ar(&[("#1/4", bytes), ("a.o/", bytes)]), Format::Ar);
    }
}

/// The same of a `.deb`; bytes that are none are also read as its data archive, plain and in xz.
pub fn read_deb(bytes: &[u8]) {
    holds(bytes, Format::Deb);
    if !bytes.starts_with(b"!<arch>\n") {
        let tar = sums::seal_tar(bytes);
        let control = [sums::tar_entry("./control", b'0', "", b"Package: p\n"), vec![0; 1024]].concat();
        holds(&sums::in_deb(("control.tar", &control), ("data.tar", &tar)), Format::Deb);
        holds(
            &sums::in_deb(("control.tar.gz", &sums::in_gzip(&tar)), ("data.tar.xz", &sums::in_xz(&tar))),
            Format::Deb,
        );
    }
}

/// The bytes as they came, and the others where they differ.
fn with(bytes: &[u8], other: Vec<u8>) -> Vec<Vec<u8>> {
    if other == bytes { vec![other] } else { vec![bytes.to_vec(), other] }
}

/// Reads a compressed tar, which has the members of the tar that it expands to.
fn holds_as_its_tar(bytes: &[u8], format: Format, compressed: Format) {
    let Some(archive) = holds(bytes, format) else { return };
    // More than one member may have is more than the compressed file may hold.
    let Ok(file) = read(bytes, compressed, &LIMITS) else { return };
    let tar = contents(bytes, &file, 0, LIMITS.member_bytes).unwrap();
    let expanded = read(&tar, Format::Tar, &LIMITS).expect("a tar that reads compressed");
    assert_eq!(archive.members, expanded.members);
}

/// Reads `bytes`, and checks the promises of what comes out.
pub(crate) fn holds(bytes: &[u8], format: Format) -> Option<Archive> {
    let archive = match read(bytes, format, &LIMITS) {
        Ok(archive) => archive,
        Err(error) => {
            check_error(&error);
            return None;
        }
    };
    check_tiles(&archive, bytes.len());
    check_names(&archive);
    check_limits(&archive);
    for anomaly in &archive.anomalies {
        assert!(!anomaly.code.is_empty() && is_plain(&anomaly.detail), "{anomaly:?}");
    }
    let mut visited = Vec::new();
    let again = visit(bytes, format, &LIMITS, &mut |member, contents| {
        let mut read = Vec::new();
        contents.read_to_end(&mut read)?;
        visited.push((member.path.clone(), read));
        Ok(())
    });
    assert_eq!(again.as_ref().ok(), Some(&archive), "it reads otherwise the second time: {:?}", again.as_ref().err());
    check_contents(bytes, &archive, &visited);
    Some(archive)
}

/// A refusal is typed, and its text shows no terminal what the archive wants it to see.
fn check_error(error: &ReadError) {
    assert!(is_plain(&error.to_string()), "{error:?}");
    match error {
        ReadError::Malformed(lie) => assert!(!lie.code().is_empty(), "{lie:?}"),
        ReadError::Limit(limit) => assert!(limit.found > limit.allowed, "{limit:?}"),
        ReadError::Unsupported(_) => {}
        ReadError::Io { .. } | ReadError::Visitor { .. } | ReadError::Changed { .. } | ReadError::NoContents { .. } => {
            panic!("bytes in memory can be read, nothing changed them, and no visitor failed: {error:?}")
        }
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control)
}

/// Every byte of the file is in exactly one tile, in order.
fn check_tiles(archive: &Archive, size: usize) {
    let mut position = 0;
    for tile in &archive.tiles {
        assert_eq!(tile.offset, position, "{tile:?}");
        assert!(tile.length > 0, "{tile:?}");
        position += tile.length;
    }
    let size = u64::try_from(size).unwrap();
    assert_eq!((position, archive.size_bytes), (size, size), "the last tile ends at the end of the file");
}

/// All members can be laid out below a folder, each in a place of its own, and none below something that is no folder.
fn check_names(archive: &Archive) {
    let mut places: BTreeMap<Vec<&[u8]>, &Member> = BTreeMap::new();
    for member in &archive.members {
        let bytes = member.path.as_bytes();
        assert!(!bytes.contains(&0) && !bytes.starts_with(b"/"), "{member:?}");
        assert!(archive.format == Format::Deb || !bytes.contains(&b'\\'), "{member:?}");
        let components: Vec<&[u8]> = bytes.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect();
        assert!(!components.contains(&b"..".as_slice()), "{member:?}");
        let components: Vec<&[u8]> = components.into_iter().filter(|part| *part != b".").collect();
        assert_eq!(components, member.components(), "{member:?}");
        let has_drive =
            components.first().is_some_and(|first| first.get(1) == Some(&b':') && first[0].is_ascii_alphabetic());
        assert!(!has_drive, "{member:?}");
        assert!(!components.is_empty() || member.kind == MemberKind::Directory, "{member:?}");
        assert!(places.insert(components, member).is_none(), "two members in one place: {member:?}");
    }
    let others: BTreeSet<&[&[u8]]> = places
        .iter()
        .filter(|(_, member)| member.kind != MemberKind::Directory)
        .map(|(place, _)| place.as_slice())
        .collect();
    for place in places.keys() {
        for length in 0..place.len() {
            assert!(!others.contains(&place[..length]), "it lies below a file or link: {:?}", places[place]);
        }
    }
    for member in &archive.members {
        if let MemberKind::Hardlink { target } = &member.kind {
            let target = target.as_bytes().split(|byte| *byte == b'/');
            let target: Vec<&[u8]> = target.filter(|part| !matches!(*part, b"" | b".")).collect();
            assert!(places.get(&target).is_some_and(|target| target.is_file()), "it links to no file: {member:?}");
        }
    }
}

fn check_limits(archive: &Archive) {
    let count = |length: usize| u64::try_from(length).unwrap();
    assert!(count(archive.members.len()) <= LIMITS.members);
    assert!(archive.members.iter().all(|member| member.size_bytes <= LIMITS.member_bytes));
    assert!(archive.members.iter().all(|member| count(member.path.as_bytes().len()) <= LIMITS.name_bytes));
    // They are counted at the next header, and an extended header has one for each of its records, of 8 bytes or more.
    assert!(count(archive.anomalies.len()) <= LIMITS.anomalies + LIMITS.header_bytes / 8);
    assert!(archive.members.iter().map(|member| member.size_bytes).sum::<u64>() <= LIMITS.total_bytes);
}

/// The contents are those that were hashed, however they are asked for.
fn check_contents(bytes: &[u8], archive: &Archive, visited: &[(MemberPath, Vec<u8>)]) {
    assert_eq!(visited.len(), archive.members.len());
    let mut read_again = 0;
    for (index, (member, (path, seen))) in archive.members.iter().zip(visited).enumerate() {
        assert_eq!(member.path, *path);
        let is_file = member.kind == MemberKind::File;
        assert!(member.sha256.is_some() || !is_file, "{member:?}");
        if !is_file {
            assert!(contents(bytes, archive, index, SMALL_BYTES).is_err(), "{member:?}");
            continue;
        }
        assert_eq!(u64::try_from(seen.len()).unwrap(), member.size_bytes, "{member:?}");
        assert_eq!(Some(Sha256::of(seen)), member.sha256, "{member:?}");
        if member.size_bytes <= SMALL_BYTES && read_again < MOST_READ_AGAIN {
            read_again += 1;
            let read = contents(bytes, archive, index, SMALL_BYTES);
            assert_eq!(read.as_ref().ok(), Some(seen), "{member:?}: {:?}", read.as_ref().err());
        }
    }
}

/// What is read here, another reader in real use reads alike, if it reads it at all.
fn zip_crate_agrees(bytes: &[u8], archive: &Archive) {
    let Ok(mut theirs) = zip::ZipArchive::new(Cursor::new(bytes)) else { return };
    assert_eq!(theirs.len(), archive.members.len());
    for (index, member) in archive.members.iter().enumerate() {
        let Ok(file) = theirs.by_index(index) else { continue };
        assert_eq!(file.name_raw(), member.path.as_bytes());
        assert_eq!(file.is_dir(), member.kind == MemberKind::Directory, "{member:?}");
        let mut contents = Vec::new();
        if file.take(LIMITS.member_bytes + 1).read_to_end(&mut contents).is_ok() && member.is_file() {
            assert_eq!(Some(Sha256::of(&contents)), member.sha256, "{member:?}");
        }
    }
}
