//! What is no container parameter is refused by name, with the member that has it (law 7).

use std::io::Write as _;

use twinbuild_repack::Reason;

use crate::raw_zip::{Entry, extra, text, zip, zip_with};
use crate::refusal;

/// The refusal of a zip file of an ordinary member and this one, `b`.
#[track_caller]
fn member(entry: Entry) -> Reason {
    let (path, reason) = refusal(&zip(&[Entry::stored("a", "a"), entry]));
    assert_eq!(path, "b");
    reason
}

fn b() -> Entry {
    Entry::stored("b", "bb")
}

#[test]
fn comments_are_refused() {
    let bytes = zip_with(&[b()], b"hello", false);
    let offset = bytes.len() as u64 - 5;
    assert_eq!(refusal(&bytes), (String::new(), Reason::Comment { offset, length: 5 }));
    assert_eq!(member(Entry { comment: b"hello", ..b() }), Reason::MemberComment { length: 5 });
}

#[test]
fn bytes_that_belong_to_no_member_are_refused() {
    let gap = zip(&[Entry::stored("a", "a"), Entry { gap: b"xyz", ..b() }]);
    assert!(matches!(refusal(&gap).1, Reason::Gap { length: 3, .. }));
    let prefix = zip(&[Entry { gap: b"#!/bin/sh\n", ..b() }]);
    assert_eq!(refusal(&prefix).1, Reason::Prefix { length: 10 });
    let mut trailer = zip(&[b()]);
    trailer.extend(b"xx");
    assert!(matches!(refusal(&trailer).1, Reason::Trailer { length: 2, .. }));
}

#[test]
fn extra_fields_other_than_times_are_refused() {
    let owners = Entry { extra: extra(0x7875, &[1, 4, 0, 0, 0, 0, 4, 0, 0, 0, 0]), ..b() };
    assert_eq!(member(owners), Reason::ExtraField { id: 0x7875, length: 11 });
    let unknown = Entry { local_extra: extra(0xbeef, b"secret"), ..b() };
    assert_eq!(member(unknown), Reason::ExtraField { id: 0xbeef, length: 6 });
    // Reserved bytes and unannounced ones of fields that are parameters carry nothing either.
    let reserved = [[1, 0, 0, 0, 1, 0, 24, 0].as_slice(), &[0; 24]].concat();
    assert!(matches!(member(Entry { extra: extra(0x000a, &reserved), ..b() }), Reason::ExtraField { id: 0x000a, .. }));
    let longer = Entry { extra: extra(0x5455, &[1, 0, 0, 0, 0, 9, 9, 9, 9]), ..b() };
    assert!(matches!(member(longer), Reason::ExtraField { id: 0x5455, .. }));
}

#[test]
fn extra_fields_that_repeat_or_leave_a_rest_are_refused() {
    let time = extra(0x5455, &[1, 0, 0, 0, 0]);
    assert_eq!(member(Entry { extra: [time.clone(), time].concat(), ..b() }), Reason::ExtraFields);
    assert_eq!(member(Entry { local_extra: vec![1, 2, 3], ..b() }), Reason::ExtraRemainder { length: 3 });
}

#[test]
fn bytes_after_a_deflate_stream_are_refused() {
    let mut entry = Entry::deflated("b", "bb");
    entry.data.extend(b"tail");
    assert_eq!(member(entry), Reason::DeflateTail { length: 4 });
}

#[test]
fn unusual_header_values_are_refused() {
    assert_eq!(member(Entry { flags: 1 << 4, ..b() }), Reason::Flags { flags: 1 << 4 });
    assert_eq!(member(Entry { system: 77, ..b() }), Reason::Creator { system: 77, version: 20 });
    assert_eq!(member(Entry { version: 64, ..b() }), Reason::Creator { system: 3, version: 64 });
    assert_eq!(member(Entry { needed: 33, ..b() }), Reason::VersionNeeded { version: 33 });
}

#[test]
fn headers_that_differ_from_the_directory_are_refused() {
    let field = |entry| match member(entry) {
        Reason::HeadersDiffer { field } => field,
        other => panic!("{other}"),
    };
    assert_eq!(field(Entry { local_flags: Some(2), ..b() }), "flags");
    assert_eq!(field(Entry { local_date: Some(0x21), ..b() }), "DOS time");
    assert_eq!(field(Entry { local_needed: Some(10), ..b() }), "version needed");
}

#[test]
fn type_bits_of_another_kind_are_refused() {
    let directory = Entry { external: 0o100_755 << 16, ..Entry::directory("d/") };
    assert_eq!(refusal(&zip(&[directory])), ("d/".to_owned(), Reason::TypeBits { type_bits: 0o100_000 }));
}

#[test]
fn another_order_in_the_directory_is_refused() {
    let bytes = zip(&[Entry::stored("a", "1"), Entry::stored("b", "2")]);
    let start = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let (files, directory) = bytes.split_at(start);
    let swapped = [files, &directory[47..94], &directory[..47], &directory[94..]].concat();
    assert_eq!(refusal(&swapped), ("b".to_owned(), Reason::Order { found: 32, expected: 0 }));
}

#[test]
fn compressed_bytes_of_no_known_encoder_are_refused() {
    // One stored block: no level of zlib gives it for a text that can be compressed.
    let contents = text(400);
    let mut data = vec![1, 0x90, 0x01, 0x6f, 0xfe];
    data.extend(&contents);
    let entry = Entry { data, method: 8, ..Entry::stored("b", contents) };
    assert_eq!(member(entry), Reason::Encoder { compressed_bytes: 405, bytes: 400 });
}

#[test]
fn an_encoder_that_is_fed_otherwise_is_refused() {
    let contents = text(100_000);
    let mut encoder = flate2::write::DeflateEncoder::new(vec![], flate2::Compression::new(6));
    for chunk in contents.chunks(50_000) {
        encoder.write_all(chunk).unwrap();
        encoder.flush().unwrap();
    }
    let entry = Entry { data: encoder.finish().unwrap(), method: 8, ..Entry::stored("b", contents) };
    assert!(matches!(member(entry), Reason::Encoder { bytes: 100_000, .. }));
}

#[test]
fn refusals_are_sentences() {
    let bytes = zip(&[Entry { comment: b"hello", ..b() }]);
    let refused = twinbuild_repack::infer(&crate::archive(&bytes), &bytes).unwrap_err();
    assert_eq!(refused.to_string(), "the archive cannot be written again exactly: `b` has a comment of 5 bytes");
}
