//! Static libraries.

use twinbuild_archive::{
    Container, Fields, Format, Limits, Modified, ReadError, TileKind, Unsupported, contents, read,
};

/// One member with its padding; the header's fields after the name as given.
fn with_header(name: &str, rest: &str, contents: &[u8]) -> Vec<u8> {
    let mut bytes = [format!("{name:<16}{rest:<32}{:<10}`\n", contents.len()).as_bytes(), contents].concat();
    if !contents.len().is_multiple_of(2) {
        bytes.push(b'\n');
    }
    bytes
}

pub(crate) fn member(name: &str, contents: &[u8]) -> Vec<u8> {
    with_header(name, &format!("{:<12}{:<6}{:<6}{:<8}", 1_700_000_000, 1000, 100, "100644"), contents)
}

pub(crate) fn ar(members: &[Vec<u8>]) -> Vec<u8> {
    [b"!<arch>\n".to_vec(), members.concat()].concat()
}

fn anomalies(members: &[Vec<u8>]) -> Vec<&'static str> {
    crate::anomalies(&ar(members), Format::Ar)
}

fn code(members: &[Vec<u8>]) -> &'static str {
    crate::code(&ar(members), Format::Ar)
}

/// A table of one or two long names, as GNU ar writes it.
fn table(text: &str) -> Vec<u8> {
    with_header("//", "", text.as_bytes())
}

/// As GNU ar writes libraries.
pub(crate) fn library() -> Vec<u8> {
    ar(&[
        with_header("/", &format!("{:<12}{:<6}{:<6}{:<8}", 0, 0, 0, 0), b"\0\0\0\0"),
        table("a_name_that_is_long.o/\nanother_name_that_is_long.o/\n"),
        member("short.o/", b"twin"),
        member("/0", b"odd"),
        member("/23", b"build"),
    ])
}

#[test]
fn a_library_of_gnu_has_no_anomalies() {
    let bytes = library();
    let archive = crate::ok(&bytes, Format::Ar);
    assert_eq!(archive.anomalies, []);
    let names: Vec<_> = archive.members.iter().map(|member| member.path.to_string()).collect();
    assert_eq!(names, ["symbol-table", "short.o", "a_name_that_is_long.o", "another_name_that_is_long.o"]);
    assert_eq!(contents(&bytes, &archive, 2, 3).unwrap(), b"odd");
    assert_eq!((archive.members[1].mode, archive.members[1].type_bits), (Some(0o644), Some(0o100_000)));
    assert_eq!(archive.members[1].modified, Modified::Unix { seconds: 1_700_000_000, nanoseconds: 0 });
    let Fields::Ar(fields) = &archive.members[2].fields else { panic!("ar") };
    assert_eq!((&fields.stored_name, fields.uid, fields.gid), (b"/0              ", 1000, 100));
    let Container::Ar(container) = &archive.container else { panic!("ar") };
    assert_eq!(container.names.as_ref().map(|names| names.size_bytes), Some(52));
    assert!(archive.tiles.iter().any(|tile| tile.kind == TileKind::ArNames));
    assert_eq!(crate::anomalies(b"!<arch>\n", Format::Ar), [""; 0]);
}

#[test]
fn a_library_of_bsd_has_no_anomalies() {
    let bytes = ar(&[
        member("#1/20", b"__.SYMDEF SORTED\0\0\0\0symbols!"),
        member("#1/24", b"a_name_that_is_long.o\0\0\0twin"),
        member("with space.o", b"x"),
    ]);
    let archive = crate::ok(&bytes, Format::Ar);
    assert_eq!(archive.anomalies, []);
    let names: Vec<_> = archive.members.iter().map(|member| member.path.to_string()).collect();
    assert_eq!(names, ["__.SYMDEF SORTED", "a_name_that_is_long.o", "with space.o"]);
    assert_eq!(contents(&bytes, &archive, 1, 4).unwrap(), b"twin");
}

#[test]
fn what_every_reader_reads_alike_is_an_anomaly() {
    assert_eq!(anomalies(&[table("a_name_that_is_long.o/\n"), member("a.o/", b"")]), ["ar-name-table"]);
    assert_eq!(anomalies(&[table("a_name_that_is_long.o/\nrest"), member("/0", b"")]), ["ar-name-table"]);
    let mut odd = member("a.o/", b"x");
    *odd.last_mut().unwrap() = 0;
    assert_eq!(anomalies(&[odd.clone()]), ["ar-padding"]);
    odd.pop();
    assert_eq!(anomalies(&[odd]), ["ar-padding"]);
}

#[test]
fn broken_headers_are_refused() {
    assert_eq!(crate::code(b"", Format::Ar), "ar-header");
    assert_eq!(crate::code(b"!<thin>\n", Format::Ar), "ar-header");
    assert_eq!(crate::code(b"!<arch>\nshort", Format::Ar), "ar-header");
    for (at, with) in
        [(58, b"x"), (48, b"-"), (48, b" "), (40, b"9"), (40, b"\t"), (16, b"x"), (0, b" "), (1, b"/"), (50, b"9")]
    {
        let mut bytes = member("abc/", b"x");
        bytes[at..=at].copy_from_slice(with);
        assert_eq!(code(&[bytes]), "ar-header", "{at}");
    }
    let directory = with_header("a.o/", &format!("{:<12}{:<6}{:<6}{:<8}", 0, 0, 0, "40755"), b"");
    assert_eq!(code(&[directory]), "ar-header");
    assert_eq!(code(&[with_header("a.o/", "", b"")]), "ar-header");
}

#[test]
fn long_names_that_are_not_there_are_refused() {
    let names = || table("a_name_that_is_long.o/\n");
    assert_eq!(code(&[member("/0", b"")]), "ar-long-name");
    assert_eq!(code(&[member("/0", b""), names()]), "ar-long-name");
    assert_eq!(code(&[names(), names(), member("/0", b"")]), "ar-long-name");
    for name in ["/1", "/23", "/99999999999", "/x", "/0x"] {
        assert_eq!(code(&[names(), member(name, b"")]), "ar-long-name", "{name}");
    }
    assert_eq!(code(&[table("no end"), member("/0", b"")]), "ar-long-name");
    for (name, contents) in
        [("#1/5", b"name".as_slice()), ("#1/0", b"name"), ("#1/", b"name"), ("#1/4", b"a\0b\0"), ("#1/4", &[0; 4])]
    {
        assert_eq!(code(&[member(name, contents)]), "ar-long-name", "{name}");
    }
}

#[test]
fn names_are_held_against_each_other() {
    let twice = ar(&[member("a.o/", b"x"), member("a.o", b"y")]);
    let read = read(&twice, Format::Ar, &Limits::default());
    assert!(matches!(read, Err(ReadError::Unsupported(Unsupported::ArDuplicate { .. }))), "{read:?}");
    assert_eq!(code(&[member("/", b""), member("/", b"")]), "name-duplicate");
    assert_eq!(code(&[member("..", b"")]), "name-unsafe");
    assert_eq!(code(&[member("#1/6", b"../a.o")]), "name-unsafe");
}
