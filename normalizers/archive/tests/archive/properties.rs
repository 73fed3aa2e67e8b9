//! What holds for every input: no panic, every byte in one tile, and what is read here others read alike.

use flate2::GzBuilder;
use proptest::prelude::*;
use twinbuild_archive::{Archive, Format, Limits, MemberKind, ReadError, contents, read};

use crate::compress::{self, bzip2, lzma, zstd};
use crate::gzip::{gzip, xz};
use crate::raw_tar::{self, directory, link, pax, seal};
use crate::raw_zip::{Entry, Zip, extra};
use crate::tools::{assert_tar_crate_agrees, assert_zip_crates_agree, by_tar, by_zip, by_zip_streaming};
use crate::{ar, assert_tiled};

const FORMATS: [Format; 12] = [
    Format::Zip,
    Format::TarGz,
    Format::TarXz,
    Format::TarBz2,
    Format::TarZst,
    Format::Tar,
    Format::Gzip,
    Format::Xz,
    Format::Bzip2,
    Format::Zstd,
    Format::Ar,
    Format::Deb,
];
/// What makes random bytes look like each of them.
const MAGICS: [&[u8]; 8] = [
    b"",
    b"PK\x03\x04",
    b"\x1f\x8b\x08",
    b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46",
    b"BZh91AY&SY",
    b"\x28\xb5\x2f\xfd\0\0",
    b"\x28\xb5\x2f\xfd\0\x28\x05\x10\0",
    b"!<arch>\n",
];

/// More cases by `PROPTEST_CASES`.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(512), failure_persistence: None, ..config }
}

fn limits() -> Limits {
    Limits { member_bytes: 1 << 20, total_bytes: 4 << 20, decoder_memory_kib: 128 << 10, ..Limits::default() }
}

fn files() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let name = "[a-c]{1,3}(/[a-c]{1,3}){0,2}";
    let contents = proptest::collection::vec(any::<u8>(), 0..600);
    proptest::collection::btree_map(name, contents, 0..6).prop_map(|files| files.into_iter().collect())
}

/// Bytes put over others, bytes put in, and a cut; positions are taken modulo the size.
#[derive(Debug, Clone)]
enum Change {
    Over(usize, Vec<u8>),
    Into(usize, Vec<u8>),
    Cut(usize, usize),
    Copy(usize, usize, usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let bytes = || {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 1..5),
            Just(b"PK\x03\x04".to_vec()),
            Just(b"PK\x01\x02".to_vec()),
            Just(b"PK\x05\x06".to_vec()),
            Just(vec![0; 4]),
            Just(vec![0xff; 4]),
        ]
    };
    let change = prop_oneof![
        6 => (any::<usize>(), bytes()).prop_map(|(at, bytes)| Change::Over(at, bytes)),
        1 => (any::<usize>(), bytes()).prop_map(|(at, bytes)| Change::Into(at, bytes)),
        1 => (any::<usize>(), 1..600_usize).prop_map(|(at, length)| Change::Cut(at, length)),
        1 => (any::<usize>(), any::<usize>(), 1..600_usize).prop_map(|(from, to, length)| Change::Copy(from, to, length)),
    ];
    proptest::collection::vec(change, 0..4)
}

fn apply(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let size = bytes.len();
        let within = |at: &usize| at % (size + 1);
        match change {
            Change::Over(at, with) => {
                let at = within(at);
                let end = (at + with.len()).min(size);
                bytes[at..end].copy_from_slice(&with[..end - at]);
            }
            Change::Into(at, with) => drop(bytes.splice(within(at)..within(at), with.iter().copied())),
            Change::Cut(at, length) => drop(bytes.drain(within(at)..(within(at) + length).min(size))),
            Change::Copy(from, to, length) => {
                let piece = bytes[within(from)..(within(from) + length).min(size)].to_vec();
                drop(bytes.splice(within(to)..within(to), piece));
            }
        }
    }
    bytes
}

/// Reads whatever it is; where that works, the promises hold.
fn check(bytes: &[u8], format: Format) -> Option<Archive> {
    let archive = match read(bytes, format, &limits()) {
        Ok(archive) => archive,
        Err(ReadError::Malformed(lie)) => {
            assert!(!lie.code().is_empty() && !lie.to_string().is_empty());
            return None;
        }
        Err(ReadError::Limit(_) | ReadError::Unsupported(_)) => return None,
        Err(error) => panic!("{error:?}"),
    };
    assert_tiled(&archive, bytes.len());
    for (index, member) in archive.members.iter().enumerate() {
        if member.kind == MemberKind::File {
            let read = contents(bytes, &archive, index, member.size_bytes).unwrap();
            assert_eq!(read.len() as u64, member.size_bytes);
        }
    }
    Some(archive)
}

