//! Where a queue is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where a queue is: a file, or a database of a server.
#[derive(Clone, PartialEq, Eq)]
pub enum QueueAddress {
    /// A file of SQLite, on a local file system.
    Sqlite(PathBuf),
    /// A database of PostgreSQL, by its connection URI (PostgreSQL manual, "Connection URIs").
    Postgres(String),
}

/// Why a text is no address of a queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no address of a queue: sqlite:PATH or postgres://USER@HOST/DATABASE is expected")]
pub struct QueueAddressError {
    /// The text, without what may be a password.
    pub found: String,
}

impl QueueAddress {
    /// The file, where it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }
}

impl FromStr for QueueAddress {
    type Err = QueueAddressError;

    fn from_str(text: &str) -> Result<Self, QueueAddressError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if !path.is_empty() && !path.contains('?') {
                return Ok(Self::Sqlite(path.into()));
            }
        } else if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err(QueueAddressError { found: without_password(text) })
    }
}

impl fmt::Display for QueueAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(address) => f.write_str(&without_password(address)),
        }
    }
}

impl fmt::Debug for QueueAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The address without the password before the host, and without parameters, which may hold one too.
fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.split(['?', '@']).next().unwrap_or_default().to_owned();
    };
    // A password may hold any of the characters that end it, so whatever stands before the last @ is not shown, but for the user's name.
    let (user, host) = match rest.rsplit_once('@') {
        Some((user, host)) => (user.split([':', '/', '?']).next().map(|user| format!("{user}@")), host),
        None => (None, rest),
    };
    format!("{scheme}://{}{}", user.unwrap_or_default(), host.split('?').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_read() {
        for (text, is) in [("sqlite:/a/b", "sqlite:/a/b"), ("sqlite:///a/b", "sqlite:/a/b"), ("sqlite:b", "sqlite:b")] {
            assert_eq!(text.parse::<QueueAddress>().unwrap().to_string(), is);
        }
        let address: QueueAddress = "postgres://w:p@s:s@db.example/twinbuild?password=q".parse().unwrap();
        assert_eq!(address.to_string(), "postgres://w@db.example/twinbuild");
        assert_eq!(format!("{address:?}"), "postgres://w@db.example/twinbuild");
        for text in ["postgres://w:se?cret@h/d", "postgres://w:se@cret@h/d", "postgres://w@h/d?password=secret&x=y@z"] {
            let shown = text.parse::<QueueAddress>().unwrap().to_string();
            assert!(!shown.contains("se") && !shown.contains("cret"), "{shown}");
        }
    }

    #[test]
    fn others_are_refused_without_their_password() {
        for text in ["", "sqlite:", "mysql://u:secret@h/d", "/a/b", "sqlite:a?mode=ro"] {
            let error = text.parse::<QueueAddress>().unwrap_err().to_string();
            assert!(!error.contains("secret") && error.contains("sqlite:PATH"), "{error}");
        }
    }
}
