//! Git repositories as sources: which commit, what is in it, and how it is had.
//!
//! A [`GitRequest`] says which repository and which revision. A [`GitClient`] has git list the repository's branches and tags and fetch the commit,
//! each in a sandbox of its own: with the host's network for a repository elsewhere, without any for one of this machine, of which
//! only objects and references are taken along, so that no hook, setting or attribute of it is ever near. What git writes is a list
//! of objects; [`Snapshot`] verifies each by its name, down from that of the commit, and lays them out by our own code.
//!
//! Where no tag stands for the release, [`Contents`] tells which commit is most like the published file.
//!
//! A commit counts as the repository's own where one of its branches or tags contains it. Servers hand out others, too: those of
//! forks and of refused pull requests. Such a one is an [impostor](GitError::Impostor).

mod address;
mod checkout;
mod client;
mod contents;
mod discovery;
mod local;
mod object;
mod objects;
mod refs;
mod snapshot;
mod submodules;
mod tag;

use std::io;
use std::path::{Path, PathBuf};

use twinbuild_subject::{MemberPath, ObjectId};

pub use address::{AddressError, GitAddress, GitRequest, GitRewrite, GitRewrites};
pub use client::{GitClient, GitError, GitNetwork, GitRoot};
pub use contents::{Contents, stored_text};
pub use discovery::repositories_of;
pub use refs::{Refs, Revision};
pub use snapshot::{NamedFiles, Snapshot, Tag};
pub use tag::{TagChoice, choose_tag};

/// The most objects, files and folders of a snapshot.
const MOST_OBJECTS: usize = 300_000;
/// How deep folders may be.
const MOST_DEPTH: usize = 200;
/// The longest path, in bytes.
const PATH_LIMIT_BYTES: usize = 4000;
/// The largest commit, tag or tree, in bytes.
const TEXT_LIMIT_BYTES: u64 = 32 << 20;

/// Why a commit could not be laid out.
#[derive(Debug, thiserror::Error)]
pub enum CheckoutError {
    /// What git gave contradicts itself, or has what no checkout has.
    #[error("the repository is malformed: {what}")]
    Malformed {
        /// What was found.
        what: String,
    },
    /// A limit was reached.
    #[error("the repository is over a limit: {what}")]
    Limit {
        /// Which, and what was found.
        what: String,
    },
    /// A file's content is kept elsewhere.
    #[error("{path} of the repository is a pointer of Git LFS, and the file itself is not in the repository")]
    Lfs {
        /// The first such file.
        path: MemberPath,
    },
    /// A submodule could not be had.
    #[error("the submodule {path} of the repository, at the commit {commit}, cannot be had: {reason}")]
    Submodule {
        /// Where it is.
        path: MemberPath,
        /// The commit that the repository records.
        commit: ObjectId,
        /// Why.
        reason: String,
    },
    /// The folder of the project is not there.
    #[error("the commit has no folder {path:?}, in which the project is to be")]
    Subdirectory {
        /// The folder.
        path: String,
    },
    /// A file could not be read or written.
    #[error("{doing} failed")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
}

impl CheckoutError {
    fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed { what: what.into() }
    }

    fn limit(what: impl Into<String>) -> Self {
        Self::Limit { what: what.into() }
    }

    fn io(doing: &str) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.to_owned();
        move |source| Self::Io { doing, source }
    }

    fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path: PathBuf = path.to_owned();
        move |source| Self::Io { doing: format!("writing {}", path.display()), source }
    }
}
