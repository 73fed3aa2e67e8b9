//! Tars in bzip2 and zstd, and compressed files that are no archives.

use flate2::GzBuilder;
use twinbuild_archive::{
    CONTENTS_NAME, Container, Format, LimitKind, Limits, Modified, ReadError, TileKind, Unsupported, contents, read,
    visit,
};

use crate::compress::{bzip2, xz, zstd, zstd_raw};
use crate::gzip::gzip;
use crate::raw_tar::{file, tar};

const SKIPPABLE: &[u8] = b"\x51\x2a\x4d\x18\x04\0\0\0skip";

fn sdist() -> Vec<u8> {
    tar(&[file("p-1/PKG-INFO", b"Name: p\n")])
}

fn singles(text: &[u8]) -> [(Format, Vec<u8>); 4] {
    [
        (Format::Gzip, gzip(GzBuilder::new().filename("named").mtime(7), text)),
        (Format::Xz, xz(text)),
        (Format::Bzip2, bzip2(text)),
        (Format::Zstd, zstd(text)),
    ]
}

#[test]
fn tars_in_bzip2_and_zstd_are_read() {
    for (format, bytes) in [(Format::TarBz2, bzip2(&sdist())), (Format::TarZst, zstd(&sdist()))] {
        let archive = crate::ok(&bytes, format);
        assert_eq!(archive.anomalies, []);
        assert_eq!(contents(&bytes, &archive, 0, 100).unwrap(), b"Name: p\n");
        match &archive.container {
            Container::TarBz2 { bzip2, tar } => {
                assert_eq!((bzip2.block_size, bzip2.streams, bzip2.size_bytes, tar.size_bytes), (9, 1, 2048, 2048));
                assert_eq!(archive.tiles[0].kind, TileKind::Bzip2);
            }
            Container::TarZst { zstd, tar } => {
                assert_eq!((zstd.frames, zstd.skippable_frames, zstd.has_checksum), (1, 0, true));
                assert_eq!((zstd.size_bytes, tar.size_bytes), (2048, 2048));
                assert_eq!(archive.tiles[0].kind, TileKind::Zstd);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(crate::code(&bytes[..bytes.len() - 1], format).split_once('-').unwrap().1, "corrupt");
    }
}

#[test]
fn a_compressed_file_has_one_member_of_a_constant_name() {
    let text = b"twin\n".repeat(40_000);
    for (format, bytes) in singles(&text) {
        let archive = crate::ok(&bytes, format);
        assert_eq!(archive.anomalies, [], "{format:?}");
        let [member] = archive.members.as_slice() else { panic!("{:?}", archive.members) };
        assert_eq!((&member.path, member.size_bytes), (&CONTENTS_NAME.into(), 200_000));
        let modified = match format {
            Format::Gzip => Modified::Unix { seconds: 7, nanoseconds: 0 },
            _ => Modified::None,
        };
        assert_eq!(member.modified, modified);
        assert_eq!(contents(&bytes, &archive, 0, 200_000).unwrap(), text);
        let mut held = Vec::new();
        let visited = visit(&bytes, format, &Limits::default(), &mut |member, contents| {
            assert_eq!((member.size_bytes, member.sha256), (200_000, None));
            contents.read_to_end(&mut held).map(drop)
        });
        assert_eq!((visited.unwrap(), held), (archive, text.clone()));
        let limited = read(&bytes, format, &Limits { member_bytes: 199_999, ..Limits::default() });
        assert!(matches!(&limited, Err(ReadError::Limit(limit)) if limit.kind == LimitKind::MemberBytes));
    }
    for (format, bytes) in singles(b"") {
        assert_eq!(crate::ok(&bytes, format).members[0].size_bytes, 0);
    }
}

#[test]
fn several_streams_are_an_anomaly_and_give_their_contents_in_order() {
    let twice = [bzip2(b"twin"), bzip2(b"build")].concat();
    assert_eq!(crate::anomalies(&twice, Format::Bzip2), ["bzip2-several-streams"]);
    assert_eq!(contents(&twice, &crate::ok(&twice, Format::Bzip2), 0, 9).unwrap(), b"twinbuild");
    let twice = [SKIPPABLE, &zstd(b"twin"), SKIPPABLE, &zstd(b"build"), SKIPPABLE].concat();
    let archive = crate::ok(&twice, Format::Zstd);
    let codes: Vec<_> = archive.anomalies.iter().map(|anomaly| anomaly.code).collect();
    assert_eq!(codes, ["zstd-several-frames", "zstd-skippable-frame"]);
    assert_eq!(contents(&twice, &archive, 0, 9).unwrap(), b"twinbuild");
    let Container::Zstd(zstd) = archive.container else { panic!("zstd") };
    assert_eq!((zstd.frames, zstd.skippable_frames), (2, 3));
    assert_eq!(crate::anomalies(&zstd_raw(b"twin", 0), Format::Zstd), ["zstd-no-checksum"]);
}

#[test]
fn what_is_no_stream_or_follows_one_is_refused() {
    for (tail, offset) in [(b"x".as_slice(), 0), (b"\0\0\0\0", 0), (b"BZh0", 0), (SKIPPABLE, 1)] {
        let tail = &tail[..tail.len() - offset];
        assert_eq!(crate::code(&[&*bzip2(b"twin"), tail].concat(), Format::Bzip2), "bzip2-trailing-bytes");
    }
    assert_eq!(crate::code(&[&*bzip2(b"twin"), b"BZh9"].concat(), Format::Bzip2), "bzip2-corrupt");
    assert_eq!(crate::code(&[&*zstd(b"twin"), b"x"].concat(), Format::Zstd), "zstd-trailing-bytes");
    assert_eq!(crate::code(&[&*zstd(b"twin"), &SKIPPABLE[..11]].concat(), Format::Zstd), "zstd-corrupt");
    assert_eq!(crate::code(SKIPPABLE, Format::Zstd), "zstd-corrupt");
    assert_eq!(crate::code(b"", Format::Zstd), "zstd-corrupt");
    assert_eq!(crate::code(b"", Format::Bzip2), "bzip2-corrupt");
    let dictionary = read(b"\x28\xb5\x2f\xfd\x01\0\x07\x01\0\0".as_slice(), Format::Zstd, &Limits::default());
    assert!(matches!(dictionary, Err(ReadError::Unsupported(Unsupported::Zstd { .. }))));
}

#[test]
fn every_changed_byte_of_a_compressed_file_is_refused_or_leaves_the_contents() {
    let text = b"twin twin twin twin build build\n".repeat(3);
    for (format, bytes) in [(Format::Bzip2, bzip2(&text)), (Format::Zstd, zstd(&text))] {
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x41;
            match read(&changed, format, &Limits::default()) {
                Ok(archive) => assert_eq!(contents(&changed, &archive, 0, 1 << 10).unwrap(), text),
                Err(ReadError::Malformed(_) | ReadError::Limit(_) | ReadError::Unsupported(_)) => {}
                Err(error) => panic!("{format:?}: byte {at}: {error}"),
            }
        }
    }
}

#[test]
fn formats_are_told_by_their_first_bytes() {
    for (format, bytes) in singles(b"twin") {
        assert_eq!(Format::of_magic(&bytes), Some(format));
    }
    assert_eq!(Format::of_magic(SKIPPABLE), Some(Format::Zstd));
    assert_eq!(Format::of_magic(&sdist()), Some(Format::Tar));
    assert_eq!(Format::of_magic(b"PK\x05\x06"), Some(Format::Zip));
    assert_eq!(Format::of_magic(b"!<arch>\n"), Some(Format::Ar));
    assert_eq!(Format::of_magic(b"!<arch>\ndebian-binary   "), Some(Format::Deb));
    for none in [b"".as_slice(), b"PK", b"BZh0", b"twin"] {
        assert_eq!(Format::of_magic(none), None);
    }
}
