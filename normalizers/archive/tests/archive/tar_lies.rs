//! Tars that two readers would read differently.

use twinbuild_archive::{Format, Limits, MemberKind, ReadError, read};

use crate::raw_tar::{Block, directory, file, gnu_long, link, member, pax, record, tar};

fn code(members: &[Vec<u8>]) -> &'static str {
    crate::code(&tar(members), Format::Tar)
}

fn code_of(bytes: &[u8]) -> &'static str {
    crate::code(bytes, Format::Tar)
}

#[test]
fn nothing_is_no_tar() {
    assert_eq!(code_of(b""), "tar-empty");
    assert!(crate::ok(&[0; 1024], Format::Tar).members.is_empty());
}

#[test]
fn a_tar_that_is_cut_is_refused() {
    let bytes = tar(&[file("a", &[1; 700])]);
    for end in [100, 511, 513, 1000, 1300, 2048 - 512 - 1] {
        assert_eq!(code_of(&bytes[..end]), "tar-truncated", "{end}");
    }
    let lie = crate::lie(&bytes[..700], Format::Tar);
    assert_eq!(lie.to_string(), "the tar ends at offset 700 within contents that begins at offset 512");
    assert_eq!(lie.path(), Some(&"a".into()));
    assert_eq!(code_of(&pax(b'x', &[("path", b"a")])[..600]), "tar-truncated");
}

#[test]
fn a_size_that_the_file_does_not_have_takes_no_memory() {
    let huge = Block { size: b"77777777777\0".to_vec(), ..Block::new("x", b'x', 0) }.bytes();
    let read = read(&huge, Format::Tar, &Limits::default());
    assert!(matches!(read, Err(ReadError::Limit(_))));
}

#[test]
fn a_wrong_checksum_is_refused() {
    assert_eq!(
        code(&[Block { checksum: Some(b"0000001\0".to_vec()), ..Block::new("a", b'0', 0) }.bytes()]),
        "tar-checksum"
    );
}

