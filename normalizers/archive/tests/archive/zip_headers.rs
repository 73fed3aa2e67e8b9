//! Zip members whose headers and contents two readers would read differently.

use twinbuild_archive::{Format, Limits, ReadError};

use crate::raw_zip::{Entry, Zip, crc, deflate, extra, longs, words};

fn code(entry: Entry) -> &'static str {
    let lie = crate::lie(&Zip::of([entry]).bytes(), Format::Zip);
    assert!(lie.path().is_some(), "{lie}");
    assert!(!lie.to_string().ends_with('.') && lie.to_string().contains("offset"), "{lie}");
    lie.code()
}

fn stored() -> Entry {
    Entry::stored("a", b"twin")
}

#[test]
fn another_name_in_the_local_header_is_refused() {
    assert_eq!(code(Entry { local_name: Some(b"b".to_vec()), ..stored() }), "zip-local-name");
    assert_eq!(code(Entry { local_name: Some(b"a/".to_vec()), ..stored() }), "zip-local-name");
}

#[test]
fn other_values_in_the_local_header_are_refused() {
    let (crc, compressed, size) = stored().sums;
    assert_eq!(code(Entry { local_method: Some(8), ..stored() }), "zip-local-differs");
    for flag in [1, 1 << 3, 1 << 5, 1 << 6, 1 << 13] {
        assert_eq!(code(Entry { local_flags: Some(flag), ..stored() }), "zip-local-differs", "{flag:#x}");
    }
    for sums in [(crc + 1, compressed, size), (crc, compressed - 1, size), (crc, compressed, size - 1), (0, 0, 0)] {
        assert_eq!(code(Entry { local_sums: Some(sums), ..stored() }), "zip-local-differs", "{sums:?}");
    }
    let streamed = Entry::streamed("a", b"twin");
    assert_eq!(code(Entry { local_sums: Some((1, 0, 0)), ..streamed }), "zip-local-differs");
    let named = Entry { flags: 1 << 11, local_flags: Some(0), ..Entry::stored("é", b"") };
    assert_eq!(code(named), "zip-local-differs");
}

#[test]
fn a_name_in_another_encoding_than_declared_is_refused() {
    assert_eq!(code(Entry::stored("é", b"")), "zip-name-encoding");
    assert_eq!(code(Entry { flags: 1 << 11, ..Entry::stored(*b"\xff", b"") }), "zip-name-encoding");
    let declared = Zip::of([Entry { flags: 1 << 11, ..Entry::stored("é", b"") }]).bytes();
    assert_eq!(crate::anomalies(&declared, Format::Zip), [""; 0]);
}

#[test]
fn another_name_in_a_unicode_path_field_is_refused() {
    let field = extra(0x7075, &[b"\x01".as_slice(), &words(&[crc(b"a")]), b"evil.py"].concat());
    assert_eq!(code(Entry { extra: field.clone(), ..stored() }), "zip-unicode-path");
    assert_eq!(code(Entry { local_extra: field, ..stored() }), "zip-unicode-path");
}

#[test]
fn an_extra_field_that_runs_over_the_end_is_refused() {
    assert_eq!(code(Entry { extra: vec![1, 2, 9, 0], ..stored() }), "zip-extra-field-length");
    assert_eq!(code(Entry { local_extra: vec![1, 2, 9, 0], ..stored() }), "zip-extra-field-length");
}

#[test]
fn a_zip64_field_with_other_values_than_are_asked_for_is_refused() {
    let saturated = |extra| Entry { sums: (crc(b"twin"), u32::MAX, u32::MAX), extra, ..stored() };
    assert_eq!(code(saturated(extra(1, &longs(&[4])))), "zip-zip64-extra");
    assert_eq!(code(saturated(extra(1, &longs(&[4, 4, 4])))), "zip-zip64-extra");
    assert_eq!(code(saturated(extra(1, &longs(&[4, 4])).repeat(2))), "zip-zip64-extra");
    assert_eq!(code(Entry { extra: extra(1, &longs(&[5, 4])), ..stored() }), "zip-zip64-extra");
    assert_eq!(code(Entry { extra: extra(1, &longs(&[4, 4, 9])), ..stored() }), "zip-zip64-extra");
    assert_eq!(code(Entry { local_extra: extra(1, &longs(&[5, 4])), ..stored() }), "zip-zip64-extra");
}

#[test]
fn contradicting_signs_of_what_a_member_is_are_refused() {
    let with = |name: &str, creator: u16, external: u32| Entry { creator, external, ..Entry::stored(name, b"") };
    let unix = 3 << 8;
    for entry in [
        with("a", unix, 0o40_755 << 16),
        with("a/", unix, 0o120_777 << 16),
        with("a", 0, 0o120_777 << 16),
        with("a", 0, 0x10),
        with("a", unix, 0o10_644 << 16),
        with("a", unix, 0o60_644 << 16),
        with("a/", unix, 0o140_644 << 16),
    ] {
        let shown = format!("{:?} {:#o}", entry.name, entry.external >> 16);
        assert_eq!(code(entry), "zip-kind", "{shown}");
    }
}

#[test]
fn a_directory_with_contents_is_refused() {
    assert_eq!(code(Entry { external: 0o40_755 << 16, ..Entry::stored("a/", b"x") }), "zip-directory-data");
}

