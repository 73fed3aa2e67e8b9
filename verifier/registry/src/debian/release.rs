//! A suite's release file.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use twinbuild_subject::Sha256;

use super::deb822::{Deb822Error, Field, Paragraphs};

/// What is needed of a release file, whose text is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReleaseFile {
    pub(crate) suite: Option<String>,
    pub(crate) codename: Option<String>,
    pub(crate) date: Option<Timestamp>,
    pub(crate) valid_until: Option<Timestamp>,
    files: Vec<IndexFile>,
}

/// A file that the release file vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexFile {
    pub(crate) path: String,
    pub(crate) sha256: Sha256,
    pub(crate) size_bytes: u64,
}

impl ReleaseFile {
    pub(crate) fn parse(text: &str) -> Result<Self, Deb822Error> {
        let mut paragraphs = Paragraphs::new(text.as_bytes());
        let broken = |fault: &str| Deb822Error { line: 1, fault: fault.to_owned() };
        let next = paragraphs.next_paragraph().map_err(|error| broken(&error.to_string()))??;
        let fields = next.ok_or_else(|| broken("the file is empty"))?;
        let find = |name: &str| fields.iter().find(|field| field.is(name));
        let text = |name| find(name).map(|field| field.value.to_owned());
        let moment = |name| find(name).map(date).transpose();
        let (made, valid_until) = (moment("Date")?, moment("Valid-Until")?);
        let files = find("SHA256").ok_or_else(|| broken("there is no field SHA256"))?;
        let (suite, codename, files) = (text("Suite"), text("Codename"), index_files(files)?);
        Ok(Self { suite, codename, date: made, valid_until, files })
    }

    /// Whether this is the suite or code name `name`.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.suite.as_deref() == Some(name) || self.codename.as_deref() == Some(name)
    }

    pub(crate) fn file(&self, path: &str) -> Option<&IndexFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

/// `Sat, 14 Nov 2026 09:31:00 UTC`; the format knows the name UTC only as GMT.
fn date(field: &Field<'_>) -> Result<Timestamp, Deb822Error> {
    let text = field.value.strip_suffix("UTC").map_or_else(|| field.value.to_owned(), |rest| format!("{rest}GMT"));
    DateTimeParser::new().parse_timestamp(&text).map_err(|_| field.fault("a date"))
}

/// Lines of digest, size and path.
fn index_files(field: &Field<'_>) -> Result<Vec<IndexFile>, Deb822Error> {
    let lines = field.value.lines().filter(|line| !line.trim().is_empty());
    let parse = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let file = IndexFile {
            sha256: words.next()?.parse().ok()?,
            size_bytes: words.next()?.parse().ok()?,
            path: words.next()?.to_owned(),
        };
        words.next().is_none().then_some(file)
    };
    lines
        .map(|line| parse(line).ok_or_else(|| Field { value: line, ..*field }.fault("digest, size and path")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_file_has_its_parts() {
        let digest = Sha256::of(b"");
        let text = format!(
            "Suite: oldstable\nCodename: bookworm\nDate: Sat, 07 Nov 2026 09:31:00 UTC\nValid-Until: Sat, 14 Nov 2026 09:31:00 UTC\nMD5Sum:\n x\nSHA256:\n {digest}  0 main/x\n"
        );
        let release = ReleaseFile::parse(&text).unwrap();
        assert!(release.is("bookworm") && release.is("oldstable") && !release.is("sid"));
        assert_eq!(release.date.unwrap().to_string(), "2026-11-07T09:31:00Z");
        assert_eq!(release.valid_until.unwrap().to_string(), "2026-11-14T09:31:00Z");
        assert_eq!(release.file("main/x").unwrap().sha256, digest);
        assert_eq!(release.file("main/y"), None);
    }

    #[test]
    fn a_date_or_a_list_that_cannot_be_read_is_an_error() {
        for text in ["", "Suite: a\n", "Valid-Until: never\nSHA256:\n", "SHA256:\n 12 3 x\n", "SHA256:\n zz\n"] {
            assert!(ReleaseFile::parse(text).is_err(), "{text}");
        }
    }
}
