//! What can go wrong, one variant a cause.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use twinbuild_subject::Sha256;

use crate::{ManifestError, ResultName, ResultPath};

/// Why a depot could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum DepotError {
    /// It is no place that is known.
    #[error("{place:?} is no place for results: {reason}; a folder is one, and s3://BUCKET/PREFIX")]
    Place {
        /// The place as it was given.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// This program knows no object stores.
    #[error(
        "{address:?} is in an object store, and this program was built without the feature for these (object-store)"
    )]
    WithoutObjectStores {
        /// The place as it was given.
        address: String,
    },
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
    /// The object store failed, or could not be reached, and went on doing so where trying again could help.
    #[error("cannot {doing} {object}: {source}")]
    ObjectStore {
        /// What was being done, as it follows "cannot".
        doing: &'static str,
        /// The address of the object, or of those that were listed.
        object: String,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is something else than a file or a folder, as it may be, where one of these has to be. It is never followed or read.
    #[error("{} is a link, a device or otherwise not what it has to be there: remove it", path.display())]
    NotPlain {
        /// Where.
        path: PathBuf,
    },
    /// A folder cannot become a result.
    #[error("{} cannot become a result: {source}", folder.display())]
    Unfit {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// A file is not the same any more as when its digest was taken.
    #[error("{} changed while it was sent: send it again once nobody writes to it", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// There is another result of that name.
    #[error(
        "there is another result {name}, whose manifest is {there}, not {sent}: give this one another name, or remove that"
    )]
    Exists {
        /// The name.
        name: ResultName,
        /// The SHA-256 of the manifest that is there.
        there: Sha256,
        /// The SHA-256 of the manifest that was to be put there.
        sent: Sha256,
    },
    /// There is no result of that name, or it is not whole yet.
    #[error("there is no result {name}")]
    Absent {
        /// The name.
        name: ResultName,
    },
    /// The manifest is larger than one can be.
    #[error("the manifest of the result {name} has more than {limit_bytes} bytes, which none has")]
    ManifestTooLarge {
        /// The result.
        name: ResultName,
        /// The limit.
        limit_bytes: u64,
    },
    /// The manifest is not the one that was asked for.
    #[error("the manifest of the result {name} is {found}, where {expected} was promised")]
    OtherManifest {
        /// The result.
        name: ResultName,
        /// The SHA-256 that was promised.
        expected: Sha256,
        /// The SHA-256 that it has.
        found: Sha256,
    },
    /// The manifest is the one that was asked for, and none that can be: whoever promised it is at fault.
    #[error("the manifest of the result {name} is refused: {source}")]
    Malformed {
        /// The result.
        name: ResultName,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// A file that the manifest has is not there.
    #[error("the result {name} has no longer, or never had, the content of `{path}`")]
    Missing {
        /// The result.
        name: ResultName,
        /// The file.
        path: ResultPath,
    },
    /// A file is not what the manifest says.
    #[error("`{}` of the result {} is not what its manifest says: it has {}, not {} bytes with the SHA-256 {}",
        .0.path, .0.name, .0.found, .0.expected_bytes, .0.expected)]
    OtherFile(Box<OtherFile>),
    /// What was to be made is there.
    #[error("{} is there already: results are laid out in a new folder", path.display())]
    Occupied {
        /// Where.
        path: PathBuf,
    },
}

/// A file that is not what the manifest says.
#[derive(Debug)]
pub struct OtherFile {
    /// The result.
    pub name: ResultName,
    /// The file.
    pub path: ResultPath,
    /// The SHA-256 that the manifest says.
    pub expected: Sha256,
    /// The size that the manifest says, in bytes.
    pub expected_bytes: u64,
    /// What was found instead.
    pub found: OtherContent,
}

/// What a file has that is not what the manifest says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OtherContent {
    /// More bytes, of which the rest were not read.
    #[error("more bytes")]
    Longer,
    /// As many bytes or fewer.
    #[error("{size_bytes} bytes with the SHA-256 {sha256}")]
    Other {
        /// The SHA-256 of the content.
        sha256: Sha256,
        /// The size of the content, in bytes.
        size_bytes: u64,
    },
}
