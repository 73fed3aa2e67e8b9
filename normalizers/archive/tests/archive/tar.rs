//! Tars as tools write them, and what every reader reads alike.

use twinbuild_archive::{
    Container, Fields, Format, LimitKind, Limits, MemberKind, Modified, ReadError, TarDialect, TarExtensionBody,
    TarFields, TileKind, Unsupported, contents, read, visit,
};
use twinbuild_subject::Sha256;

use crate::ok;
use crate::raw_tar::{Block, directory, file, gnu_long, link, member, pax, tar};

fn anomalies(members: &[Vec<u8>]) -> Vec<&'static str> {
    crate::anomalies(&tar(members), Format::Tar)
}

fn fields(fields: &Fields) -> &TarFields {
    match fields {
        Fields::Tar(fields) => fields,
        other => panic!("no tar member: {other:?}"),
    }
}

#[test]
fn an_ordinary_sdist_has_no_anomalies() {
    let bytes = tar(&[
        directory("p-1/"),
        pax(b'x', &[("mtime", b"1700000000.25")]),
        file("p-1/PKG-INFO", b"Name: p\n"),
        link("p-1/link", b'2', "PKG-INFO"),
        link("p-1/hard", b'1', "p-1/PKG-INFO"),
    ]);
    let archive = ok(&bytes, Format::Tar);
    assert_eq!(archive.anomalies, []);
    let kinds: Vec<_> = archive.members.iter().map(|member| member.kind.clone()).collect();
    let target = b"PKG-INFO".to_vec();
    let hard = MemberKind::Hardlink { target: "p-1/PKG-INFO".into() };
    assert_eq!(kinds, [MemberKind::Directory, MemberKind::File, MemberKind::Symlink { target }, hard]);
    let info = &archive.members[1];
    assert_eq!((info.sha256, info.mode, info.size_bytes), (Some(Sha256::of(b"Name: p\n")), Some(0o644), 8));
    assert_eq!(info.modified, Modified::Unix { seconds: 1_700_000_000, nanoseconds: 250_000_000 });
    assert_eq!(archive.members[0].modified, Modified::Unix { seconds: 0o14_524_770_400, nanoseconds: 0 });
    assert!(archive.members.iter().all(|member| !member.escapes()));
}

#[test]
fn every_byte_of_a_plain_tar_is_in_one_tile() {
    let bytes = tar(&[pax(b'g', &[("comment", b"c")]), pax(b'x', &[("uname", b"u")]), file("a", b"twin")]);
    let tiles: Vec<_> = ok(&bytes, Format::Tar).tiles.into_iter().map(|tile| (tile.kind, tile.length)).collect();
    let expected = [
        (TileKind::GlobalHeader, 1024),
        (TileKind::Header { member: 0 }, 1536),
        (TileKind::Data { member: 0 }, 4),
        (TileKind::Padding, 508),
        (TileKind::End, 1024),
    ];
    assert_eq!(tiles, expected);
}

#[test]
fn header_values_are_kept_for_writing_the_file_again() {
    let bytes = tar(&[pax(b'x', &[("path", b"long/name")]), file("short", b"twin")]);
    let archive = ok(&bytes, Format::Tar);
    assert_eq!(archive.members[0].path, "long/name".into());
    let fields = fields(&archive.members[0].fields);
    assert_eq!((fields.offset, fields.data_offset), (0, 1536));
    assert_eq!(fields.header.block[..], bytes[1024..1536]);
    assert_eq!((fields.header.name.as_slice(), fields.header.uid), (b"short".as_slice(), Some(0o1750)));
    assert_eq!(fields.header.dialect, TarDialect::Ustar);
    let TarExtensionBody::Pax(records) = &fields.extensions[0].body else { panic!("PAX") };
    assert_eq!((records[0].key.as_slice(), records[0].value.as_slice()), (b"path".as_slice(), b"long/name".as_slice()));
}

