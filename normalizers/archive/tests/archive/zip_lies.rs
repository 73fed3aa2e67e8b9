//! Zip files that two readers would read differently: the end, the directory, and what lies between members.

use twinbuild_archive::{Format, Malformation, ZipFault};

use crate::raw_zip::{Entry, Zip, halves, local, longs, patched, words};

fn one() -> Zip {
    Zip::of([Entry::stored("a", b"twin")])
}

fn code(file: &Zip) -> &'static str {
    crate::code(&file.bytes(), Format::Zip)
}

fn code_of(bytes: &[u8]) -> &'static str {
    crate::code(bytes, Format::Zip)
}

#[test]
fn bytes_without_an_end_are_no_zip_file() {
    assert_eq!(code_of(b""), "zip-no-end");
    assert_eq!(code_of(&[0; 100_000]), "zip-no-end");
    let file = one().bytes();
    assert_eq!(code_of(&file[..file.len() - 1]), "zip-no-end");
}

#[test]
fn an_end_beyond_the_longest_comment_is_not_found() {
    assert_eq!(code(&Zip { trailer: vec![0; 70_000], ..one() }), "zip-no-end");
}

#[test]
fn two_ends_that_both_reach_the_end_are_refused() {
    let inner = Zip::default().bytes();
    assert_eq!(code(&Zip { comment: inner, ..one() }), "zip-several-ends");
}

#[test]
fn an_end_signature_that_only_some_searches_meet_is_refused() {
    assert_eq!(code(&Zip { comment: b"PK\x05\x06".to_vec(), ..one() }), "zip-several-ends");
    assert_eq!(code(&Zip { trailer: b"..PK\x05\x06.".to_vec(), ..one() }), "zip-several-ends");
}

#[test]
fn a_zip_file_within_a_stored_member_is_no_second_end() {
    let inner = one().bytes();
    let archive = crate::ok(&Zip::of([Entry::stored("inner.zip", &inner)]).bytes(), Format::Zip);
    assert_eq!((archive.members.len(), archive.anomalies.len()), (1, 0));
}

#[test]
fn a_comment_longer_than_the_file_is_refused() {
    assert_eq!(code(&Zip { comment_length: Some(1), ..one() }), "zip-comment-length");
}

#[test]
fn parts_of_split_archives_are_refused() {
    assert_eq!(code(&Zip { end_disk: 1, ..one() }), "zip-split");
    assert_eq!(code(&Zip::of([Entry { disk: 1, ..Entry::stored("a", b"") }])), "zip-split");
    assert_eq!(code(&Zip { end_disk: u16::MAX, zip64: true, ..one() }), "zip-split");
    let zip64 = Zip { zip64: true, ..one() }.bytes();
    assert_eq!(code_of(&patched(zip64.clone(), b"PK\x06\x07", 4, &[1])), "zip-split");
    assert_eq!(code_of(&patched(zip64.clone(), b"PK\x06\x07", 16, &[2])), "zip-split");
    assert_eq!(code_of(&patched(zip64, b"PK\x06\x06", 16, &[1])), "zip-split");
}

#[test]
fn two_counts_of_members_are_refused() {
    assert_eq!(code(&Zip { counts: Some((0, 1)), ..one() }), "zip-end-counts");
    let zip64 = Zip { zip64: true, ..one() }.bytes();
    assert_eq!(code_of(&patched(zip64, b"PK\x06\x06", 24, &[2])), "zip-end-counts");
}

#[test]
fn a_zip64_end_elsewhere_than_right_in_front_of_its_locator_is_refused() {
    let zip64 = Zip { zip64: true, ..one() }.bytes();
    assert_eq!(code_of(&patched(zip64.clone(), b"PK\x06\x07", 8, &[1])), "zip-zip64-end");
    assert_eq!(code_of(&patched(zip64.clone(), b"PK\x06\x06", 0, b"PK\x09")), "zip-zip64-end");
    assert_eq!(code_of(&patched(zip64, b"PK\x06\x06", 4, &[45])), "zip-zip64-end");
}

