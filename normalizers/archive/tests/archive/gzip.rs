//! Tars in gzip and xz.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};
use twinbuild_archive::{Container, Format, LimitKind, Limits, ReadError, TileKind, Unsupported, contents, read};

use crate::raw_tar::{file, tar};
use crate::raw_zip::{crc, deflate, words};

fn sdist() -> Vec<u8> {
    tar(&[file("p-1/PKG-INFO", b"Name: p\n")])
}

pub(crate) fn gzip(builder: GzBuilder, contents: &[u8]) -> Vec<u8> {
    let mut encoder = builder.write(Vec::new(), Compression::default());
    encoder.write_all(contents).unwrap();
    encoder.finish().unwrap()
}

fn plain() -> Vec<u8> {
    gzip(GzBuilder::new().filename("p-1.tar").mtime(1_700_000_000), &sdist())
}

/// A member with these flags, and these bytes between the fixed header and the deflate stream.
fn with_flags(flags: u8, optional: &[u8]) -> Vec<u8> {
    let contents = sdist();
    let size = u32::try_from(contents.len()).unwrap();
    let trailer = words(&[crc(&contents), size]);
    [&[0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 2, 255], optional, &deflate(&contents), &trailer].concat()
}

fn anomalies(bytes: &[u8]) -> Vec<&'static str> {
    crate::anomalies(bytes, Format::TarGz)
}

fn code(bytes: &[u8]) -> &'static str {
    crate::code(bytes, Format::TarGz)
}

#[test]
fn an_ordinary_sdist_has_no_anomalies() {
    let bytes = plain();
    let archive = crate::ok(&bytes, Format::TarGz);
    assert_eq!(archive.anomalies, []);
    let Container::TarGz { gzip, tar } = &archive.container else { panic!("gzip") };
    assert_eq!(
        (gzip.modified, gzip.system, gzip.file_name.as_deref()),
        (1_700_000_000, 255, Some(b"p-1.tar".as_slice()))
    );
    assert_eq!((gzip.size_bytes, tar.size_bytes), (2048, 2048));
    let kinds: Vec<_> = archive.tiles.iter().map(|tile| tile.kind).collect();
    assert_eq!(kinds, [TileKind::GzipHeader, TileKind::Deflate, TileKind::GzipTrailer]);
    assert_eq!(contents(&bytes, &archive, 0, 100).unwrap(), b"Name: p\n");
}

#[test]
fn what_every_reader_reads_alike_is_an_anomaly() {
    assert_eq!(anomalies(&with_flags(0, b"")), [""; 0]);
    assert_eq!(anomalies(&with_flags(1, b"")), ["gzip-text-flag"]);
    assert_eq!(anomalies(&with_flags(4, b"\x02\x00ab")), ["gzip-extra"]);
    assert_eq!(anomalies(&with_flags(16, b"hello\0")), ["gzip-comment"]);
    let sum = crc(&[0x1f, 0x8b, 8, 2, 0, 0, 0, 0, 2, 255]);
    assert_eq!(anomalies(&with_flags(2, &words(&[sum])[..2])), ["gzip-header-crc"]);
    assert_eq!(anomalies(&[plain(), vec![0; 100]].concat()), ["gzip-trailing-zeros"]);
}

#[test]
fn a_broken_header_is_refused() {
    let cases: [&[u8]; 6] = [
        b"",
        b"\x1f\x8b",
        b"PK\x03\x04......",
        &[0x1f, 0x8b, 7, 0, 0, 0, 0, 0, 0, 3],
        &[0x1f, 0x8b, 8, 32, 0, 0, 0, 0, 0, 3],
        &[0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3, b'n'],
    ];
    for bytes in cases {
        assert_eq!(code(bytes), "gzip-header", "{}", bytes.escape_ascii());
    }
    for flags in [2, 4, 16] {
        assert_eq!(code(&[0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3, 1]), "gzip-header");
    }
    assert_eq!(code(&[0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3, 9, 0, 1]), "gzip-header");
    assert_eq!(code(&with_flags(2, b"xx")), "gzip-header-crc");
}

#[test]
fn a_broken_stream_or_sum_is_refused() {
    let bytes = plain();
    let changed = |at: usize| {
        let mut changed = bytes.clone();
        changed[at] ^= 0xff;
        changed
    };
    assert_eq!(code(&changed(bytes.len() - 8)), "gzip-crc");
    assert_eq!(code(&changed(bytes.len() - 1)), "gzip-size");
    assert_eq!(code(&bytes[..bytes.len() - 1]), "gzip-trailer");
    assert_eq!(code(&[&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], [0xff; 4].as_slice()].concat()), "gzip-deflate");
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let stream = deflate(&sdist());
    assert_eq!(code(&[&header, &stream[..stream.len() - 1]].concat()), "gzip-deflate");
}

#[test]
fn a_second_member_is_refused() {
    assert_eq!(code(&[plain(), plain()].concat()), "gzip-several-members");
}

