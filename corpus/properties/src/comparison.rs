//! Comparing two files.

use std::collections::BTreeMap;

use twinbuild_archive::{Archive, Format, read};
use twinbuild_compare::{Normalizing, Pair, Relation, Side, SourceIndex, compare, relate, verify_record};
use twinbuild_repack::{Exactness, is_exact};
use twinbuild_subject::{MemberPath, Sha256};

use crate::archives::LIMITS;
use crate::choices::Choices;
use crate::wheel::{RECORD, Wheel};
use crate::{noise, plain, sums};

/// Whatever is changed in a wheel: it is identical to the honest one only if it is the same bytes, and equivalent only if
/// a careless reader finds the same names, kinds and contents in both, and modes that run the same. Contents may differ
/// in what a normalizer that is named may hide, and `RECORD` in the order of true rows and the rows of such members. The
/// honest wheel is written again exactly only from the contents that it has. All bytes and members are counted once.
///
/// The input chooses the honest wheel, the changes of its members and container, and changes of single bytes.
pub fn compare_zip(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let honest = Wheel::chosen(&mut choices);
    let mut other = honest.clone();
    let (has_raw_changes, is_three_way) = (choices.seldom(), choices.seldom());
    for _ in 0..choices.below(6) {
        other.change(&mut choices);
    }
    if !choices.seldom() {
        other.record();
    }
    let mut published = honest.write();
    let mut rebuilt = other.write();
    if choices.seldom() {
        // The one that was changed stands for the published file.
        std::mem::swap(&mut published, &mut rebuilt);
    }
    if has_raw_changes {
        choices.edit(&mut rebuilt, 4);
        rebuilt = sums::seal_zip(&rebuilt);
    }
    check_compared(&published, &rebuilt, is_three_way);
}

fn check_compared(published: &[u8], rebuilt: &[u8], is_three_way: bool) {
    let archives = [published, rebuilt].map(|bytes| read(bytes, Format::Zip, &LIMITS));
    let [Ok(left), Ok(right)] = archives else { return };
    let files = [published, rebuilt];
    let (a, b) = (side(&left, &published), side(&right, &rebuilt));
    for normalizing in [Normalizing::Yes, Normalizing::No] {
        let pair = relate(&a, &b, normalizing).unwrap();
        assert_eq!(pair.relation == Relation::Identical, published == rebuilt, "{pair:?}");
        assert_eq!(pair.relation == Relation::Different, !pair.changes.is_empty(), "{pair:?}");
        assert!(normalizing == Normalizing::Yes || pair.normalizations.iter().all(|one| is_record(&one.path)));
        if pair.relation == Relation::Equivalent {
            check_equivalent(files, &pair);
        }
    }
    let exactness = is_exact(&left, &published, &right, &rebuilt).unwrap();
    if matches!(exactness, Exactness::Exact(_)) {
        check_same_members(files, |name, x, y| {
            assert!(is_record(name) && same_lines(x, y), "{name} has another content and was written as the same");
        });
    }
    if is_three_way {
        let three = compare(&a, &b, &b, &SourceIndex::default(), Normalizing::Yes).unwrap();
        let (count, files) = (three.comparison.bytes, three.comparison.files);
        assert_eq!(count.identical + count.container + count.normalized + count.differing, count.total, "{count:?}");
        assert_eq!(count.total, left.size_bytes);
        assert_eq!(files.identical + files.normalized + files.differing + files.only_published, files.total);
    }
}

/// What two files may differ in that count as equivalent.
fn check_equivalent(files: [&[u8]; 2], pair: &Pair) {
    let is_named = |path: &MemberPath| pair.normalizations.iter().any(|one| one.path == *path);
    check_same_members(files, |path, a, b| {
        assert!(is_named(path), "{path} has another content: {pair:?}");
        if !is_record(path) {
            noise::check(path, a, b);
        } else if !same_lines(a, b) {
            for row in differing_rows(a, b) {
                let member = MemberPath::new(row.first().cloned().unwrap_or_default());
                assert!(is_named(&member), "RECORD differs in the row of {member}: {pair:?}");
            }
        }
    });
}

