//! Binary packages of Debian.

use flate2::GzBuilder;
use twinbuild_archive::{
    Archive, Container, DebCompression, DebFields, Format, Limits, ReadError, TileKind, Unsupported, contents, read,
};

use crate::compress::zstd;
use crate::gzip::{gzip, xz};
use crate::raw_tar::{directory, file, tar};

/// One ar member with its padding.
fn ar(name: &str, contents: &[u8]) -> Vec<u8> {
    let header = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 1_700_000_000, 0, 0, "100644", contents.len());
    let mut bytes = [header.as_bytes(), contents].concat();
    if !contents.len().is_multiple_of(2) {
        bytes.push(b'\n');
    }
    bytes
}

fn deb(members: &[Vec<u8>]) -> Vec<u8> {
    [b"!<arch>\n".to_vec(), members.concat()].concat()
}

fn version() -> Vec<u8> {
    ar("debian-binary", b"2.0\n")
}

fn control() -> Vec<u8> {
    let bytes = tar(&[directory("./"), file("./control", b"Package: p\n"), file("./md5sums", b"")]);
    ar("control.tar.gz", &gzip(GzBuilder::new(), &bytes))
}

fn data() -> Vec<u8> {
    let bytes = tar(&[directory("./"), directory("./usr/"), file("./usr/a\\x2db.slice", b"twin")]);
    ar("data.tar", &bytes)
}

fn code(members: &[Vec<u8>]) -> &'static str {
    crate::code(&deb(members), Format::Deb)
}

