//! Files written without build noise.

use std::collections::BTreeMap;

use twinbuild_archive::{Archive, Format, Limits, contents, read};
use twinbuild_canonical::{Canonical, CanonicalError, write};
use twinbuild_compare::verify_record;
use twinbuild_subject::MemberPath;

use crate::archives::LIMITS;
use crate::choices::Choices;
use crate::comparison::{check_same_members, is_record, sorted_lines};
use crate::wheel::{RECORD, Wheel};
use crate::{noise, plain, sums};

/// What is written may be compressed better than what was read, up to what deflate can do.
const WRITTEN: Limits = Limits { total_bytes: 2 * LIMITS.total_bytes, ratio: 1_100, ..LIMITS };

/// Whatever a zip file is: if it reads, writing it in canonical form names what would be lost, or gives a zip file with the
/// same members that is written again as it is. Contents differ in what a normalizer that is named may hide, and `RECORD`
/// in the order of its lines and in the rows of such members.
///
/// Bytes that do not begin like a zip file choose the members and values of one, and changes.
pub fn normalize_zip(bytes: &[u8]) {
    if bytes.starts_with(b"PK") {
        check_written(bytes);
        let sealed = sums::seal_zip(bytes);
        if sealed != bytes {
            check_written(&sealed);
        }
        return;
    }
    let mut choices = Choices::new(bytes);
    let mut wheel = Wheel::of_any_shape(&mut choices);
    for _ in 0..choices.below(6) {
        wheel.change(&mut choices);
    }
    if !choices.seldom() {
        wheel.record();
    }
    check_written(&wheel.write());
}

fn check_written(file: &[u8]) {
    let Ok(archive) = read(file, Format::Zip, &LIMITS) else { return };
    let Some((written, canonical)) = written(&archive, file) else { return };
    let again = read(&written, Format::Zip, &WRITTEN).expect("what was written reads");
    check_same_names([&archive, &again], &canonical);
    assert_eq!(has_true_record(&archive, file), has_true_record(&again, &written), "{canonical:?}");
    // The careless reader knows no method but deflate, and takes the mode of a directory at its word.
    let is_odd = archive.anomalies.iter().any(|anomaly| anomaly.code == "zip-directory-attributes");
    if !is_odd && plain::zip(file).is_some() {
        check_normalized([file, &written], &canonical);
    }
    let (written_again, nothing) = self::written(&again, &written).expect("nothing would be lost of what was written");
    assert!(nothing.rewritten.is_empty(), "{nothing:?}");
    assert!(written_again == written, "it is written otherwise the second time: {canonical:?}, then {nothing:?}");
}

/// The canonical form, where there is one.
fn written(archive: &Archive, bytes: &[u8]) -> Option<(Vec<u8>, Canonical)> {
    let mut written = Vec::new();
    match write(archive, &bytes, &mut written) {
        Ok(canonical) => Some((written, canonical)),
        Err(error @ (CanonicalError::Read(_) | CanonicalError::Failed(_) | CanonicalError::Format)) => {
            panic!("a zip file in memory can be read again: {error:?}")
        }
        Err(error) => {
            assert!(!error.to_string().contains(char::is_control), "{error:?}");
            None
        }
    }
}

/// The members are the same, and so are their kinds and, but for `RECORD` and what a normalizer rewrote, their contents.
fn check_same_names(archives: [&Archive; 2], canonical: &Canonical) {
    let [before, after] = archives.map(|archive| {
        let members = archive.members.iter().map(|member| {
            let may_differ = is_record(&member.path) || is_rewritten(canonical, &member.path);
            let sha256 = member.sha256.filter(|_| !may_differ);
            (&member.path, (member.kind.clone(), sha256))
        });
        members.collect::<BTreeMap<_, _>>()
    });
    assert_eq!(before, after);
}

fn is_rewritten(canonical: &Canonical, path: &MemberPath) -> bool {
    canonical.rewritten.iter().any(|one| one.path == *path)
}

/// Whether `RECORD` tells the truth, where there is exactly one.
fn has_true_record(archive: &Archive, bytes: &[u8]) -> Option<bool> {
    let records = archive.members.iter().filter(|member| is_record(&member.path) && member.components().len() == 2);
    let index = archive.index_of(RECORD.as_bytes()).filter(|index| archive.members[*index].is_file())?;
    if records.count() > 1 {
        return None;
    }
    let text = contents(bytes, archive, index, WRITTEN.member_bytes).unwrap();
    Some(verify_record(archive, index, &text).is_empty())
}

/// What the canonical form may differ in.
fn check_normalized(files: [&[u8]; 2], canonical: &Canonical) {
    let is_named = |path: &MemberPath| is_rewritten(canonical, path);
    check_same_members(files, |path, a, b| {
        if is_named(path) {
            noise::check(path, a, b);
            return;
        }
        assert!(is_record(path), "{path} has another content: {canonical:?}");
        let [before, after] = [a, b].map(sorted_lines);
        assert_eq!(before.len(), after.len(), "RECORD has more lines or fewer");
        for line in before.iter().filter(|line| !after.contains(line)) {
            let name = plain::rows(line).swap_remove(0).swap_remove(0);
            assert!(is_named(&MemberPath::new(name)), "RECORD differs in `{}`: {canonical:?}", line.escape_ascii());
        }
    });
}
