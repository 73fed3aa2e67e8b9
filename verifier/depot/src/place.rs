//! What a place has to offer in which results stand.

use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use twinbuild_subject::Sha256;

use crate::arrival::ArrivingFile;
use crate::{DepotError, ResultName};

/// Where the manifests are, below a place: those of all results, so that they can be listed without their files.
pub(crate) const MANIFESTS: &str = "manifests";
/// Where the files are, below a place: for each result a folder, in which they have their digests as names.
pub(crate) const FILES: &str = "files";

/// A result that is whole, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: ResultName,
    /// When it was put there, by the clock of the place.
    pub put: Timestamp,
}

/// A place in which results stand. All bytes that it gives are anybody's.
pub(crate) trait Place: Debug + Send + Sync {
    /// The manifest of a result, if it is there.
    fn manifest(&self, name: &ResultName) -> Result<Option<Vec<u8>>, DepotError>;

    /// Sends contents, over what is there of them.
    fn send(&self, name: &ResultName, contents: &[Content]) -> Result<(), DepotError>;

    /// Puts the manifest there unless there is one, and makes sure that the one that is there stays.
    fn commit(&self, name: &ResultName, manifest: &[u8]) -> Result<(), DepotError>;

    /// Reads a content into a file, as far as that takes it; `false` where it is not there.
    fn fetch(&self, name: &ResultName, sha256: &Sha256, into: &mut ArrivingFile<'_>) -> Result<bool, DepotError>;

    /// Removes a result, its manifest first.
    fn remove(&self, name: &ResultName) -> Result<(), DepotError>;

    /// All results that are whole, in any order.
    fn list(&self) -> Result<Vec<Listed>, DepotError>;

    /// Removes what has no manifest and was last written to longer ago, and says of which results that was.
    fn sweep_partial(&self, older_than: Duration) -> Result<Vec<ResultName>, DepotError>;
}

/// The content of a file or several.
#[derive(Debug)]
pub(crate) struct Content {
    /// A file that has it.
    pub(crate) path: PathBuf,
    /// Its digest.
    pub(crate) sha256: Sha256,
}

/// The result whose manifest has this file name.
pub(crate) fn named_by(manifest: &str) -> Option<ResultName> {
    manifest.strip_suffix(".json")?.parse().ok()
}

/// The file name of a result's manifest.
pub(crate) fn manifest_name(name: &ResultName) -> String {
    format!("{name}.json")
}

/// Whether `at` is longer ago.
pub(crate) fn is_older(at: Timestamp, than: Duration) -> bool {
    // What is longer than that is longer than any time since.
    SignedDuration::try_from(than).is_ok_and(|than| Timestamp::now().duration_since(at) > than)
}
