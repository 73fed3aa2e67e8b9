//! What can go wrong, one variant a cause.

use std::io;
use std::path::{Path, PathBuf};

use twinbuild_subject::Sha256;

use crate::Blob;

/// A failure of the store itself: its directory, the disk, a limit.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An operation on a file or folder failed.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was being done, as it follows "cannot".
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file system, or the user's quota on it, is full.
    #[error("no space is left while writing {}{}: free some, or put the cache on another file system", path.display(),
        need_bytes.map(|need| format!(" ({need} bytes are needed)")).unwrap_or_default())]
    StorageFull {
        /// The file that was being written.
        path: PathBuf,
        /// How large it would have become, where that is known.
        need_bytes: Option<u64>,
    },
    /// A file is larger than the caller allows.
    #[error("{what} is larger than the limit of {limit_bytes} bytes")]
    TooLarge {
        /// What it is.
        what: String,
        /// The limit.
        limit_bytes: u64,
    },
    /// A blob does not have the digest that it is filed under, and may not be fetched again. It was removed.
    #[error(
        "{} was damaged (its content no longer has that SHA-256) and has been removed; fetch it again without --offline",
        path.display()
    )]
    Corrupted {
        /// The digest that it is filed under.
        sha256: Sha256,
        /// Where it was.
        path: PathBuf,
    },
    /// The reader of the bytes to be stored failed.
    #[error("cannot read the bytes to be stored: {source}")]
    Input {
        /// The cause.
        source: io::Error,
    },
    /// A name that cannot be a file name of the store.
    #[error(
        "{name:?} cannot name a {what}: ASCII letters, digits and `.:_+-` are allowed, at most 200, not beginning with a dot"
    )]
    Name {
        /// A layer, or a kind of record.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A value that JSON cannot hold, or that is too large for a record.
    #[error("a record of the kind {kind} cannot be kept: {reason}")]
    Record {
        /// The kind.
        kind: String,
        /// What is wrong with the value.
        reason: String,
    },
}

impl StoreError {
    /// Names an I/O error; a full disk is told apart.
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::StorageFull { path: path.to_owned(), need_bytes: None }
            }
            _ => Self::Io { doing, path: path.to_owned(), source },
        }
    }

    /// Adds how large the file would have become to the error of a full disk.
    pub(crate) fn needing(self, bytes: Option<u64>) -> Self {
        match self {
            Self::StorageFull { path, need_bytes } => Self::StorageFull { path, need_bytes: need_bytes.or(bytes) },
            other => other,
        }
    }
}

/// Bytes that are not those that were promised. They are kept, under their own digest.
#[derive(Debug)]
pub struct DigestMismatch {
    /// What was downloaded.
    pub what: String,
    /// From where, without credentials.
    pub url: String,
    /// The digest that was promised.
    pub expected: Sha256,
    /// The size that was promised, in bytes.
    pub expected_size_bytes: Option<u64>,
    /// What came instead: its digest, size and bytes.
    pub received: Blob,
}

/// Why something could not be downloaded. URLs in it are without credentials.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It is not in the cache and the network may not be used.
    #[error("{what} ({url}) is not in the cache, and the network may not be used: run once without --offline")]
    Offline {
        /// What was asked for.
        what: String,
        /// From where.
        url: String,
    },
    /// The server says that there is no such thing (404 or 410).
    #[error("{what} does not exist: {url} answered {status}")]
    NotFound {
        /// What was asked for.
        what: String,
        /// From where.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server answered with another status than success, and went on doing so where trying again could help.
    #[error("{what} could not be downloaded: {url} answered {status} ({attempts} attempts)")]
    Status {
        /// What was asked for.
        what: String,
        /// From where.
        url: String,
        /// The HTTP status.
        status: u16,
        /// How often it was tried.
        attempts: u32,
    },
    /// No usable answer: names, connections, TLS, resets, silence.
    #[error("{what} could not be downloaded from {url} in {attempts} attempts: {reason}")]
    Unreachable {
        /// What was asked for.
        what: String,
        /// From where.
        url: String,
        /// How often it was tried.
        attempts: u32,
        /// The last failure.
        reason: String,
    },
    /// The answer is, or announces to be, larger than allowed.
    #[error("{what} ({url}) is larger than the limit of {limit_bytes} bytes{}",
        announced_bytes.map(|announced| format!(": the server announces {announced}")).unwrap_or_default())]
    TooLarge {
        /// What was asked for.
        what: String,
        /// From where.
        url: String,
        /// The limit.
        limit_bytes: u64,
        /// The size that the server announced.
        announced_bytes: Option<u64>,
    },
    /// Other bytes came than were promised.
    #[error("{what} from {} has the SHA-256 {} ({} bytes) where {} was promised; the received bytes are kept under their own digest",
        .0.url, .0.received.sha256(), .0.received.size_bytes(), .0.expected, what = .0.what)]
    DigestMismatch(Box<DigestMismatch>),
    /// The bytes have the promised digest and another size than promised, so the promise contradicts itself.
    #[error(
        "{what} ({url}) has the promised SHA-256 {sha256} and {received_bytes} bytes where {expected_bytes} were promised"
    )]
    SizeMismatch {
        /// What was asked for.
        what: String,
        /// From where.
        url: String,
        /// Its digest.
        sha256: Sha256,
        /// The size that was promised.
        expected_bytes: u64,
        /// The size that it has.
        received_bytes: u64,
    },
    /// The URL, or one that it redirects to, is not https.
    #[error("{what} is not downloaded from {url}: it is not https, and plain http is not allowed here")]
    Insecure {
        /// What was asked for.
        what: String,
        /// The URL that is not https.
        url: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