#[test]
fn numbers_that_readers_parse_differently_are_refused() {
    let block = || Block::new("a", b'0', 0);
    for bytes in [
        Block { mode: b"00006x4\0".to_vec(), ..block() },
        Block { mode: b"\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(), ..block() },
        Block { uid: b"-000001\0".to_vec(), ..block() },
        Block { size: b"00\x0000000000".to_vec(), ..block() },
        Block { size: b"1_0\0\0\0\0\0\0\0\0\0".to_vec(), ..block() },
        Block { size: vec![b' '; 12], ..block() },
        Block { size: [vec![0x80], vec![0xff; 11]].concat(), ..block() },
        Block { mtime: b"+0000000000\0".to_vec(), ..block() },
        Block { mode: vec![b' '; 8], ..block() },
        Block { uid: vec![b' '; 8], ..block() },
        Block { patches: vec![(116, b"      \0\0".to_vec())], ..block() },
        Block { mtime: vec![b' '; 12], ..block() },
        Block { size: vec![0; 12], ..Block::new("d/", b'5', 0) },
        Block { size: vec![b' '; 12], ..Block::new("d/", b'5', 0) },
        Block { checksum: Some(vec![b' '; 8]), ..block() },
        Block { patches: vec![(329, b"9".to_vec())], ..block() },
    ] {
        assert_eq!(code(&[bytes.bytes()]), "tar-number", "{:?}", bytes.size);
    }
    let blank = Block { size: vec![0; 12], ..Block::new("x", b'x', 0) };
    assert_eq!(code(&[blank.bytes()]), "tar-number");
}

#[test]
fn a_prefix_that_the_magic_does_not_provide_for_is_refused() {
    for magic in [b"ustar  \0", &[0; 8], b"ustar\x0099"] {
        let block = Block { magic: magic.to_vec(), prefix: b"evil".to_vec(), ..Block::new("a", b'0', 0) };
        assert_eq!(code(&[block.bytes()]), "tar-prefix", "{}", magic.escape_ascii());
    }
}

#[test]
fn devices_and_fifos_are_refused() {
    for (flag, what) in [(b'3', "character device"), (b'4', "block device"), (b'6', "fifo")] {
        let lie = crate::lie(&tar(&[Block::new("a", flag, 0).bytes()]), Format::Tar);
        assert_eq!((lie.code(), lie.path()), ("tar-device", Some(&"a".into())));
        assert_eq!(lie.to_string(), format!("`a` at offset 0 is a {what}"));
    }
}

#[test]
fn unknown_types_are_refused() {
    for flag in [b'X', b'D', b'V', b'M', b'N', b'A', b'8', 0xff] {
        assert_eq!(code(&[Block::new("a", flag, 0).bytes()]), "tar-type-flag");
    }
}

#[test]
fn a_file_or_link_that_ends_in_a_slash_is_refused() {
    assert_eq!(code(&[file("a/", b"")]), "tar-kind");
    assert_eq!(code(&[link("a/", b'2', "b")]), "tar-kind");
    assert_eq!(code(&[pax(b'x', &[("path", b"a/")]), file("a", b"")]), "tar-kind");
}

#[test]
fn an_old_entry_that_is_a_directory_by_one_name_only_is_refused() {
    let old = |name: &str| Block::new(name, 0, 0).bytes();
    assert_eq!(code(&[pax(b'x', &[("path", b"a/")]), old("a")]), "tar-kind");
    assert_eq!(code(&[gnu_long(b'L', b"a"), old("a/")]), "tar-kind");
    let gnu = Block { magic: b"ustar  \0".to_vec(), ..Block::new("b/", 0, 0) };
    let same = tar(&[gnu_long(b'L', b"a/"), gnu.bytes()]);
    assert_eq!(crate::anomalies(&same, Format::Tar), [""; 0]);
}

#[test]
fn an_old_directory_has_no_ustar_header() {
    assert_eq!(code(&[Block::new("d/", 0, 0).bytes()]), "tar-kind");
    let old = tar(&[Block { magic: vec![0; 8], ..Block::new("d/", 0, 0) }.bytes()]);
    assert_eq!(crate::ok(&old, Format::Tar).members[0].kind, MemberKind::Directory);
}

#[test]
fn an_extension_of_neither_ustar_nor_gnu_is_refused() {
    for flag in [b'x', b'g', b'L', b'K'] {
        for magic in [&[0; 8], b"ustar\x0099", b"ustar\0\0\0"] {
            let block = Block { magic: magic.to_vec(), ..Block::new("x", flag, 12) };
            let members = [member(&block, b"12 path=evil\n"), file("a", b"")];
            assert_eq!(code(&members), "tar-extension-dialect", "{}", magic.escape_ascii());
        }
    }
}

#[test]
fn contents_of_what_has_none_are_refused() {
    for block in [
        Block::new("d/", b'5', 512),
        Block { link: b"b".to_vec(), ..Block::new("a", b'2', 512) },
        Block { magic: vec![0; 8], ..Block::new("d/", 0, 512) },
    ] {
        assert_eq!(code(&[member(&block, &[0; 512])]), "tar-size-without-contents");
    }
    let hard = Block { link: b"a".to_vec(), ..Block::new("b", b'1', 512) };
    assert_eq!(code(&[file("a", b""), member(&hard, &[0; 512])]), "tar-size-without-contents");
}

#[test]
fn two_sizes_of_one_member_are_refused() {
    for size in [b"1024".as_slice(), b"0", b"513"] {
        assert_eq!(code(&[pax(b'x', &[("size", size)]), file("a", &[0; 512])]), "tar-size");
    }
    assert_eq!(
        code(&[pax(b'x', &[("size", b"512")]), Block::new("a", b'0', 0).bytes(), file("evil", b"")]),
        "tar-size"
    );
    let same = tar(&[pax(b'x', &[("size", b"512")]), file("a", &[0; 512])]);
    assert_eq!(crate::anomalies(&same, Format::Tar), [""; 0]);
}

#[test]
fn a_hard_link_to_anything_but_an_earlier_file_is_refused() {
    assert_eq!(code(&[link("b", b'1', "a"), file("a", b"")]), "tar-hardlink-target");
    assert_eq!(code(&[link("b", b'1', "/etc/passwd")]), "tar-hardlink-target");
    assert_eq!(code(&[directory("a/"), link("b", b'1', "a")]), "tar-hardlink-target");
    assert_eq!(code(&[link("a", b'2', "/etc/passwd"), link("b", b'1', "a")]), "tar-hardlink-target");
    assert_eq!(code(&[link("a", b'1', "a")]), "tar-hardlink-target");
}

#[test]
fn a_symbolic_link_without_a_target_or_with_a_nul_in_it_is_refused() {
    assert_eq!(code(&[link("a", b'2', "")]), "tar-link-target");
    assert_eq!(code(&[pax(b'x', &[("linkpath", b"b\0c")]), link("a", b'2', "b")]), "tar-link-target");
}

#[test]
fn a_broken_pax_record_is_refused() {
    for body in ["5 a=b\n", "7 a=b\n", "x", "6 a-b\n", "06 a=b\n", "6 a=b\n\0"] {
        let block = Block::new("x", b'x', body.len() as u64);
        let lie = crate::lie(&tar(&[member(&block, body.as_bytes()), file("a", b"")]), Format::Tar);
        assert_eq!(lie.code(), "pax-record", "{body:?}");
    }
}

#[test]
fn a_record_within_the_value_of_another_is_no_record() {
    let comment = b"x\n16 path=evil.py\n";
    let bytes = tar(&[pax(b'x', &[("comment", comment), ("path", b"good.py")]), file("a", b"")]);
    assert_eq!(crate::ok(&bytes, Format::Tar).members[0].path, "good.py".into());
}

#[test]
fn a_pax_key_twice_is_refused() {
    assert_eq!(code(&[pax(b'x', &[("path", b"a"), ("path", b"b")]), file("a", b"")]), "pax-duplicate");
}

#[test]
fn pax_values_that_readers_parse_differently_are_refused() {
    for (key, value) in [
        ("path", b"".as_slice()),
        ("linkpath", b""),
        ("size", b" 1"),
        ("size", b"-1"),
        ("size", b"99999999999999999999"),
        ("mtime", b"1e9"),
        ("atime", b"now"),
        ("ctime", b""),
        ("uid", b"root"),
        ("gid", b"+1"),
        ("hdrcharset", b"UTF-16"),
        ("charset", b"x"),
    ] {
        assert_eq!(code(&[pax(b'x', &[(key, value)]), file("a", b"")]), "pax-value", "{key}");
    }
}

#[test]
fn a_name_with_a_nul_in_it_is_refused() {
    assert_eq!(code(&[pax(b'x', &[("path", b"good.py\0evil")]), file("a", b"")]), "name-unsafe");
}

#[test]
fn global_headers_that_decide_names_or_sizes_are_refused() {
    for key in ["path", "linkpath", "size", "hdrcharset"] {
        assert_eq!(code(&[pax(b'g', &[(key, b"1")]), file("a", b"")]), "pax-global", "{key}");
    }
}

#[test]
fn extensions_that_overrule_each_other_are_refused() {
    let x = || pax(b'x', &[("path", b"x")]);
    let (long, link) = (gnu_long(b'L', b"l"), gnu_long(b'K', b"k"));
    for (first, second) in [
        (x(), x()),
        (x(), long.clone()),
        (long.clone(), x()),
        (long.clone(), long),
        (link.clone(), link),
        (x(), pax(b'g', &[("comment", b"c")])),
    ] {
        assert_eq!(code(&[first, second, file("a", b"")]), "tar-stacked-extensions");
    }
}

#[test]
fn bytes_after_the_body_of_an_extension_are_refused() {
    let hidden = |mut extension: Vec<u8>, text: &[u8]| {
        let at = 512 + extension[512..].iter().rposition(|byte| *byte != 0).unwrap() + 1;
        extension[at..at + text.len()].copy_from_slice(text);
        code(&[extension, file("a", b"")])
    };
    assert_eq!(hidden(pax(b'x', &[("uname", b"u")]), b"16 path=evil.py\n"), "tar-extension-padding");
    assert_eq!(hidden(pax(b'g', &[("comment", b"c")]), b"16 path=evil.py\n"), "tar-extension-padding");
    let unended = Block::new("././@LongLink", b'L', 4);
    assert_eq!(hidden(member(&unended, b"good"), b"evil"), "tar-extension-padding");
    let bytes = tar(&[member(&unended, b"good"), file("a", b"")]);
    assert_eq!(crate::ok(&bytes, Format::Tar).members[0].path, "good".into());
}

#[test]
fn an_extension_without_a_member_is_refused() {
    assert_eq!(code(&[pax(b'x', &[("path", b"x")])]), "tar-dangling-extension");
    assert_eq!(code_of(&gnu_long(b'L', b"l")), "tar-dangling-extension");
}

#[test]
fn a_lone_block_of_zeros_in_the_midst_is_refused() {
    assert_eq!(code(&[file("a", b""), vec![0; 512], file("evil", b"")]), "tar-lone-zero-block");
}

#[test]
fn a_header_after_the_end_is_refused() {
    let lie = crate::lie(&tar(&[file("a", b""), vec![0; 1024], file("evil", b"")]), Format::Tar);
    assert_eq!(lie.code(), "tar-hidden-entry");
    assert!(lie.to_string().contains("offset 1536"), "{lie}");
}

#[test]
fn names_that_lead_out_or_contradict_each_other_are_refused() {
    for name in ["../a", "/a", "a/../b", "a//b", "a\\b", "."] {
        assert_eq!(code(&[pax(b'x', &[("path", name.as_bytes())]), file("a", b"")]), "name-unsafe");
    }
    assert_eq!(code(&[file("a", b""), file("a", b"")]), "name-duplicate");
    assert_eq!(code(&[directory("a/"), directory("a")]), "name-same-file");
    assert_eq!(code(&[link("a", b'2', "/etc"), file("a/passwd", b"")]), "name-parent-is-no-directory");
    assert_eq!(code(&[file("a/b", b""), link("a", b'2', "/etc")]), "name-parent-is-no-directory");
}

#[test]
fn the_length_of_a_record_counts_itself() {
    assert_eq!(record("a", b"b"), b"6 a=b\n");
    assert_eq!(record("comment", &[b'c'; 87]).len(), 99);
    assert_eq!(record("comment", &[b'c'; 88]).len(), 101);
}
