//! `RECORD`: the list of a wheel's files with their digests (PyPA "Recording installed projects", "The RECORD file").
//!
//! [`is_record`] knows it by its name, [`verify`] checks every row of it against the wheel's files, [`rows`] are what it
//! lists, and [`row_path`] says which file a single row is about; [`installed_files`] are those that an installer leaves as they are. Nothing is read but the text that is given.
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

mod installed;

use std::collections::HashMap;

use twinbuild_subject::{MemberPath, Sha256};

pub use installed::{installed_digest, installed_files, is_added_by_installers, is_record_or_signature};

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

/// One row: a file, and what is said of it, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The file's name.
    pub path: MemberPath,
    /// The second field, such as `sha256=` and the digest in URL-safe base64 without padding; empty where there is none.
    pub digest: Vec<u8>,
    /// The third field, the size in bytes as decimal digits; empty where there is none.
    pub size: Vec<u8>,
}

impl Row {
    /// The digest, where it is a SHA-256 in its one form.
    #[must_use]
    pub fn sha256(&self) -> Option<Sha256> {
        Sha256::from_url_safe_base64(self.digest.strip_prefix(b"sha256=")?)
    }
}

/// The rows of a `RECORD`, in its order. A row with another number of fields than three, and what is no CSV, is a fault;
/// after the latter there are no more rows.
pub fn rows(text: &[u8]) -> impl Iterator<Item = Result<Row, RecordFault>> {
    let mut ended = false;
    reader(text).into_byte_records().map_while(move |row| {
        if ended {
            return None;
        }
        Some(match row {
            Err(error) => {
                ended = true;
                let detail = format!("RECORD is not a CSV file: {error}");
                Err(RecordFault { path: MemberPath::from("RECORD"), detail })
            }
            Ok(row) => {
                let field = |index| row.get(index).unwrap_or_default().to_vec();
                let path = MemberPath::new(field(0));
                if row.len() == 3 {
                    Ok(Row { path, digest: field(1), size: field(2) })
                } else {
                    let detail = format!("RECORD has a row with {} fields, and 3 are expected", row.len());
                    Err(RecordFault { path, detail })
                }
            }
        })
    })
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
    for row in rows(text) {
        let row = match row {
            Ok(row) => row,
            Err(found) => {
                fault(if found.path.as_bytes() == b"RECORD" { record } else { &found.path }, found.detail);
                continue;
            }
        };
        let (path, name) = (&row.path, row.path.as_bytes());
        let Some(file) = unlisted.remove(name) else {
            fault(path, "RECORD lists it, and the archive has no such file, or it is listed twice".to_owned());
            continue;
        };
        let (digest, size) = (row.digest.as_slice(), row.size.as_slice());
        let may_be_bare = file.path == record || is_signature(name);
        if may_be_bare && digest.is_empty() && size.is_empty() {
            continue;
        }
        let expected = file.sha256.as_ref().map(|sha256| format!("sha256={}", sha256.to_url_safe_base64()));
        if expected.as_deref().map(str::as_bytes) != Some(digest) {
            let found = MemberPath::new(digest);
            fault(path, format!("RECORD says {found}, and the file is {}", expected.unwrap_or_default()));
        }
        if size != file.size_bytes.to_string().as_bytes() {
            let found = MemberPath::new(size);
            fault(path, format!("RECORD says \"{found}\" bytes, and the file has {}", file.size_bytes));
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
    fn rows_are_as_they_are_written() {
        let text = "\"a,b\",sha256=ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs,1\r\nRECORD,,\nc\nd,md5=x,2\n";
        let rows: Vec<_> = rows(text.as_bytes()).collect();
        let first = rows[0].as_ref().unwrap();
        assert_eq!((first.path.as_str(), first.sha256()), (Some("a,b"), Some(Sha256::of(b"a"))));
        assert_eq!(first.size, b"1");
        assert_eq!(rows[1].as_ref().unwrap().sha256(), None);
        assert!(rows[2].as_ref().unwrap_err().detail.contains("1 fields"));
        assert_eq!(rows[3].as_ref().unwrap().digest, b"md5=x");
    }

    #[test]
    fn a_row_is_about_its_first_field() {
        assert_eq!(row_path(b"a.py,sha256=x,1\r\n"), "a.py".into());
        assert_eq!(row_path(b"\"a,b\",1,\n"), "a,b".into());
        assert_eq!(row_path(b"\n"), "".into());
    }
}
