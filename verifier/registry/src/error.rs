//! What can go wrong with a Python package index.

use jiff::Timestamp;
use pep440_rs::Version;
use twinbuild_store::FetchError;
use twinbuild_subject::{PackageName, Sha256};

/// Why a Python package index did not give what was asked for. Addresses in it are without credentials.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The index has no such project.
    #[error("the index at {index} has no project {name}{}: check the name", listed("; near it are ", near))]
    UnknownProject {
        /// The project.
        name: PackageName,
        /// The index.
        index: String,
        /// Projects of near names that the index has, where they were looked for ([`Pypi::project_or_near`](crate::Pypi::project_or_near)).
        near: Vec<PackageName>,
    },
    /// The project has no such release.
    #[error("{name} has no release {version}{}: check the version", listed(" on the index; near it are ", near))]
    UnknownVersion {
        /// The project.
        name: PackageName,
        /// The version that was asked for.
        version: Version,
        /// Up to five versions that exist: the nearest and the newest.
        near: Vec<Version>,
    },
    /// The release has no file that is a wheel or an sdist.
    #[error(
        "{name} {version} has no file that is a wheel or an sdist{}: ask for another version",
        listed("; the index lists only ", others)
    )]
    NoFiles {
        /// The project.
        name: PackageName,
        /// The version.
        version: Version,
        /// The release's other files, if any.
        others: Vec<String>,
    },
    /// The release has no such file.
    #[error("{name} {version} has no file {file_name:?}; it has {}: name one of these", files.join(", "))]
    UnknownArtifact {
        /// The project.
        name: PackageName,
        /// The version.
        version: Version,
        /// The file name that was asked for.
        file_name: String,
        /// The release's files.
        files: Vec<String>,
    },
    /// None of the release's files can be judged on this platform.
    #[error("{name} {version} has no pure wheel, no wheel for {platform} and no sdist; it has {}. Name one with --artifact to have it judged", files.join(", "))]
    NothingForPlatform {
        /// The project.
        name: PackageName,
        /// The version.
        version: Version,
        /// The processor, as in platform tags.
        platform: &'static str,
        /// The release's files.
        files: Vec<String>,
    },
    /// The index gives no SHA-256 of a file, so nothing that it sends could be verified.
    #[error(
        "the index gives no SHA-256 of {file_name}, and so what it sends could not be verified: use an index that does"
    )]
    NoDigest {
        /// The file.
        file_name: String,
    },
    /// The index does not say when a file was uploaded.
    #[error(
        "the index does not say when {file_name} was uploaded (PEP 700), which is needed to find its build requirements: use an index that does, or give the date with --as-of"
    )]
    NoUploadTime {
        /// The file.
        file_name: String,
    },
    /// The index lists another file under the name of a pinned one.
    #[error("the index lists {file_name} with {}, and {expected} is pinned: the index is not the one that the file is pinned from, or was tampered with",
        found.map_or_else(|| "no SHA-256".to_owned(), |found| found.to_string()))]
    NotThePinned {
        /// The file.
        file_name: String,
        /// The digest that is pinned.
        expected: Sha256,
        /// The digest that the index gives.
        found: Option<Sha256>,
    },
    /// The page is not of the JSON simple API.
    #[error("{url} answered with {} where the JSON simple API (PEP 691) was asked for: use an index that speaks it",
        content_type.as_deref().unwrap_or("no media type"))]
    NotJson {
        /// The page.
        url: String,
        /// The media type of the answer.
        content_type: Option<String>,
    },
    /// The page is of a version of the simple API that this program does not know.
    #[error(
        "{url} is of version {found:?} of the simple API, and this version of twinbuild reads 1.x: use a newer one, or another index"
    )]
    ApiVersion {
        /// The page.
        url: String,
        /// The version, as the page has it.
        found: String,
    },
    /// The page breaks the simple API.
    #[error(
        "{url} is not as the JSON simple API (PEP 691) says: {reason}: use another index, or tell whoever keeps this one"
    )]
    Malformed {
        /// The page.
        url: String,
        /// What was found, and what was expected.
        reason: String,
    },
    /// The page is about another project.
    #[error(
        "{url} is about the project {found:?} where {name} was asked for: use another index, or tell whoever keeps this one"
    )]
    OtherProject {
        /// The page.
        url: String,
        /// The project that was asked for.
        name: PackageName,
        /// The name on the page.
        found: String,
    },
    /// The download failed, or other bytes came than were promised.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

/// `before` and the list, or nothing if the list is empty.
fn listed<T: ToString>(before: &str, list: &[T]) -> String {
    if list.is_empty() {
        return String::new();
    }
    format!("{before}{}", list.iter().map(T::to_string).collect::<Vec<_>>().join(", "))
}

impl RegistryError {
    /// The upload time, or the error that says that the index has none.
    pub(crate) fn unless_uploaded(time: Option<Timestamp>, file_name: &str) -> Result<Timestamp, Self> {
        time.ok_or_else(|| Self::NoUploadTime { file_name: file_name.to_owned() })
    }
}