#[test]
fn trailing_bytes_are_refused() {
    assert_eq!(code(&[plain(), b"x".to_vec()].concat()), "gzip-trailing-bytes");
    assert_eq!(code(&[plain(), vec![0; 70_000], plain()].concat()), "gzip-trailing-bytes");
}

#[test]
fn a_lie_of_the_tar_within_is_found() {
    assert_eq!(code(&gzip(GzBuilder::new(), &sdist()[..1000])), "tar-truncated");
}

#[test]
fn a_bomb_stops_at_the_limits() {
    let bytes = gzip(GzBuilder::new(), &tar(&[file("a", &vec![0; 8 << 20])]));
    let limit = |limits| match read(&bytes, Format::TarGz, &limits) {
        Err(ReadError::Limit(limit)) => limit.kind,
        other => panic!("{other:?}"),
    };
    assert_eq!(limit(Limits { ratio_floor_bytes: 1 << 20, ..Limits::default() }), LimitKind::Ratio);
    assert_eq!(limit(Limits { total_bytes: 1 << 20, ..Limits::default() }), LimitKind::TotalBytes);
    let padding = gzip(GzBuilder::new(), &vec![0; 8 << 20]);
    let low = Limits { ratio_floor_bytes: 1 << 20, ..Limits::default() };
    assert!(matches!(read(&padding, Format::TarGz, &low), Err(ReadError::Limit(_))));
    let named = gzip(GzBuilder::new().filename(vec![b'n'; 5000]), &sdist());
    assert!(matches!(read(&named, Format::TarGz, &Limits::default()), Err(ReadError::Limit(_))));
}

/// `tar` of one file `a` holding `twin`, by `xz -9 --check=CHECK`.
pub(crate) fn xz(check: &str) -> Vec<u8> {
    let hex = match check {
        "crc64" => XZ_CRC64,
        _ => XZ_NONE,
    };
    let hex: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    hex.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

const XZ_CRC64: &str = "\
    fd377a585a000004e6d6b446020021011c00000010cf58cce007ff00475d00308033501868898301ebd6c2f5922c0cbc5619\
    d97b0340a9ac735bc3d177ea59143e5075ca2785280579491fdbf4ed1241609d3f26fa4c8ff4783a166297284572872a7278\
    df0000008bccbe765a3961780001638010000000244ecaacb1c467fb020000000004595a";
const XZ_NONE: &str = "\
    fd377a585a000000ff12d941020021011c00000010cf58cce007ff00475d00308033501868898301ebd6c2f5922c0cbc5619\
    d97b0340a9ac735bc3d177ea59143e5075ca2785280579491fdbf4ed1241609d3f26fa4c8ff4783a166297284572872a7278\
    df00000000015b8010000000e4cbe344a8000afc020000000000595a";

#[test]
fn a_tar_in_xz_is_read() {
    let bytes = xz("crc64");
    let archive = crate::ok(&bytes, Format::TarXz);
    assert_eq!(archive.anomalies, []);
    assert_eq!(contents(&bytes, &archive, 0, 4).unwrap(), b"twin");
    let Container::TarXz { xz, tar } = archive.container else { panic!("xz") };
    assert_eq!((xz.check, xz.size_bytes, tar.size_bytes), ("crc64", 2048, 2048));
    assert_eq!((archive.tiles.len(), archive.tiles[0].kind), (1, TileKind::Xz));
}

#[test]
fn anomalies_of_xz_are_noted() {
    let padded = [xz("crc64"), vec![0; 4]].concat();
    assert_eq!(crate::anomalies(&padded, Format::TarXz), ["xz-trailing-zeros"]);
    assert_eq!(crate::anomalies(&xz("none"), Format::TarXz), ["xz-no-check"]);
}

#[test]
fn lies_of_xz_are_refused() {
    let bytes = xz("crc64");
    let code = |bytes: &[u8]| crate::code(bytes, Format::TarXz);
    assert_eq!(code(b""), "xz-corrupt");
    assert_eq!(code(&bytes[..bytes.len() - 1]), "xz-corrupt");
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        match read(&changed, Format::TarXz, &Limits::default()) {
            Err(ReadError::Malformed(_) | ReadError::Unsupported(Unsupported::Xz { .. }) | ReadError::Limit(_)) => {}
            other => panic!("byte {at}: {other:?}"),
        }
    }
    assert_eq!(code(&[&*bytes, &bytes].concat()), "xz-several-streams");
    assert_eq!(code(&[&*bytes, &[0; 4], &bytes].concat()), "xz-several-streams");
    assert_eq!(code(&[&*bytes, b"x"].concat()), "xz-trailing-bytes");
}

#[test]
fn an_xz_dictionary_beyond_the_limit_is_no_lie() {
    let limits = Limits { decoder_memory_kib: 16, ..Limits::default() };
    let read = read(&xz("crc64"), Format::TarXz, &limits);
    assert!(matches!(read, Err(ReadError::Limit(limit)) if limit.kind == LimitKind::DecoderMemory));
}
