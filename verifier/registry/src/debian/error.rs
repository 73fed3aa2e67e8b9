//! What can go wrong with the Debian archive.

use jiff::Timestamp;
use twinbuild_store::{FetchError, StoreError};

use super::Deb822Error;
use crate::AddressError;

/// Why the Debian archive did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum DebianError {
    /// The signature of a suite's release file does not stand.
    #[error("the release file of {suite} at {archive} is not trusted: {fault}")]
    Untrusted {
        /// The suite.
        suite: String,
        /// The archive.
        archive: String,
        /// What is wrong.
        fault: SignatureFault,
    },
    /// The release file is of another suite than was asked for.
    #[error(
        "{suite} was asked for, and the signed release file is of {found}: the archive is misconfigured, or someone answers with another suite's file"
    )]
    OtherSuite {
        /// The suite that was asked for.
        suite: String,
        /// The suite and code name in the file.
        found: String,
    },
    /// The release file was valid until a moment that is past.
    #[error(
        "the release file of {suite} was valid until {valid_until}, and {at} is asked about: use an up-to-date mirror, or pin a date at which it was valid"
    )]
    Expired {
        /// The suite.
        suite: String,
        /// The end of its validity.
        valid_until: Timestamp,
        /// The moment for which it should be valid.
        at: Timestamp,
    },
    /// The suite has no package index for the architecture.
    #[error("{suite} has no {path}: check the architecture")]
    NoIndex {
        /// The suite.
        suite: String,
        /// The path of the index.
        path: String,
    },
    /// A control file breaks its format.
    #[error("{file} is malformed: {source}")]
    Malformed {
        /// The file.
        file: String,
        /// Where and how.
        source: Deb822Error,
    },
    /// A package index cannot be expanded.
    #[error("{file} cannot be expanded: {reason}")]
    Compression {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// There is no package of this name.
    #[error("{suite} has no package {name} for {architecture}")]
    UnknownPackage {
        /// The suite.
        suite: String,
        /// The architecture.
        architecture: String,
        /// The name.
        name: String,
    },
    /// A dependency that nothing in the suite satisfies.
    #[error(
        "{package} needs `{relation}`, which nothing in {suite} satisfies: name another package, or exclude what is not needed"
    )]
    Unsatisfied {
        /// The suite.
        suite: String,
        /// The package.
        package: String,
        /// The dependency, as written.
        relation: String,
    },
    /// There is no address of the archive as it was at a moment.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The download failed, or other bytes came than were promised.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

impl From<StoreError> for DebianError {
    fn from(error: StoreError) -> Self {
        Self::Fetch(error.into())
    }
}

/// Why a clear-signed text is not trusted (RFC 9580, 7).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// It is not a clear-signed text, or there is something outside of the signed part.
    #[error("it is not a clear-signed text (line {line}): {reason}")]
    Framing {
        /// The line, from 1.
        line: usize,
        /// What was found, and what was expected.
        reason: &'static str,
    },
    /// The block of signatures cannot be read.
    #[error("its signatures cannot be read: {reason}")]
    Unreadable {
        /// Why.
        reason: String,
    },
    /// No signature is by a key that is trusted here and stands.
    #[error("none of its signatures is a valid one of a pinned key; they are by {}", if .issuers.is_empty() { "nobody".to_owned() } else { issuers.join(", ") })]
    NoTrustedSignature {
        /// Who made the signatures, and why each does not count.
        issuers: Vec<String>,
    },
    /// A key that is committed here is not as its pinned fingerprint says.
    #[error("the built-in key {fingerprint} is damaged: {reason}")]
    Key {
        /// The pinned fingerprint.
        fingerprint: &'static str,
        /// What is wrong.
        reason: String,
    },
}
