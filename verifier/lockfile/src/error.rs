//! Why a lock file is refused.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a lock file is refused as a whole. Text of the file is quoted and cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockfileError {
    /// It is larger than any lock file.
    #[error("{} has {size_bytes} bytes, and lock files of at most {limit_bytes} are read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size, or that of all files that it includes, so far.
        size_bytes: u64,
        /// The most that is read.
        limit_bytes: u64,
    },
    /// It holds more than any lock file.
    #[error("{} has more than {limit} {what}, the most that are read", path.display())]
    TooMany {
        /// The file.
        path: PathBuf,
        /// What there are too many of.
        what: &'static str,
        /// The most that is read.
        limit: usize,
    },
    /// Neither name nor content is that of a format.
    #[error(
        "{} is not known as a lock file: it is to be named uv.lock, pylock.toml, poetry.lock, Pipfile.lock or *.txt, or to have such a file's content",
        path.display()
    )]
    Unknown {
        /// The file.
        path: PathBuf,
    },
    /// It is not UTF-8 text.
    #[error("{}: {found} where UTF-8 text is expected", At(path, Some(*line)))]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What was found.
        found: String,
    },
    /// It is not of the syntax that its format has: TOML, JSON, or pip's.
    #[error("{} is not {expected}: {found}", At(path, *line))]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1, where it is known.
        line: Option<usize>,
        /// What the parser found.
        found: String,
        /// The syntax.
        expected: &'static str,
    },
    /// It is of a version of its format that is not known.
    #[error("{}: {format} of the version {found} is not known: {expected} is", At(path, *line))]
    Version {
        /// The file.
        path: PathBuf,
        /// The line, from 1, where it is known.
        line: Option<usize>,
        /// The format.
        format: &'static str,
        /// The version.
        found: String,
        /// The versions that are read.
        expected: &'static str,
    },
    /// One value, or one line of a requirements file, is not what it has to be.
    #[error("{}: {place} is {found}: expected is {expected}", At(path, *line))]
    Unexpected {
        /// The file.
        path: PathBuf,
        /// The line, from 1, where it is known.
        line: Option<usize>,
        /// The value's place, as a path of keys, or what it is.
        place: String,
        /// What was found.
        found: String,
        /// What the format has there.
        expected: String,
    },
    /// A requirements file includes itself.
    #[error("{} includes {}, which includes it", At(path, Some(*line)), included.display())]
    Cycle {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The file that it includes.
        included: PathBuf,
    },
}

/// A file, and a line of it where one is known.
pub(crate) struct At<'a>(pub(crate) &'a Path, pub(crate) Option<usize>);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.display())?;
        self.1.map_or(Ok(()), |line| write!(f, ":{line}"))
    }
}

/// Foreign text as it stands in a message: quoted, escaped, and at most 200 characters of it.
pub(crate) fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(200).collect();
    if cut.len() == text.len() { format!("{cut:?}") } else { format!("{cut:?}..") }
}
