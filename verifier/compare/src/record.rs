//! The `RECORD`s of two wheels.

use twinbuild_archive::Archive;
pub use twinbuild_record::RecordFault;
use twinbuild_record::{ListedFile, is_record, row_path, verify};
use twinbuild_subject::MemberPath;

/// The index of a wheel's `RECORD`: the file of that name in the one `*.dist-info` folder at the top.
pub(crate) fn record_index(archive: &Archive) -> Option<usize> {
    let mut found =
        archive.members.iter().enumerate().filter(|(_, member)| member.is_file() && is_record(&member.path));
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Some(index),
        _ => None,
    }
}

/// Checks `content`, the `RECORD` at `index`, against the members, as [`twinbuild_record::verify`] does.
#[must_use]
pub fn verify_record(archive: &Archive, index: usize, content: &[u8]) -> Vec<RecordFault> {
    let files = archive.members.iter().filter(|member| member.is_file());
    let files =
        files.map(|member| ListedFile { path: &member.path, size_bytes: member.size_bytes, sha256: member.sha256 });
    verify(&archive.members[index].path, files, content)
}

/// Whether two texts have the same lines, line ends included, in any order.
pub(crate) fn same_lines(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && sorted_lines(a) == sorted_lines(b)
}

/// The lines, line ends included, that only one of the texts has; each as the path in its first field.
pub(crate) fn differing_rows(a: &[u8], b: &[u8]) -> Vec<MemberPath> {
    let (left, right) = (sorted_lines(a), sorted_lines(b));
    let only_in = |of: &[&[u8]], other: &[&[u8]]| -> Vec<MemberPath> {
        of.iter().filter(|line| other.binary_search(line).is_err()).map(|line| row_path(line)).collect()
    };
    [only_in(&left, &right), only_in(&right, &left)].concat()
}

fn sorted_lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<_> = text.split_inclusive(|byte| *byte == b'\n').collect();
    lines.sort_unstable();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_order_of_lines_may_differ() {
        assert!(same_lines(b"a,1,\nb,2,\n", b"b,2,\na,1,\n"));
        assert!(!same_lines(b"a,1,\nb,2,\n", b"b,2,\r\na,1,\n"));
        assert!(!same_lines(b"a,1,\na,1,\nb,2,\n", b"a,1,\nb,2,\nb,2,\n"));
        assert_eq!(differing_rows(b"a,1,\nb,2,\n", b"b,3,\na,1,\n"), ["b".into(), "b".into()]);
        assert_eq!(differing_rows(b"\"a,b\",1,\n", b"\n"), ["a,b".into(), "".into()]);
        assert_eq!(differing_rows(b"a,1,\n", b"a,1,\r\n"), ["a".into(), "a".into()]);
    }
}