#[test]
fn the_commit_of_a_git_archive_is_kept() {
    let bytes = tar(&[pax(b'g', &[("comment", b"0123abcd")]), file("a", b"")]);
    let archive = ok(&bytes, Format::Tar);
    assert_eq!(archive.anomalies, []);
    let Container::Tar(stream) = archive.container else { panic!("a tar") };
    assert!(matches!(&stream.globals[0].body, TarExtensionBody::Pax(records) if records[0].value == b"0123abcd"));
    assert_eq!((stream.end_offset, stream.size_bytes), (1536, 2560));
}

#[test]
fn long_names_of_every_dialect_are_read() {
    let long = "d/".repeat(70) + "f";
    let prefix = Block { prefix: b"a/b".to_vec(), ..Block::new("c", b'0', 0) }.bytes();
    let gnu = [gnu_long(b'K', b"target"), gnu_long(b'L', long.as_bytes()), link("cut", b'2', "cut")].concat();
    let archive = ok(&tar(&[prefix, gnu]), Format::Tar);
    let names: Vec<_> = archive.members.iter().map(|member| member.path.to_string()).collect();
    assert_eq!(names, ["a/b/c".to_owned(), long]);
    assert_eq!(archive.members[1].kind, MemberKind::Symlink { target: b"target".to_vec() });
    assert_eq!(archive.anomalies, []);
}

#[test]
fn old_directories_are_known_by_their_slash() {
    let block = Block { magic: vec![0; 8], ..Block::new("d/", 0, 0) };
    assert_eq!(ok(&tar(&[block.bytes()]), Format::Tar).members[0].kind, MemberKind::Directory);
}

#[test]
fn base_256_numbers_are_read() {
    let block = Block { uid: b"\x80\0\0\0\0\x20\0\0".to_vec(), mtime: vec![0xff; 12], ..Block::new("a", b'0', 0) };
    let archive = ok(&tar(&[block.bytes()]), Format::Tar);
    assert_eq!(fields(&archive.members[0].fields).header.uid, Some(0x20_0000));
    assert_eq!(archive.members[0].modified, Modified::Unix { seconds: -1, nanoseconds: 0 });
}

#[test]
fn the_root_of_a_tar_made_from_a_folder_has_no_components() {
    let archive = ok(&tar(&[directory("./"), file("./a/b", b"")]), Format::Tar);
    assert_eq!(archive.anomalies, []);
    assert!(archive.members[0].components().is_empty());
    assert_eq!(archive.members[1].components(), [b"a", b"b"]);
}