#[test]
fn a_zip64_end_that_contradicts_the_classic_one_is_refused() {
    let zip64 = Zip { zip64: true, ..one() };
    assert_eq!(code(&Zip { directory_size: Some(1), ..zip64.clone() }), "zip-zip64-end-differs");
    assert_eq!(code(&Zip { directory_offset: Some(1), ..zip64.clone() }), "zip-zip64-end-differs");
    assert_eq!(code(&Zip { counts: Some((2, 2)), ..zip64 }), "zip-zip64-end-differs");
}

#[test]
fn a_directory_that_readers_would_find_at_two_places_is_refused() {
    assert_eq!(code(&Zip { directory_offset: Some(0), ..one() }), "zip-directory-position");
    assert_eq!(code(&Zip { directory_size: Some(1), ..one() }), "zip-directory-position");
    let shifted = [b"prefix".as_slice(), &one().bytes()].concat();
    assert_eq!(code_of(&shifted), "zip-directory-position");
    let far = Zip { directory_offset: Some(u32::MAX), directory_size: Some(u32::MAX), ..one() };
    assert_eq!(code(&far), "zip-directory-position");
}

#[test]
fn a_directory_with_more_or_fewer_members_than_counted_is_refused() {
    assert_eq!(code(&Zip { counts: Some((0, 0)), ..one() }), "zip-directory-count");
    assert_eq!(code(&Zip { counts: Some((2, 2)), ..one() }), "zip-directory-count");
}

#[test]
fn a_directory_with_something_else_in_it_is_refused() {
    let file = one().bytes();
    assert_eq!(code_of(&patched(file.clone(), b"PK\x01\x02", 0, b"PK\x05\x05")), "zip-directory-record");
    assert_eq!(code_of(&patched(file, b"PK\x01\x02", 28, &[2])), "zip-directory-record");
    let short = Zip::of([Entry { extra: vec![0; 9], ..Entry::stored("a", b"") }]).bytes();
    assert_eq!(code_of(&patched(short, b"PK\x01\x02", 30, &[0])), "zip-directory-record");
}

#[test]
fn a_member_without_a_local_header_is_refused() {
    for offset in [1, 40, 60, u32::MAX - 1] {
        let entry = Entry { offset: Some(offset), ..Entry::stored("a", b"twin") };
        assert_eq!(code(&Zip::of([entry])), "zip-local-header", "{offset}");
    }
    let file = one().bytes();
    assert_eq!(code_of(&patched(file.clone(), b"PK\x03\x04", 26, &[200])), "zip-local-header");
    assert_eq!(code_of(&patched(file, b"PK\x03\x04", 2, &[9])), "zip-local-header");
}

#[test]
fn contents_that_reach_into_the_directory_are_refused() {
    let sums = (0, 50, 50);
    assert_eq!(code(&Zip::of([Entry { sums, ..Entry::stored("a", b"twin") }])), "zip-data-range");
}

#[test]
fn members_that_share_bytes_are_refused() {
    let inner = Entry::stored("b", b"twin");
    let outer = Entry::stored("a", &[local(&inner), inner.data.clone()].concat());
    let end = u32::try_from(local(&outer).len()).unwrap();
    let shared = Entry { offset: Some(end), ..inner };
    let mut file = Zip::of([outer, shared]);
    // The second member's own copy is left out, so that the first one's contents are its only place.
    let bytes = file.bytes();
    assert_eq!(code_of(&bytes), "zip-overlap");
    file.entries.swap(0, 1);
    assert!(
        matches!(crate::lie(&bytes, Format::Zip), Malformation::Zip(ZipFault::Overlap { path, .. }) if path == "b".into())
    );
}

