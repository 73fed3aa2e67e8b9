//! `RECORD`: the list of a wheel's files with their digests.

use std::collections::HashMap;

use twinbuild_archive::{Archive, Member};
use twinbuild_subject::MemberPath;

/// More faults of one `RECORD` than this are no news, in number.
const MOST_FAULTS: usize = 1000;

/// One way in which a `RECORD` does not tell the truth about its archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFault {
    /// The member that it is about.
    pub path: MemberPath,
    /// What is wrong, as a sentence.
    pub detail: String,
}

/// The index of a wheel's `RECORD`: the file of that name in the one `*.dist-info` folder at the top.
pub(crate) fn record_index(archive: &Archive) -> Option<usize> {
    let is_record = |member: &Member| {
        member.is_file()
            && member.path.ends_with(".dist-info/RECORD")
            && member.path.as_bytes().iter().filter(|byte| **byte == b'/').count() == 1
    };
    let mut found = archive.members.iter().enumerate().filter(|(_, member)| is_record(member));
    match (found.next(), found.next()) {
        (Some((index, _)), None) => Some(index),
        _ => None,
    }
}

/// Checks `content`, the `RECORD` at `index`, against the members (PyPA "Recording installed projects", "The RECORD
/// file"): each file is listed once, with its SHA-256 in URL-safe base64 without padding and its size; `RECORD` itself
/// is listed without, and its signatures `RECORD.jws` and `RECORD.p7s` need not be listed. Directories are not listed. At
/// most 1000 faults are told.
#[must_use]
pub fn verify_record(archive: &Archive, index: usize, content: &[u8]) -> Vec<RecordFault> {
    let record = &archive.members[index].path;
    let mut faults = Vec::new();
    let mut unlisted: HashMap<&[u8], &Member> = archive
        .members
        .iter()
        .filter(|member| member.is_file())
        .map(|member| (member.path.as_bytes(), member))
        .collect();
    let is_signature =
        |path: &[u8]| path.strip_prefix(record.as_bytes()).is_some_and(|rest| matches!(rest, b".jws" | b".p7s"));
    let mut fault = |path: &MemberPath, detail: String| {
        if faults.len() < MOST_FAULTS {
            faults.push(RecordFault { path: path.clone(), detail });
        }
    };
    let mut rows = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(content);
    for row in rows.byte_records() {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                fault(record, format!("RECORD is not a CSV file: {error}"));
                break;
            }
        };
        let (name, digest, size) = (&row.get(0).unwrap_or_default(), row.get(1), row.get(2));
        let path = MemberPath::new(*name);
        if row.len() != 3 {
            fault(&path, format!("RECORD has a row with {} fields, and 3 are expected", row.len()));
            continue;
        }
        let Some(member) = unlisted.remove(*name) else {
            fault(&path, "RECORD lists it, and the archive has no such file, or it is listed twice".to_owned());
            continue;
        };
        let (digest, size) = (digest.unwrap_or_default(), size.unwrap_or_default());
        let may_be_bare = member.path == *record || is_signature(name);
        if may_be_bare && digest.is_empty() && size.is_empty() {
            continue;
        }
        let expected = member.sha256.as_ref().map(|sha256| format!("sha256={}", sha256.to_url_safe_base64()));
        if expected.as_deref().map(str::as_bytes) != Some(digest) {
            let found = MemberPath::new(digest);
            fault(&path, format!("RECORD says {found}, and the file is {}", expected.unwrap_or_default()));
        }
        if size != member.size_bytes.to_string().as_bytes() {
            let found = MemberPath::new(size);
            fault(&path, format!("RECORD says \"{found}\" bytes, and the file has {}", member.size_bytes));
        }
    }
    let mut missing: Vec<&Member> =
        unlisted.into_values().filter(|member| !is_signature(member.path.as_bytes())).collect();
    missing.sort_by(|a, b| a.path.cmp(&b.path));
    for member in missing {
        fault(&member.path, "RECORD does not list it".to_owned());
    }
    faults
}

/// Whether two texts have the same lines, line ends included, in any order.
pub(crate) fn same_lines(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && sorted_lines(a) == sorted_lines(b)
}

/// The lines, line ends included, that only one of the texts has; each as the path in its first field.
pub(crate) fn differing_rows(a: &[u8], b: &[u8]) -> Vec<MemberPath> {
    let (left, right) = (sorted_lines(a), sorted_lines(b));
    let only_in = |of: &[&[u8]], other: &[&[u8]]| -> Vec<MemberPath> {
        of.iter().filter(|line| other.binary_search(line).is_err()).map(|line| first_field(line)).collect()
    };
    [only_in(&left, &right), only_in(&right, &left)].concat()
}

fn sorted_lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<_> = text.split_inclusive(|byte| *byte == b'\n').collect();
    lines.sort_unstable();
    lines
}

fn first_field(line: &[u8]) -> MemberPath {
    if !line.contains(&b'"') {
        // The usual row, and there can be very many of them: nothing is quoted.
        let end = line.iter().position(|byte| matches!(byte, b',' | b'\r' | b'\n')).unwrap_or(line.len());
        return MemberPath::new(&line[..end]);
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(line);
    let row = reader.byte_records().next().and_then(Result::ok).unwrap_or_default();
    MemberPath::new(row.get(0).unwrap_or_default())
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