fn fields(archive: &Archive) -> &DebFields {
    match &archive.container {
        Container::Deb(fields) => fields,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_ordinary_package_has_no_anomalies() {
    let bytes = deb(&[version(), control(), data()]);
    let archive = crate::ok(&bytes, Format::Deb);
    assert_eq!(archive.anomalies, []);
    assert_eq!(fields(&archive).control, "Package: p\n");
    assert_eq!(fields(&archive).control_members.len(), 3);
    assert_eq!(fields(&archive).ar_members.len(), 3);
    let names: Vec<_> = archive.members.iter().map(|member| member.path.as_bytes()).collect();
    assert_eq!(names, [b"./".as_slice(), b"./usr/", b"./usr/a\\x2db.slice"]);
    assert_eq!(archive.members[2].components(), [b"usr".as_slice(), b"a\\x2db.slice"]);
    assert_eq!(contents(&bytes, &archive, 2, 4).unwrap(), b"twin");
    let kinds: Vec<_> = archive.tiles.iter().map(|tile| tile.kind).take(6).collect();
    let expected = [TileKind::ArMagic, TileKind::ArHeader, TileKind::ArData, TileKind::ArHeader, TileKind::GzipHeader];
    assert_eq!(kinds[..5], expected);
    assert_eq!(archive.tiles.last().unwrap().kind, TileKind::ArTar);
}

#[test]
fn data_in_xz_and_names_with_a_slash_are_read() {
    let bytes = deb(&[ar("debian-binary/", b"2.0\n"), control(), ar("data.tar.xz/", &xz("crc64"))]);
    assert_eq!(crate::ok(&bytes, Format::Deb).members[0].path, "a".into());
}

#[test]
fn archives_in_zstd_are_read() {
    let text = tar(&[file("./control", b"Package: p\n")]);
    let files = tar(&[file("a", b"twin")]);
    let bytes = deb(&[version(), ar("control.tar.zst", &zstd(&text)), ar("data.tar.zst", &zstd(&files))]);
    let archive = crate::ok(&bytes, Format::Deb);
    assert_eq!(archive.anomalies, []);
    let parts = [&fields(&archive).control_archive, &fields(&archive).data_archive];
    assert!(parts.iter().all(|part| matches!(&part.compression, DebCompression::Zstd(zstd) if zstd.has_checksum)));
    assert_eq!(contents(&bytes, &archive, 0, 4).unwrap(), b"twin");
    let cut = zstd(&files);
    let cut = [version(), control(), ar("data.tar.zst", &cut[..cut.len() - 1])];
    assert_eq!(code(&cut), "zstd-corrupt");
}

#[test]
fn what_every_reader_reads_alike_is_an_anomaly() {
    let anomalies = |members: &[Vec<u8>]| crate::anomalies(&deb(members), Format::Deb);
    assert_eq!(anomalies(&[ar("debian-binary", b"2.1\n"), control(), data()]), ["deb-version"]);
    assert_eq!(anomalies(&[version(), ar("_sign", b"x"), control(), data()]), ["deb-extra-member"]);
    assert_eq!(anomalies(&[version(), control(), data(), ar("more", b"x")]), ["deb-extra-member"]);
    let mut odd = ar("_sign", b"x");
    *odd.last_mut().unwrap() = 0;
    assert_eq!(anomalies(&[version(), odd.clone(), control(), data()]), ["deb-extra-member", "ar-padding"]);
    odd.pop();
    assert_eq!(anomalies(&[version(), control(), data(), odd]), ["deb-extra-member", "ar-padding"]);
}

#[test]
fn broken_ar_headers_are_refused() {
    assert_eq!(crate::code(b"!<arch>", Format::Deb), "deb-ar-header");
    assert_eq!(crate::code(b"!<arch>\nshort", Format::Deb), "deb-ar-header");
    let good = version();
    for (at, with) in [(59, b"x"), (48, b"-"), (40, b"9"), (16, b"x"), (0, b" "), (0, b"/"), (50, b"9")] {
        let mut bytes = good.clone();
        bytes[at..=at].copy_from_slice(with);
        assert_eq!(code(&[bytes]), "deb-ar-header", "{at}");
    }
    assert_eq!(code(&[ar("#1/20", b"")]), "deb-ar-header");
}

#[test]
fn members_out_of_place_are_refused() {
    assert_eq!(code(&[control(), data()]), "deb-ar-member");
    assert_eq!(code(&[version(), data(), control()]), "deb-ar-member");
    assert_eq!(code(&[version(), ar("evil", b""), control(), data()]), "deb-ar-member");
    for name in ["data.tar.gz", "control.tar.xz", "debian-binary"] {
        assert_eq!(code(&[version(), control(), data(), ar(name, b"")]), "deb-ar-member", "{name}");
    }
}

#[test]
fn a_package_that_ends_early_is_refused() {
    assert_eq!(code(&[]), "deb-ends");
    assert_eq!(code(&[version()]), "deb-ends");
    assert_eq!(code(&[version(), control()]), "deb-ends");
}

#[test]
fn a_version_that_is_none_is_refused() {
    for text in [b"".as_slice(), b"two\n", b"2\n", b"2.x"] {
        assert_eq!(code(&[ar("debian-binary", text), control(), data()]), "deb-version", "{}", text.escape_ascii());
    }
}

#[test]
fn a_control_archive_without_control_is_refused() {
    let with = |members: &[Vec<u8>]| [version(), ar("control.tar", &tar(members)), data()];
    assert_eq!(code(&with(&[file("./md5sums", b"")])), "deb-control");
    assert_eq!(code(&with(&[directory("./control/")])), "deb-control");
    assert_eq!(code(&with(&[file("./control", b"\xff")])), "deb-control");
}

#[test]
fn lies_of_the_archives_within_are_found() {
    let hidden = tar(&[file("a", b""), file("a", b"")]);
    assert_eq!(code(&[version(), control(), ar("data.tar", &hidden)]), "name-duplicate");
    let twice = gzip(GzBuilder::new(), &tar(&[])).repeat(2);
    assert_eq!(code(&[version(), control(), ar("data.tar.gz", &twice)]), "gzip-several-members");
}

#[test]
fn other_versions_and_compressors_are_unsupported() {
    for members in [
        [ar("debian-binary", b"3.0\n"), control(), data()],
        [version(), control(), ar("data.tar.bz2", b"")],
        [version(), ar("control.tar.lzma", b""), data()],
    ] {
        let read = read(&deb(&members), Format::Deb, &Limits::default());
        assert!(matches!(read, Err(ReadError::Unsupported(Unsupported::Deb { .. }))), "{read:?}");
    }
}