/// Panics unless both files have the same names, kinds and modes that run the same; other contents go to `differ`.
pub(crate) fn check_same_members(files: [&[u8]; 2], differ: impl Fn(&MemberPath, &[u8], &[u8])) {
    let [left, right] = files.map(|bytes| {
        let members = plain::zip(bytes).expect("a zip file that reads").into_iter();
        members.map(|member| (member.name.clone(), member)).collect::<BTreeMap<_, _>>()
    });
    let names = |members: &BTreeMap<Vec<u8>, plain::Member>| members.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&left), names(&right), "members were added or taken away");
    for (name, a) in &left {
        let (path, b) = (MemberPath::new(name.clone()), &right[name]);
        let kind = |member: &plain::Member| match member.mode & 0o170_000 {
            0 if name.ends_with(b"/") => 0o040_000,
            0 => 0o100_000,
            kind => kind,
        };
        assert_eq!(kind(a), kind(b), "{path} is of another kind");
        let runs = |member: &plain::Member| {
            let executable = if kind(member) == 0o100_000 { 0o100 } else { 0 };
            member.mode & (0o7000 | executable)
        };
        assert_eq!(runs(a), runs(b), "{path} runs otherwise: {:o} and {:o}", a.mode, b.mode);
        let is_believed = |member: &plain::Member| matches!(member.system, 3 | 19);
        assert!(is_believed(a) == is_believed(b) || runs(a) == 0, "{path} runs for some readers: {a:?} {b:?}");
        if a.content != b.content {
            differ(&path, &a.content, &b.content);
        }
    }
}

fn side<'a>(archive: &'a Archive, bytes: &'a &'a [u8]) -> Side<'a> {
    Side { archive, bytes, sha256: Sha256::of(bytes) }
}

pub(crate) fn is_record(path: &MemberPath) -> bool {
    path.ends_with(".dist-info/RECORD")
}

pub(crate) fn sorted_lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    lines.sort_unstable();
    lines
}

pub(crate) fn same_lines(a: &[u8], b: &[u8]) -> bool {
    sorted_lines(a) == sorted_lines(b)
}

fn differing_rows(a: &[u8], b: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let (left, right) = (plain::rows(a), plain::rows(b));
    let only_in = |of: &[Vec<Vec<u8>>], other: &[Vec<Vec<u8>>]| -> Vec<_> {
        of.iter().filter(|row| !other.contains(row)).cloned().collect()
    };
    [only_in(&left, &right), only_in(&right, &left)].concat()
}

/// Whatever a `RECORD` says of a wheel: it is told to be true only if a careless reader of CSV finds each file but
/// `RECORD` and its signatures in it, once, with its digest and size, and nothing else. True rows in any order are true.
///
/// The input chooses the wheel and edits of its true `RECORD`; what is left takes the place of `RECORD` where there is any.
pub fn verify_record_of_wheel(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let wheel = Wheel::of_any_shape(&mut choices);
    let file = wheel.write();
    let Ok(archive) = read(&file, Format::Zip, &LIMITS) else { return };
    let Some(index) = archive.index_of(RECORD.as_bytes()).filter(|index| archive.members[*index].is_file()) else {
        return;
    };
    let mut rows = wheel.rows();
    let by = choices.below(rows.len());
    rows.rotate_left(by);
    // A link is no file to `RECORD`, and the wheel does not know which of its modes make one.
    let has_rows_of_files_alone = archive.members.iter().all(|member| member.is_file() || member.path.ends_with("/"));
    if has_rows_of_files_alone {
        assert_eq!(verify_record(&archive, index, &rows.concat()), [], "true rows are told to be wrong");
    }
    let mut text = rows.concat();
    choices.edit(&mut text, 4);
    let rest = choices.rest();
    for text in [text.as_slice(), rest] {
        let faults = verify_record(&archive, index, text);
        assert!(faults.iter().all(|fault| !fault.detail.contains(char::is_control)), "{faults:?}");
        if faults.is_empty() {
            check_true(&archive, index, text);
        }
    }
}

/// Panics unless the rows are those of the archive's files.
fn check_true(archive: &Archive, index: usize, text: &[u8]) {
    let record = archive.members[index].path.as_bytes();
    let is_bare = |name: &[u8]| {
        name == record || [b".jws".as_slice(), b".p7s"].iter().any(|ending| name == [record, ending].concat())
    };
    let mut expected: BTreeMap<&[u8], Vec<u8>> = BTreeMap::new();
    for member in archive.members.iter().filter(|member| member.is_file()) {
        let digest = member.sha256.unwrap().to_url_safe_base64();
        expected.insert(member.path.as_bytes(), format!("sha256={digest},{}", member.size_bytes).into_bytes());
    }
    for row in plain::rows(text) {
        let [name, digest, size] = row.as_slice() else {
            panic!("a row of other than 3 fields is told to be true: {row:?}")
        };
        let said = [digest.as_slice(), b",", size].concat();
        let truth = expected.remove(name.as_slice()).expect("each file has one row, and what is no file has none");
        assert!(said == truth || (is_bare(name) && said == b","), "{row:?} is told to be true");
    }
    assert!(expected.keys().all(|name| is_bare(name)), "files are not listed: {expected:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_wheel_is_a_container_parameter_or_makes_a_difference() {
        let honest = Wheel::chosen(&mut Choices::new(&[3])).write();
        for at in 0..honest.len() {
            let mut other = honest.clone();
            other[at] ^= 1 << (at % 8);
            check_compared(&honest, &other, false);
            check_compared(&sums::seal_zip(&other), &honest, false);
        }
    }
}