fn zip_seed() -> impl Strategy<Value = Vec<u8>> {
    let noted = Zip::of([
        Entry { extra: extra(0x7875, b"owners"), comment: b"c".to_vec(), ..Entry::stored("a", b"twin") },
        Entry::directory("d/"),
        Entry::link("d/l", b"../a"),
        Entry::streamed("d/s", b"streamed"),
    ]);
    let zip64 = Zip { zip64: true, prefix: vec![7; 9], gap: vec![8; 9], ..noted.clone() };
    prop_oneof![
        files().prop_map(|files| by_zip(&files, true)),
        files().prop_map(|files| by_zip(&files, false)),
        files().prop_map(|files| by_zip_streaming(&files)),
        Just(noted.bytes()),
        Just(zip64.bytes()),
    ]
}

/// A zip file with a member of each method that the `zip` crate does not read here.
fn methods_seed() -> Vec<u8> {
    let text = b"twin twin build build\n".repeat(20);
    let methods = [(12, bzip2(&text)), (14, lzma(&text, false)), (93, zstd(&text)), (95, compress::xz(&text))];
    let entry = |(method, data)| Entry { needed: 63, ..Entry::compressed(format!("m{method}"), &text, method, data) };
    Zip::of(methods.map(entry)).bytes()
}

fn tar_seed() -> impl Strategy<Value = Vec<u8>> {
    let rich = raw_tar::tar(&[
        pax(b'g', &[("comment", b"0123")]),
        directory("d/"),
        pax(b'x', &[("path", b"d/long"), ("mtime", b"1.5"), ("size", b"4")]),
        raw_tar::file("d/short", b"twin"),
        link("d/l", b'2', "../d"),
        link("d/h", b'1', "d/long"),
    ]);
    prop_oneof![files().prop_map(|files| by_tar(&files)), Just(rich)]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn random_bytes_never_panic(magic in 0..MAGICS.len(), bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let bytes = [MAGICS[magic], &bytes].concat();
        for format in FORMATS {
            check(&bytes, format);
        }
    }

    #[test]
    fn a_changed_zip_file_is_refused_or_read_as_others_read_it(seed in zip_seed(), changes in changes()) {
        let bytes = apply(seed, &changes);
        if let Some(archive) = check(&bytes, Format::Zip) {
            assert_zip_crates_agree(&bytes, &archive);
        }
    }

    #[test]
    fn a_changed_zip_file_of_other_methods_keeps_the_promises(changes in changes()) {
        check(&apply(methods_seed(), &changes), Format::Zip);
    }

    #[test]
    fn a_changed_tar_is_refused_or_keeps_the_promises(seed in tar_seed(), changes in changes()) {
        let mut bytes = apply(seed, &changes);
        check(&bytes, Format::Tar);
        for block in bytes.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
            seal(block);
        }
        check(&bytes, Format::Tar);
        check(&gzip(GzBuilder::new(), &bytes), Format::TarGz);
    }

    #[test]
    fn a_tar_of_the_tar_crate_with_changes_is_read_as_it_reads_it(files in files(), changes in changes()) {
        let mut bytes = apply(by_tar(&files), &changes);
        for block in bytes.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
            seal(block);
        }
        let archive = check(&bytes, Format::Tar);
        // The tar crate alone refuses the signed checksum of old tars.
        let is_signed = |archive: &Archive| archive.anomalies.iter().any(|found| found.code == "tar-signed-checksum");
        if let Some(archive) = archive.filter(|archive| !is_signed(archive)) {
            assert_tar_crate_agrees(&bytes, &archive);
        }
    }

    #[test]
    fn a_changed_gzip_or_xz_file_never_panics(files in files(), changes in changes()) {
        check(&apply(gzip(GzBuilder::new().filename("n"), &by_tar(&files)), &changes), Format::TarGz);
        check(&apply(xz("crc64"), &changes), Format::TarXz);
    }

    #[test]
    fn a_changed_bzip2_or_zstd_file_keeps_the_promises(files in files(), changes in changes()) {
        let tar = by_tar(&files);
        let (bzip2, zstd) = (bzip2(&tar), zstd(&tar));
        check(&apply(bzip2.clone(), &changes), Format::TarBz2);
        check(&apply([bzip2.clone(), bzip2].concat(), &changes), Format::Bzip2);
        check(&apply(zstd.clone(), &changes), Format::TarZst);
        check(&apply([b"\x50\x2a\x4d\x18\0\0\0\0".to_vec(), zstd.clone(), zstd].concat(), &changes), Format::Zstd);
        check(&apply(gzip(GzBuilder::new(), &tar), &changes), Format::Gzip);
        check(&apply(compress::xz(&tar), &changes), Format::Xz);
    }

    #[test]
    fn a_changed_ar_file_keeps_the_promises(changes in changes()) {
        check(&apply(ar::library(), &changes), Format::Ar);
    }
}
