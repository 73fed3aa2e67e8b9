//! Why something is no statement, or none that is asked for.

use twinbuild_subject::Sha256;
use twinbuild_verdict::{Contradiction, ReadVerdictError};

use crate::json::{DEPTH_LIMIT, VALUES_LIMIT};
use crate::statement::{STATEMENT_LIMIT_BYTES, STATEMENT_TYPE};

/// Why something is no statement, or none that is asked for. What is cited of foreign text is cut and escaped.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// It is too large.
    #[error("a statement has at most {STATEMENT_LIMIT_BYTES} bytes, and this one has {found}")]
    TooLarge {
        /// How many bytes it has.
        found: usize,
    },
    /// It is not UTF-8.
    #[error("a statement is UTF-8, and this one is not, from byte {offset} on")]
    NotUtf8 {
        /// Where.
        offset: usize,
    },
    /// It is not JSON.
    #[error("a statement is one JSON object: {reason}")]
    NotJson {
        /// What the parser found, with line and column.
        reason: String,
    },
    /// A name stands twice in one object, of which readers take one or the other.
    #[error("the name {name} stands twice in one object, before line {line} column {column}")]
    DuplicateName {
        /// The name.
        name: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A number that readers may round.
    #[error(
        "a statement has no numbers but integers of 64 bits, and this one has another before line {line} column {column}"
    )]
    NotAnInteger {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// Values inside of values beyond the limit.
    #[error("a statement is at most {DEPTH_LIMIT} values deep, and this one is deeper")]
    TooDeep,
    /// More values than the limit.
    #[error("a statement has at most {VALUES_LIMIT} values, and this one has more")]
    TooManyValues,
    /// It is of another type or version.
    #[error("a statement with the _type {STATEMENT_TYPE:?} is expected, and this one has {found}")]
    Type {
        /// What stands there.
        found: String,
    },
    /// A field is missing, or is not what it is to be.
    #[error("{place} is to be {expected}")]
    Field {
        /// The field, such as `subject[0].digest.sha256`.
        place: String,
        /// What is expected there.
        expected: &'static str,
    },
    /// It says something else than what is asked for, or in a version that is not known here.
    #[error("a statement with the predicateType {expected:?} is expected, and this one has {found}")]
    PredicateType {
        /// What stands there.
        found: String,
        /// What is expected.
        expected: &'static str,
    },
    /// The predicate is no verdict, or one that was changed.
    #[error("the statement's verdict cannot be taken: {source}")]
    Verdict {
        /// Why.
        #[from]
        source: ReadVerdictError,
    },
    /// The verdict contradicts itself, with a digest that fits.
    #[error("the statement's verdict contradicts itself: {source}")]
    Contradiction {
        /// In what.
        #[from]
        source: Contradiction,
    },
    /// The verdict is about a file whose bytes were never received: there is nothing that a statement could be about.
    #[error("{file_name} was not received, so that its digest is not known: nothing can be stated of it")]
    NoDigest {
        /// The file name.
        file_name: String,
    },
    /// The first subject is another file than that of the verdict.
    #[error("the statement is about {states}, and its verdict about {judges}")]
    OtherSubject {
        /// The first subject.
        states: String,
        /// The file of the verdict.
        judges: String,
    },
    /// The package URL is that of another file.
    #[error("the package URL of {file_name} is {purl}, which does not name that file")]
    OtherResource {
        /// The file name.
        file_name: String,
        /// The package URL.
        purl: String,
    },
    /// A rebuild of another name than `first` and `second`, or two of one name.
    #[error("the verdict's rebuilds are to be named first and second, once each, and one is named {found}")]
    Rebuild {
        /// Its name.
        found: String,
    },
    /// Something that is to be a URI is none.
    #[error("{what} is to be a URI, such as https://rebuilds.example/, and is {found}")]
    NotAUri {
        /// What it is.
        what: &'static str,
        /// What was given.
        found: String,
    },
    /// A document that cannot be written.
    #[error("the statement cannot be written: {source}")]
    Write {
        /// Why.
        #[from]
        source: serde_json::Error,
    },
}

/// A text as it is cited in an error: at most 100 characters of it, in quotation marks and escaped.
pub(crate) fn cited(text: &str) -> String {
    let cut: String = text.chars().take(100).collect();
    format!("{cut:?}")
}

/// A file as it is named in an error.
pub(crate) fn file(name: Option<&str>, sha256: Option<Sha256>) -> String {
    let name = name.map_or_else(|| "a file without name".to_owned(), cited);
    let digest = sha256.map_or_else(|| "of no SHA-256".to_owned(), |sha256| format!("of the SHA-256 {sha256}"));
    format!("{name} {digest}")
}
