//! What is asked for and cannot be watched.

use std::fmt;

use pep440_rs::Version;
use twinbuild_lockfile::{LockfileError, Reason};
use twinbuild_subject::{PackageName, Sha256, is_misleading};

/// Something that a list asks for and that is not watched, or that somebody should look at. `Display` is one line, in which
/// foreign text is escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The name of the list.
    pub list: String,
    /// Where it stands: a file, and a line or a path of keys in it, where there is one.
    pub place: Option<String>,
    /// What it is.
    pub trouble: Trouble,
}

/// What can be wrong with a list, or with an entry of it. Text of files and of indexes in it is as it was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// A file or folder cannot be read.
    #[error("it cannot be read: {reason}")]
    Unreadable {
        /// Why not.
        reason: String,
    },
    /// A file is larger than any list.
    #[error("it has more than {limit_bytes} bytes, the most that are read")]
    TooLarge {
        /// The most that is read.
        limit_bytes: u64,
    },
    /// There is more than one list can have.
    #[error("it has more than {limit} {what}, the most that one list has")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The most that one list has.
        limit: usize,
    },
    /// A lock file, or another document, is refused as a whole, or one value of it.
    #[error("{0}")]
    Document(LockfileError),
    /// It is a document of no known format.
    #[error("it is {found}, and {expected} is expected")]
    Format {
        /// What was found.
        found: String,
        /// What is read.
        expected: &'static str,
    },
    /// There is nothing in it.
    #[error("it names nothing that could be watched")]
    Empty,
    /// Something is asked for and not pinned.
    #[error("{what:?} is not pinned: {reason}")]
    Unpinned {
        /// What is asked for.
        what: String,
        /// Why it is not pinned.
        reason: Reason,
    },
    /// A release is pinned by no SHA-256, so whatever is served is installed.
    #[error("{name} {version} is pinned by {}, and no SHA-256 tells which files these are", digests(algorithms))]
    NoSha256 {
        /// The project.
        name: PackageName,
        /// The version.
        version: Version,
        /// The algorithms of its digests, if any.
        algorithms: Vec<String>,
    },
    /// A release does not come from a package index.
    #[error("{name} {version} is {from}, and what is published on an index is watched")]
    NotOfIndex {
        /// The project.
        name: PackageName,
        /// The version.
        version: Version,
        /// Where it comes from.
        from: String,
    },
    /// Something comes from an index that may not be asked.
    #[error("{of} comes from {index}, an index that this list may not ask")]
    ForeignIndex {
        /// What comes from there.
        of: String,
        /// The index, without credentials.
        index: String,
    },
    /// The index lists no file with a pinned digest.
    #[error("{of} is pinned by sha256:{sha256}, and {index} lists no file with this digest")]
    NotListed {
        /// The project and, where it is known, the version or the file.
        of: String,
        /// The digest.
        sha256: Sha256,
        /// The index, or the indexes.
        index: String,
    },
    /// The index lists a file of this name, with another digest.
    #[error("{file_name:?} has the digest sha256:{sha256}, and {index} lists a file of this name with another")]
    OtherBytes {
        /// The file.
        file_name: String,
        /// The digest of the file that is here.
        sha256: Sha256,
        /// The index.
        index: String,
    },
    /// A pinned digest is that of a file of another release.
    #[error("{of} is pinned by a file of another release, {file_name:?}")]
    OtherRelease {
        /// The project, and the version where it is known.
        of: String,
        /// The file.
        file_name: String,
    },
    /// An index did not give a project's page, or not that of a release.
    #[error("{name} cannot be looked up: {reason}")]
    Index {
        /// The project.
        name: PackageName,
        /// What the index answered.
        reason: String,
    },
    /// An index did not give its list of projects.
    #[error("the projects of the index cannot be listed: {reason}")]
    ProjectList {
        /// What the index answered.
        reason: String,
    },
    /// An index holds a project to be unsafe (PEP 792).
    #[error("the index has put {name} into quarantine{}", reason.as_ref().map(|reason| format!(": {reason:?}")).unwrap_or_default())]
    Quarantined {
        /// The project.
        name: PackageName,
        /// The reason, where one is given.
        reason: Option<String>,
    },
    /// There is no release to watch.
    #[error("{name} has no release {}that is {}not withdrawn",
        if *for_pythons { "for these versions of Python " } else { "" }, if *pre_releases { "" } else { "no pre-release and " })]
    NoRelease {
        /// The project.
        name: PackageName,
        /// Whether pre-releases would do.
        pre_releases: bool,
        /// Whether it has to be for some versions of Python.
        for_pythons: bool,
    },
    /// An index counts backwards: it serves an older page than before.
    #[error(
        "the page of {name} on {index} is older than one that was read before: its serial is {found}, and was {before}"
    )]
    OlderPage {
        /// The project.
        name: PackageName,
        /// The index.
        index: String,
        /// The greatest serial that was seen.
        before: u64,
        /// The serial of the page.
        found: u64,
    },
    /// There are more problems than are told one by one.
    #[error("{count} more problems of this list are not told")]
    More {
        /// How many.
        count: usize,
    },
    /// An entry of a list is none.
    #[error("{found}: expected is {expected}")]
    Entry {
        /// What was found, and what is wrong with it.
        found: String,
        /// What is expected.
        expected: &'static str,
    },
}