#[test]
fn encryption_is_refused() {
    for flags in [1, 1 << 6, 1 << 13] {
        assert_eq!(code(Entry { flags, ..stored() }), "zip-encrypted", "{flags:#x}");
    }
}

#[test]
fn a_stored_member_with_two_sizes_is_refused() {
    assert_eq!(code(Entry { sums: (0, 4, 5), ..stored() }), "zip-stored-size");
}

#[test]
fn a_stored_member_with_a_descriptor_is_refused() {
    let sums = stored().sums;
    let descriptor = [b"PK\x07\x08".as_slice(), &words(&[sums.0, sums.1, sums.2])].concat();
    let entry = Entry { flags: 8, descriptor, ..stored() };
    assert_eq!(code(Entry { local_sums: Some((0, 0, 0)), ..entry.clone() }), "zip-stored-descriptor");
    assert_eq!(code(entry), "zip-stored-descriptor");
    let empty = Entry { flags: 8, descriptor: words(&[0, 0, 0]), ..Entry::stored("a", b"") };
    assert_eq!(crate::anomalies(&Zip::of([empty]).bytes(), Format::Zip), [""; 0]);
}

#[test]
fn a_broken_deflate_stream_is_refused() {
    let broken = Entry { data: vec![0xff; 4], sums: (0, 4, 4), ..Entry::deflated("a", b"twin") };
    assert_eq!(code(broken), "zip-deflate");
    let mut cut = Entry::deflated("a", b"twin");
    cut.data.pop();
    cut.sums.1 -= 1;
    assert_eq!(code(cut), "zip-deflate");
    assert_eq!(code(Entry { data: vec![], sums: (0, 0, 0), ..Entry::deflated("a", b"") }), "zip-deflate");
}

#[test]
fn a_tail_that_readers_who_stream_would_read_is_refused() {
    let mut entry = Entry::deflated("a", b"twin");
    entry.data.extend(crate::raw_zip::local(&Entry::stored("evil.py", b"")));
    entry.sums.1 = u32::try_from(entry.data.len()).unwrap();
    assert_eq!(code(entry), "zip-deflate-tail");
    let mut streamed = Entry::streamed("a", b"twin");
    streamed.data.push(0);
    streamed.sums.1 += 1;
    streamed.descriptor = [b"PK\x07\x08".as_slice(), &words(&[streamed.sums.0, streamed.sums.1, 4])].concat();
    assert_eq!(code(streamed), "zip-deflate-tail");
}

#[test]
fn a_size_that_the_contents_do_not_have_is_refused() {
    let entry = Entry::deflated("a", b"twin");
    let (crc, compressed, _) = entry.sums;
    for size in [0, 3, 5, 4_000_000_000] {
        assert_eq!(code(Entry { sums: (crc, compressed, size), ..entry.clone() }), "zip-size", "{size}");
    }
    let directory = Entry { data: deflate(b"x"), sums: (0, 3, 0), ..Entry::deflated("a/", b"x") };
    let directory = Entry { external: 0o40_755 << 16, ..directory };
    assert_eq!(code(directory), "zip-size");
}

#[test]
fn a_bomb_that_lies_about_its_size_stops_at_the_size() {
    let mut entry = Entry::deflated("a", &vec![0; 4 << 20]);
    entry.sums.2 = 10;
    let mut seen = 0;
    let read =
        twinbuild_archive::visit(&Zip::of([entry]).bytes(), Format::Zip, &Limits::default(), &mut |_, contents| {
            let mut bytes = Vec::new();
            let outcome = contents.read_to_end(&mut bytes);
            seen = bytes.len();
            outcome.map(|_| ())
        });
    assert_eq!(seen, 10);
    assert!(matches!(read, Err(ReadError::Malformed(lie)) if lie.code() == "zip-size"));
}

#[test]
fn a_wrong_sum_is_refused() {
    let mut entry = stored();
    entry.sums.0 ^= 1;
    assert_eq!(code(entry), "zip-crc");
}

#[test]
fn a_descriptor_with_other_values_or_none_is_refused() {
    let streamed = || Entry::streamed("a", b"twin");
    assert_eq!(code(Entry { descriptor: vec![], ..streamed() }), "zip-descriptor");
    assert_eq!(code(Entry { descriptor: vec![0; 16], ..streamed() }), "zip-descriptor");
    let (crc, compressed, size) = streamed().sums;
    let wide = [b"PK\x07\x08", &*words(&[crc]), &longs(&[compressed.into(), size.into()])].concat();
    assert_eq!(code(Entry { descriptor: wide, ..streamed() }), "zip-descriptor");
    let narrow = Entry { local_extra: extra(1, &longs(&[0, 0])), ..streamed() };
    assert_eq!(code(Entry { local_sums: Some((0, u32::MAX, u32::MAX)), ..narrow }), "zip-descriptor");
}

#[test]
fn a_link_without_a_target_or_with_a_nul_in_it_is_refused() {
    assert_eq!(code(Entry::link("a", b"")), "zip-link-target");
    assert_eq!(code(Entry::link("a", b"b\0c")), "zip-link-target");
}

#[test]
fn hostile_names_are_escaped_in_messages() {
    let lie = crate::lie(&Zip::of([Entry::stored("\x1b[31m", b"")]).bytes(), Format::Zip);
    assert_eq!(lie.to_string(), r"the name `\u{1b}[31m` at offset 35 is unsafe: the name has a control character");
}
