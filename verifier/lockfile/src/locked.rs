//! What is pinned.

use std::path::PathBuf;

use pep440_rs::Version;
use twinbuild_subject::{DistributionFileName, ObjectId, PackageName, SdistFileName, Sha256};

/// One release that a lock file pins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// The project.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// The files that it may be installed from, in the lock file's order. None where the lock file has no digests, and for a
    /// commit, which is its own digest.
    pub files: Vec<LockedFile>,
    /// Where the files come from.
    pub source: Source,
    /// The condition under which it is installed, as it is written (PEP 508, "Environment Markers"). It is not read: what is
    /// pinned for another platform is listed like what is pinned for this one.
    pub marker: Option<String>,
    /// The file that it stands in: the lock file, or one that a requirements file includes.
    pub path: PathBuf,
    /// The line that it begins on, from 1; none in JSON.
    pub line: Option<usize>,
}

impl Locked {
    /// Whether one of its files at least has a SHA-256. Where none has, whatever the index serves is installed.
    #[must_use]
    pub fn has_sha256(&self) -> bool {
        self.files.iter().any(|file| file.sha256.is_some())
    }
}

/// One file of a release. Formats that list digests without names give one such file a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedFile {
    /// Its name, where the format has it, as it is written or at the end of its address.
    pub file_name: Option<String>,
    /// Its SHA-256, where the lock file has it.
    pub sha256: Option<Sha256>,
    /// Its digests by other algorithms. They are kept, and nothing here checks a file against them.
    pub other_digests: Vec<OtherDigest>,
    /// Its size in bytes, where the lock file has it.
    pub size_bytes: Option<u64>,
    /// What it is.
    pub kind: FileKind,
}

/// A digest by another algorithm than SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherDigest {
    /// The algorithm as it is written, such as `sha512`.
    pub algorithm: String,
    /// Its value, in lower-case hexadecimal digits.
    pub hex: String,
}

/// What a file of a release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A wheel.
    Wheel,
    /// A source distribution.
    Sdist,
    /// The lock file does not tell.
    Unknown,
}

impl FileKind {
    /// What a file of this name is.
    pub(crate) fn of(file_name: &str) -> Self {
        if file_name.ends_with(".whl") {
            Self::Wheel
        } else if file_name.parse::<SdistFileName>().is_ok() {
            Self::Sdist
        } else {
            Self::Unknown
        }
    }
}

/// Where the files of a release come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A package index.
    Registry {
        /// Its address (or folder, or name), where the lock file has it for this release.
        index: Option<String>,
    },
    /// A commit.
    Git {
        /// The repository's address or path, as it is written.
        repository: String,
        /// The commit.
        commit: ObjectId,
    },
    /// A file of this machine.
    Path {
        /// Its path as it is written, relative to the lock file's folder.
        path: String,
    },
    /// A file at an address.
    Url {
        /// The address.
        url: String,
    },
}

/// The release that a file is of, by its name, where the name is one of a wheel or an sdist.
pub(crate) fn release_of(file_name: &str) -> Option<(PackageName, Version)> {
    let file: DistributionFileName = file_name.parse().ok()?;
    Some((file.name().clone(), file.version().clone()))
}