impl Problem {
    /// What is wrong, in one line in which foreign text is escaped.
    #[must_use]
    pub fn what(&self) -> String {
        escaped(&self.trouble.to_string())
    }

    /// What to do, where something can be done.
    #[must_use]
    pub fn next(&self) -> Option<&'static str> {
        self.trouble.next()
    }
}

impl Trouble {
    /// What to do, where something can be done.
    #[must_use]
    pub fn next(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unreadable { .. } => "check `path`, which begins at the folder of twinbuild.toml",
            Self::TooLarge { .. } | Self::TooMany { .. } => "divide the list",
            Self::Document(_) => "check `kind` and `path`, or write the file anew with the tool that made it",
            Self::Format { .. } => "write it in one of these formats",
            Self::Empty => "remove the list, or give it something to watch",
            Self::Unpinned { reason: Reason::NotIncluded { .. }, .. } => {
                "keep the file below the folder of twinbuild.toml, or give it a list of its own"
            }
            Self::Unpinned { .. } => "pin a version with its digests, or know that it is not verified",
            Self::NoSha256 { .. } => "let the tool that writes the file add SHA-256 digests",
            Self::NotOfIndex { .. } => "know that it is not verified, or watch the folder of its files",
            Self::ForeignIndex { .. } => {
                "add the index to `indexes` of the list, if it is to be trusted with these names"
            }
            Self::NotListed { .. } => {
                "find out where this file comes from: it was deleted, it is on another index, or the digest is wrong"
            }
            Self::OtherBytes { .. } => "find out where this file comes from: one of the two is not what it seems to be",
            Self::OtherRelease { .. } => "find out who wrote this digest, and write the file anew",
            Self::Index { .. } | Self::ProjectList { .. } => "try again where it was the network, else check the name",
            Self::Quarantined { .. } => "do not install it until the index says why",
            Self::NoRelease { pre_releases: false, .. } => "set `pre-releases = true` if these are meant",
            Self::NoRelease { pre_releases: true, .. } => "remove it from the list, or pin a version",
            Self::OlderPage { .. } => {
                "ask a mirror that is up to date; if the index was set up anew, remove the watch state"
            }
            Self::More { .. } => "correct the first ones, and look again",
            Self::Entry { .. } => "correct the entry",
        })
    }
}

/// Foreign text in which nothing steers a terminal or hides.
pub(crate) fn escaped(text: &str) -> String {
    let each = |c: char| if is_misleading(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(each).collect()
}

/// Foreign text as it stands in a message: at most 200 characters of it, quoted.
pub(crate) fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(200).collect();
    if cut.len() == text.len() { format!("{cut:?}") } else { format!("{cut:?}..") }
}

fn digests(algorithms: &[String]) -> String {
    if algorithms.is_empty() { "no digest".to_owned() } else { algorithms.join(" and ") }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "list {}: ", escaped(&self.list))?;
        if let Some(place) = &self.place {
            write!(f, "{}: ", escaped(place))?;
        }
        f.write_str(&self.what())?;
        self.next().map_or(Ok(()), |next| write!(f, "; {next}"))
    }
}
