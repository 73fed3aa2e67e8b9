//! What a normalizer may hide, read a second time: two contents that count as equal may differ in this and in nothing else.

use twinbuild_subject::MemberPath;

use crate::plain::{self, Field};

/// The fields of `METADATA` that keep their order (PyPA "Core metadata specifications"): what is installed beside it.
const DEPENDENCIES: [&str; 8] = [
    "name",
    "version",
    "requires-dist",
    "requires-python",
    "requires-external",
    "provides-extra",
    "provides-dist",
    "obsoletes-dist",
];
const DATES: [&[u8]; 2] = [b"POT-Creation-Date: ", b"PO-Revision-Date: "];
const DATE_BYTES: usize = 21;
const DATE_KEYWORDS: [&[u8]; 3] = [b"date:create\0", b"date:modify\0", b"Creation Time\0"];

/// Panics if the contents of a member differ in more than a rule for a member of this name may hide.
pub(crate) fn check(path: &MemberPath, a: &[u8], b: &[u8]) {
    let name = path.as_bytes();
    let is_in_dist_info = |file: &[u8]| {
        name.strip_suffix(file)
            .is_some_and(|folder| folder.ends_with(b".dist-info/") && name[..folder.len() - 1] != *b"")
            && name.iter().filter(|byte| **byte == b'/').count() == 1
    };
    let is_script = name.to_ascii_lowercase().windows(13).any(|part| part == b".data/scripts");
    let ends = |ending: &str| path.ends_with(ending) && !is_script;
    if is_in_dist_info(b"METADATA") {
        check_metadata(a, b);
    } else if is_in_dist_info(b"WHEEL") {
        check_wheel(a, b);
    } else if is_in_dist_info(b"metadata.json") || is_in_dist_info(b"pydist.json") {
        let [a, b] = [a, b].map(|bytes| plain::json(bytes).expect("a JSON text"));
        assert_eq!(a, b, "more than the order of members and how they are written differs in {path}");
    } else if ends(".png") {
        assert_eq!(without_times(a), without_times(b), "more than times differs in {path}");
    } else if ends(".mo") || ends(".gmo") {
        assert_eq!(without_dates(a), without_dates(b), "more than dates differs in {path}");
    } else if ends(".gz") {
        let [a, b] = [a, b].map(|bytes| {
            let gzip = plain::gzip(bytes).expect("a gzip file");
            (gzip.hints, gzip.extra, gzip.comment, gzip.contents, &bytes[gzip.trailer..])
        });
        assert_eq!(a, b, "more than the header's time and name differs in {path}");
    } else if ends(".a") {
        assert_eq!(without_owners(a), without_owners(b), "more than owners and times differs in {path}");
    } else {
        panic!("no rule is for {path}, and contents that differ count as equal");
    }
}

/// The same fields, those with a meaning to installers in the same order, and the same description.
fn check_metadata(a: &[u8], b: &[u8]) {
    let [(left, left_text), (right, right_text)] = [a, b].map(plain::fields);
    assert_eq!(left_text, right_text, "the descriptions differ");
    let dependencies = |fields: &[Field]| -> Vec<Field> {
        fields.iter().filter(|(name, _)| DEPENDENCIES.contains(&name.as_str())).cloned().collect()
    };
    assert_eq!(dependencies(&left), dependencies(&right), "dependency fields differ");
    let requirements = |bytes: &[u8]| -> Vec<Vec<u8>> {
        let lines = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).map(<[u8]>::to_ascii_lowercase);
        let is_dependency = |line: &Vec<u8>| {
            line.strip_prefix(b"requires-dist").is_some_and(|rest| rest.trim_ascii_start().starts_with(b":"))
        };
        lines.filter(is_dependency).collect()
    };
    assert_eq!(requirements(a), requirements(b), "lines that are dependencies to a reader of lines differ");
    let sorted = |mut fields: Vec<Field>| {
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        fields
    };
    assert_eq!(sorted(left), sorted(right), "fields differ, or the order among fields of one name");
}

/// All fields but `Generator` are the same in the same order, and so is what follows them.
fn check_wheel(a: &[u8], b: &[u8]) {
    let [left, right] = [a, b].map(|bytes| {
        let (mut fields, text) = plain::fields(bytes);
        for (name, value) in &mut fields {
            if name == "generator" {
                value.clear();
            }
        }
        (fields, text)
    });
    assert_eq!(left, right, "more than the generator differs in WHEEL");
}

/// The type and the data of a chunk.
type Chunk<'a> = (&'a [u8], &'a [u8]);

/// The chunks of an image, the times in them left out, and what follows the last one.
fn without_times(bytes: &[u8]) -> (Vec<Chunk<'_>>, &[u8]) {
    let chunks = plain::png(bytes).expect("a PNG image");
    let end = chunks.last().map_or(8, |chunk| chunk.end);
    let parts = chunks.into_iter().map(|chunk| {
        let (kind, data) = bytes[chunk.start + 4..chunk.end - 4].split_at(4);
        let keyword = DATE_KEYWORDS.iter().find(|keyword| data.starts_with(keyword));
        match (kind, keyword) {
            (b"tIME", _) => (kind, &data[..0]),
            (b"tEXt" | b"zTXt" | b"iTXt", Some(keyword)) => (kind, &data[..keyword.len()]),
            _ => (kind, data),
        }
    });
    (parts.collect(), &bytes[end..])
}

/// A catalogue with zeros for every date under one of the two keys.
fn without_dates(bytes: &[u8]) -> Vec<u8> {
    let mut plain = bytes.to_vec();
    for at in 0..bytes.len() {
        for key in DATES {
            let date = at + key.len();
            if bytes[at..].starts_with(key)
                && let Some(date) = plain.get_mut(date..date + DATE_BYTES)
                && date.iter().all(|byte| byte.is_ascii_digit() || b"-+: ".contains(byte))
            {
                date.fill(0);
            }
        }
    }
    plain
}

/// An ar archive with blanks for times, users and groups, and modes without the bits that a umask decides.
fn without_owners(bytes: &[u8]) -> Vec<u8> {
    let mut plain = bytes.to_vec();
    let mut at = 8;
    while let Some(header) = bytes.get(at..at + 60) {
        let number = |from: usize, to: usize, radix| {
            let text = std::str::from_utf8(&header[from..to]).expect("digits").trim_end();
            u64::from_str_radix(text, radix).ok()
        };
        let size = usize::try_from(number(48, 58, 10).expect("a size")).expect("a size");
        let is_symbol_table = header.starts_with(b"__.SYMDEF") || bytes[at + 60..].starts_with(b"__.SYMDEF");
        plain[at + if is_symbol_table { 28 } else { 16 }..at + 40].fill(b' ');
        let mode = number(40, 48, 8).map_or(u64::MAX, |mode| mode & !0o066);
        plain[at + 40..at + 48].copy_from_slice(&mode.to_le_bytes());
        at = (at + 60 + size).next_multiple_of(2);
    }
    plain
}
