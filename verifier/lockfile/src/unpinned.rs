//! What is asked for and not pinned.

use std::fmt;
use std::path::PathBuf;

use twinbuild_subject::{PackageName, is_misleading};

use crate::error::At;

/// Something that a lock file asks for without saying which files it is. `Display` is one line, in which foreign text is
/// escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpinned {
    /// What is asked for, as it is written, at most 200 characters of it.
    pub what: String,
    /// The project, where it is named.
    pub name: Option<PackageName>,
    /// Why it is not pinned.
    pub reason: Reason,
    /// The file that it stands in.
    pub path: PathBuf,
    /// The line that it begins on, from 1; none in JSON.
    pub line: Option<usize>,
}

/// Why something is not pinned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// No version, or a range of them.
    #[error("it names no exact version")]
    NoVersion,
    /// It is installed from a folder of this machine, in which whatever is there counts.
    #[error("it is the folder {folder:?}, whose content is not pinned{}", if *is_editable { " and may change after it is installed" } else { "" })]
    Folder {
        /// The folder as it is written.
        folder: String,
        /// Whether it is installed as a link to the folder.
        is_editable: bool,
    },
    /// A file, of this machine or at an address, without a digest.
    #[error("it is a file without a digest")]
    NoDigest,
    /// A file with a digest whose name and the lock file tell no version.
    #[error("it is a file with a digest, and nothing tells of which version")]
    UnknownVersion,
    /// A repository without a commit.
    #[error("it is the git repository {repository:?}, at no commit")]
    NoCommit {
        /// Its address.
        repository: String,
    },
    /// A commit, of which the lock file does not say what version it is.
    #[error("it is the commit {commit} of {repository:?}, and nothing tells of which version")]
    Commit {
        /// The repository's address.
        repository: String,
        /// The commit.
        commit: String,
    },
    /// A repository of another system than git.
    #[error("it is in {system}, which no digest is known of")]
    OtherVersionControl {
        /// The system, such as `hg`.
        system: String,
    },
    /// A line that takes on the value of an environment variable.
    #[error("its text depends on an environment variable")]
    Variable,
    /// A requirements file that another one includes, and that was not read.
    #[error("it was not read: {why}")]
    NotIncluded {
        /// Why not.
        why: String,
    },
    /// A constraints file: it pins versions of what is asked for elsewhere, and is not read.
    #[error("it holds constraints, which are not read")]
    Constraints,
}

impl fmt::Display for Unpinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", At(&self.path, self.line))?;
        for c in self.what.chars() {
            if is_misleading(c) { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
        }
        write!(f, ": {}", self.reason)
    }
}
