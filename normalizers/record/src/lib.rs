//! `RECORD`: the list of a wheel's files with their digests (PyPA "Recording installed projects", "The RECORD file").
//!
//! [`is_record`] knows it by its name, [`verify`] checks every row of it against the wheel's files, and [`row_path`] says
//! which file a single row is about. Nothing is read but the text that is given.
//!
//! ```
//! use twinbuild_record::{ListedFile, verify};
//! use twinbuild_subject::{MemberPath, Sha256};
//!
//! let (record, module) = (MemberPath::from("a-1.dist-info/RECORD"), MemberPath::from("a.py"));
//! let files = [
//!     ListedFile { path: &record, size_bytes: 0, sha256: None },
//!     ListedFile { path: &module, size_bytes: 1, sha256: Some(Sha256::of(b"a")) },
//! ];
//! let text = b"a.py,sha256=ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs,1\na-1.dist-info/RECORD,,\n";
//! assert!(verify(&record, files, text).is_empty());
//! assert_eq!(verify(&record, files, b"a-1.dist-info/RECORD,,\n")[0].path, module);
//! ```
#![forbid(unsafe_code)]

use std::collections::HashMap;

use twinbuild_subject::{MemberPath, Sha256};

/// More faults of one `RECORD` than this are no news, in number.
const MOST_FAULTS: usize = 1000;

/// A file of the wheel.
#[derive(Debug, Clone, Copy)]
pub struct ListedFile<'a> {
    /// Its name.
    pub path: &'a MemberPath,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its digest.
    pub sha256: Option<Sha256>,
}

/// One way in which a `RECORD` does not tell the truth about its archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFault {
    /// The member that it is about.
    pub path: MemberPath,
    /// What is wrong, as a sentence.
    pub detail: String,
}

/// Whether a file of this name is a wheel's `RECORD`: in a `*.dist-info` folder at the top. A wheel has one; where there are
/// several, none is.
#[must_use]
pub fn is_record(path: &MemberPath) -> bool {
    path.ends_with(".dist-info/RECORD") && path.as_bytes().iter().filter(|byte| **byte == b'/').count() == 1
}

/// Checks `text`, the `RECORD` of the name `record`, against the wheel's files: each is listed once, with its SHA-256 in
/// URL-safe base64 without padding and its size; `RECORD` itself is listed without, and its signatures `RECORD.jws` and
/// `RECORD.p7s` need not be listed. Directories are not listed. At most 1000 faults are told.
#[must_use]
pub fn verify<'a>(
    record: &MemberPath,
    files: impl IntoIterator<Item = ListedFile<'a>>,
    text: &[u8],
) -> Vec<RecordFault> {
    let mut faults = Vec::new();
    let mut unlisted: HashMap<&[u8], ListedFile<'a>> =
        files.into_iter().map(|file| (file.path.as_bytes(), file)).collect();
    let is_signature =
        |path: &[u8]| path.strip_prefix(record.as_bytes()).is_some_and(|rest| matches!(rest, b".jws" | b".p7s"));
    let mut fault = |path: &MemberPath, detail: String| {
        if faults.len() < MOST_FAULTS {
            faults.push(RecordFault { path: path.clone(), detail });
        }
    };
    let mut rows = reader(text);
    for row in rows.byte_records() {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                fault(record, format!("RECORD is not a CSV file: {error}"));
                break;
            }
        };
        let (name, digest, size) = (row.get(0).unwrap_or_default(), row.get(1), row.get(2));
        let path = MemberPath::new(name);
        if row.len() != 3 {
            fault(&path, format!("RECORD has a row with {} fields, and 3 are expected", row.len()));
            continue;
        }
        let Some(file) = unlisted.remove(name) else {
            fault(&path, "RECORD lists it, and the archive has no such file, or it is listed twice".to_owned());
            continue;
        };
        let (digest, size) = (digest.unwrap_or_default(), size.unwrap_or_default());
        let may_be_bare = file.path == record || is_signature(name);
        if may_be_bare && digest.is_empty() && size.is_empty() {
            continue;
        }
        let expected = file.sha256.as_ref().map(|sha256| format!("sha256={}", sha256.to_url_safe_base64()));
        if expected.as_deref().map(str::as_bytes) != Some(digest) {
            let found = MemberPath::new(digest);
            fault(&path, format!("RECORD says {found}, and the file is {}", expected.unwrap_or_default()));
        }
        if size != file.size_bytes.to_string().as_bytes() {
            let found = MemberPath::new(size);
            fault(&path, format!("RECORD says \"{found}\" bytes, and the file has {}", file.size_bytes));
        }
    }
    let mut missing: Vec<&MemberPath> =
        unlisted.into_values().map(|file| file.path).filter(|path| !is_signature(path.as_bytes())).collect();
    missing.sort();
    for path in missing {
        fault(path, "RECORD does not list it".to_owned());
    }
    faults
}

/// The file that one row, with or without its line end, is about.
#[must_use]
pub fn row_path(row: &[u8]) -> MemberPath {
    if !row.contains(&b'"') {
        // The usual row, and there can be very many of them: nothing is quoted.
        let end = row.iter().position(|byte| matches!(byte, b',' | b'\r' | b'\n')).unwrap_or(row.len());
        return MemberPath::new(&row[..end]);
    }
    let row = reader(row).byte_records().next().and_then(Result::ok).unwrap_or_default();
    MemberPath::new(row.get(0).unwrap_or_default())
}

fn reader(text: &[u8]) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_known_by_its_exact_place() {
        assert!(is_record(&"a-1.dist-info/RECORD".into()));
        for path in ["RECORD", "a/b-1.dist-info/RECORD", "a-1.dist-info/RECORD.jws", "a-1.dist-info/x/RECORD"] {
            assert!(!is_record(&path.into()), "{path}");
        }
    }

    #[test]
    fn a_row_is_about_its_first_field() {
        assert_eq!(row_path(b"a.py,sha256=x,1\r\n"), "a.py".into());
        assert_eq!(row_path(b"\"a,b\",1,\n"), "a,b".into());
        assert_eq!(row_path(b"\n"), "".into());
    }
}