#[test]
fn links_that_leave_the_tree_are_the_callers_to_judge() {
    let archive =
        ok(&tar(&[link("a/b", b'2', "../../etc"), link("c", b'2', "/etc"), link("d", b'2', "e")]), Format::Tar);
    assert_eq!(archive.members.iter().map(|member| member.escapes()).collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn contents_are_handed_out_and_read_again() {
    let bytes = tar(&[file("a", b"twin"), directory("d/"), file("d/b", &[7; 1500])]);
    let mut seen = Vec::new();
    let archive = visit(&bytes, Format::Tar, &Limits::default(), &mut |member, contents| {
        let mut first = [0; 2];
        let count = contents.read(&mut first)?;
        seen.push((member.path.to_string(), count));
        Ok(())
    })
    .unwrap();
    assert_eq!(archive, ok(&bytes, Format::Tar));
    assert_eq!(seen, [("a".to_owned(), 2), ("d/".to_owned(), 0), ("d/b".to_owned(), 2)]);
    assert_eq!(contents(&bytes, &archive, 2, 1500).unwrap(), [7; 1500]);
    assert!(matches!(contents(&bytes, &archive, 1, 9), Err(ReadError::NoContents { index: 1, members: 3 })));
    assert!(matches!(contents(&bytes, &archive, 3, 9), Err(ReadError::NoContents { .. })));
    let other = tar(&[file("a", b"nose"), directory("d/"), file("d/b", &[7; 1500])]);
    assert!(matches!(contents(&other, &archive, 0, 9), Err(ReadError::Changed { .. })));
}

#[test]
fn a_visitor_that_fails_ends_the_reading() {
    let bytes = tar(&[file("a", b"twin")]);
    let read = visit(&bytes, Format::Tar, &Limits::default(), &mut |_, _| Err(std::io::Error::other("full")));
    assert!(matches!(read, Err(ReadError::Visitor { path, .. }) if path == "a".into()));
}

#[test]
fn what_every_reader_reads_alike_is_an_anomaly() {
    let plain = |patches| Block { patches, ..Block::new("a", b'0', 0) }.bytes();
    for (code, bytes) in [
        ("tar-field-tail", plain(vec![(3, b"x".to_vec())])),
        ("tar-field-tail", [gnu_long(b'L', b"b\0c"), file("a", b"")].concat()),
        ("tar-header-padding", plain(vec![(505, b"x".to_vec())])),
        ("tar-magic", Block { magic: b"USTAR\0  ".to_vec(), ..Block::new("a", b'0', 0) }.bytes()),
        ("tar-contiguous", Block::new("a", b'7', 0).bytes()),
        ("tar-name-encoding", Block::new(*b"\xff", b'0', 0).bytes()),
        ("pax-unknown-key", [pax(b'x', &[("SCHILY.xattr.user.a", b"v")]), file("a", b"")].concat()),
        ("pax-unknown-key", [pax(b'x', &[("comment", b"v")]), file("a", b"")].concat()),
        ("pax-unknown-key", [pax(b'g', &[("evil", b"v")]), file("a", b"")].concat()),
        ("pax-global-key", [pax(b'g', &[("mtime", b"1")]), file("a", b"")].concat()),
        ("pax-global-position", [file("a", b""), pax(b'g', &[("comment", b"c")]), file("b", b"")].concat()),
        ("pax-charset", [pax(b'x', &[("hdrcharset", b"BINARY")]), file("a", b"")].concat()),
        ("pax-not-utf8", [pax(b'x', &[("uname", b"\xff")]), file("a", b"")].concat()),
        ("name-case-collision", [file("a", b""), file("A", b"")].concat()),
    ] {
        assert_eq!(anomalies(&[bytes]), [code]);
    }
    let mut padded = file("a", b"twin");
    padded[512 + 100] = 1;
    assert_eq!(anomalies(&[padded]), ["tar-padding"]);
}

#[test]
fn anomalies_of_a_tar_hold_what_was_found() {
    let details = |members: &[Vec<u8>]| -> Vec<String> {
        ok(&tar(members), Format::Tar).anomalies.into_iter().map(|anomaly| anomaly.detail).collect()
    };
    let unknown = |value: &[u8]| details(&[pax(b'x', &[("evil", value)]), file("a", b"")]).remove(0);
    assert_eq!(unknown(b"x\n"), "the PAX header has `x\\n` as `evil`");
    assert_ne!(unknown(&[b'x'; 100]), unknown(&[b'y'; 100]));
    let padded = |byte| {
        let mut bytes = file("a", b"twin");
        bytes[512 + 100] = byte;
        details(&[bytes]).remove(0)
    };
    assert_ne!(padded(1), padded(2));
    let trailed = |byte| details(&[vec![0; 1024], vec![byte; 512]]).remove(0);
    assert_ne!(trailed(1), trailed(2));
}

#[test]
fn a_signed_checksum_is_an_anomaly() {
    let mut block = Block::new(*b"\xc3\xa9", b'0', 0).bytes();
    block[148..156].copy_from_slice(b"        ");
    let sum: i64 = block.iter().map(|byte| i64::from(byte.cast_signed())).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    assert_eq!(anomalies(&[block]), ["tar-signed-checksum"]);
}

#[test]
fn ends_other_than_two_blocks_of_zeros_are_anomalies() {
    let plain = file("a", b"twin");
    let code = |end: &[u8]| crate::anomalies(&[&plain, end].concat(), Format::Tar);
    assert_eq!(code(&[]), ["tar-no-end"]);
    assert_eq!(code(&[0; 512]), ["tar-one-end-block"]);
    assert_eq!(code(&[0; 10240]), [""; 0]);
    assert_eq!(code(&[vec![0; 1024], vec![1; 512], vec![0; 512]].concat()), ["tar-trailer"]);
    assert_eq!(code(&[0; 1030]), ["tar-trailer"]);
    let archive = ok(&[plain.clone(), vec![0; 1024], vec![1; 600]].concat(), Format::Tar);
    let last = archive.tiles.last().unwrap();
    assert_eq!((last.kind, last.offset, last.length), (TileKind::Trailer, 2048, 600));
}

#[test]
fn a_size_beyond_octal_is_left_to_the_pax_record() {
    let size: u64 = 1 << 33;
    let bytes = tar(&[pax(b'x', &[("size", size.to_string().as_bytes())]), Block::new("a", b'0', 0).bytes()]);
    let limits = Limits { member_bytes: size - 1, ..Limits::default() };
    let read = read(&bytes, Format::Tar, &limits);
    assert!(matches!(read, Err(ReadError::Limit(limit)) if limit.found == size));
}

#[test]
fn sparse_files_and_star_are_unsupported() {
    let unsupported = |members: &[Vec<u8>]| match read(&tar(members), Format::Tar, &Limits::default()) {
        Err(ReadError::Unsupported(unsupported)) => unsupported,
        other => panic!("{other:?}"),
    };
    let gnu = Block { magic: b"ustar  \0".to_vec(), ..Block::new("a", b'S', 0) };
    assert!(matches!(unsupported(&[gnu.bytes()]), Unsupported::TarSparse { .. }));
    for key in ["GNU.sparse.major", "SCHILY.realsize", "SUN.holesdata"] {
        let sparse = [pax(b'x', &[(key, b"1")]), file("a", b"")];
        assert!(matches!(unsupported(&sparse), Unsupported::TarSparse { .. }), "{key}");
    }
    assert!(matches!(unsupported(&[pax(b'g', &[("GNU.sparse.size", b"1")])]), Unsupported::TarSparse { .. }));
    let star = Block { patches: vec![(508, b"tar\0".to_vec())], ..Block::new("a", b'0', 0) };
    assert!(matches!(unsupported(&[star.bytes()]), Unsupported::TarDialect { .. }));
}

#[test]
fn limits_are_no_lies() {
    let bytes = tar(&[gnu_long(b'L', &[b'n'; 200]), member(&Block::new("a", b'0', 3000), &[0; 3000])]);
    let limit = |limits| match read(&bytes, Format::Tar, &limits) {
        Err(ReadError::Limit(limit)) => limit.kind,
        other => panic!("{other:?}"),
    };
    let limits = Limits::default();
    assert_eq!(limit(Limits { member_bytes: 2000, ..limits }), LimitKind::MemberBytes);
    assert_eq!(limit(Limits { total_bytes: 3000, ..limits }), LimitKind::TotalBytes);
    assert_eq!(limit(Limits { members: 0, ..limits }), LimitKind::Members);
    assert_eq!(limit(Limits { name_bytes: 100, ..limits }), LimitKind::NameBytes);
    assert_eq!(limit(Limits { header_bytes: 1000, ..limits }), LimitKind::HeaderBytes);
}

#[test]
fn a_source_that_is_shorter_than_it_says_fails_as_input() {
    struct Short(Vec<u8>);
    impl twinbuild_archive::ReadAt for Short {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
            self.0.read_at(buffer, offset)
        }
        fn size(&self) -> u64 {
            self.0.len() as u64 + 512
        }
    }
    let read = read(&Short(tar(&[])), Format::Tar, &Limits::default());
    assert!(matches!(read, Err(ReadError::Io { offset: 1024, .. })));
}

#[test]
fn a_pax_header_of_a_hundred_thousand_records_is_read_in_one_pass() {
    // A search of the records for each of them takes minutes, and one archive may have many such headers.
    let keys: Vec<String> = (0..100_000).map(|number| format!("{number:x}")).collect();
    let records: Vec<(&str, &[u8])> = keys.iter().map(|key| (key.as_str(), b"".as_slice())).collect();
    let found = crate::anomalies(&tar(&[pax(b'x', &records), file("a", b"")]), Format::Tar);
    assert_eq!(found.len(), keys.len());
    let twice: Vec<_> = records.iter().chain(&records[..1]).copied().collect();
    assert_eq!(crate::code(&tar(&[pax(b'x', &twice), file("a", b"")]), Format::Tar), "pax-duplicate");
}