#[test]
fn a_hidden_local_entry_is_rejected() {
    let hidden = [local(&Entry::stored("evil.py", b"")), vec![]].concat();
    let lie = crate::lie(&Zip { gap: hidden.clone(), ..one() }.bytes(), Format::Zip);
    assert_eq!((lie.code(), lie.path()), ("zip-hidden-entry", Some(&"evil.py".into())));
    assert_eq!(
        lie.to_string(),
        "a local header of `evil.py` that the central directory does not list is hidden at offset 35, in the gap between two members"
    );
    assert_eq!(code(&Zip { prefix: hidden.clone(), ..one() }), "zip-hidden-entry");
    assert_eq!(code(&Zip { trailer: hidden.clone(), ..one() }), "zip-hidden-entry");
    let between = Entry { before: hidden, ..Entry::stored("b", b"") };
    assert_eq!(code(&Zip::of([Entry::stored("a", b""), between])), "zip-hidden-entry");
}

#[test]
fn a_hidden_directory_is_rejected() {
    assert_eq!(code(&Zip { gap: b"..PK\x01\x02..".to_vec(), ..one() }), "zip-hidden-entry");
    assert_eq!(code(&Zip { prefix: Zip::default().bytes(), ..one() }), "zip-hidden-entry");
}

#[test]
fn a_member_that_the_directory_leaves_out_is_rejected() {
    let file = Zip::of([Entry::stored("a", b""), Entry::stored("b", b"")]).bytes();
    let at = file.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let directory = &file[at..at + 47];
    let end = [b"PK\x05\x06".as_slice(), &halves(&[0, 0, 1, 1]), &words(&[47, u32::try_from(at).unwrap()]), &[0, 0]];
    let cut = [&file[..at], directory, &end.concat()].concat();
    assert_eq!(code_of(&cut), "zip-hidden-entry");
}

#[test]
fn names_that_lead_out_or_mean_two_things_are_refused() {
    for name in ["../a", "/a", "a/../b", "C:a", "a//b", "a/./b", "a\\b", "a\nb", ""] {
        assert_eq!(code(&Zip::of([Entry::stored(name, b"")])), "name-unsafe", "{name:?}");
    }
    assert_eq!(code(&Zip::of([Entry::stored("a\0.py", b"")])), "name-unsafe");
    assert_eq!(code(&Zip::of([Entry::directory("./")])), "name-unsafe");
}

#[test]
fn names_that_contradict_each_other_are_refused() {
    let file = |name: &str| Entry::stored(name, b"");
    assert_eq!(code(&Zip::of([file("a"), file("a")])), "name-duplicate");
    assert_eq!(code(&Zip::of([file("a"), file("./a")])), "name-same-file");
    assert_eq!(code(&Zip::of([file("a"), Entry::directory("a/")])), "name-same-file");
    let lie = crate::lie(&Zip::of([file("a/b"), file("a")]).bytes(), Format::Zip);
    assert_eq!((lie.code(), lie.path()), ("name-parent-is-no-directory", Some(&"a/b".into())));
    assert_eq!(code(&Zip::of([Entry::link("a", b"/etc"), file("a/passwd")])), "name-parent-is-no-directory");
}

#[test]
fn a_lie_comes_before_the_first_contents_are_handed_out() {
    let file = Zip::of([Entry::stored("a", b"twin"), Entry::stored("../b", b"")]).bytes();
    let limits = twinbuild_archive::Limits::default();
    let read = twinbuild_archive::visit(&file, Format::Zip, &limits, &mut |_, _| panic!("handed out"));
    assert!(read.is_err());
}

#[test]
fn a_zip64_locator_hidden_in_the_last_comment_is_refused() {
    let locator = [b"PK\x06\x07\0\0\0\0".as_slice(), &longs(&[0]), &words(&[1])].concat();
    assert_eq!(code(&Zip::of([Entry { comment: locator, ..Entry::stored("a", b"twin") }])), "zip-zip64-end");
}
