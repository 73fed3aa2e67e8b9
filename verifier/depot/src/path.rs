//! The path of a file in a result.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use twinbuild_subject::{MemberPath, UnsafePath};

/// The longest path, in bytes. Below a folder of any sensible name it stays under what Linux takes (4,096).
const MOST_BYTES: usize = 1024;
/// The longest part, in bytes: the longest file name of all common file systems.
const MOST_PART_BYTES: usize = 255;

/// The path of a file or folder in a result, below the result: UTF-8, parts of at most 255 bytes with a `/` in between, at most 1,024 bytes in
/// all. No part is empty, `.` or `..`, and there is no backslash, ASCII control character or leading drive letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ResultPath(String);

/// Why a path cannot stand in a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResultPathError {
    /// It is not UTF-8.
    #[error("{path} is no path in a result: it is not UTF-8")]
    NotUtf8 {
        /// The path, with what is not UTF-8 replaced, in quotes.
        path: String,
    },
    /// It leads elsewhere, or could on some system.
    #[error("{path:?} is no path in a result: {reason}")]
    Unsafe {
        /// The path.
        path: String,
        /// Why.
        reason: UnsafePath,
    },
    /// It begins with `./`, or ends with `/`, so that one file would have two paths.
    #[error("{path:?} is no path in a result: it is spelled with a `./` in front or a `/` behind")]
    Spelling {
        /// The path.
        path: String,
    },
    /// It, or a part of it, is too long.
    #[error("{path:?}… is no path in a result: at most {MOST_BYTES} bytes, and {MOST_PART_BYTES} a part, are allowed")]
    TooLong {
        /// The beginning of the path.
        path: String,
    },
}

impl ResultPath {
    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of what stands below a folder at `path`, on this machine.
    pub(crate) fn of(path: &Path) -> Result<Self, ResultPathError> {
        let text = path.to_str().ok_or_else(|| ResultPathError::NotUtf8 { path: format!("{path:?}") })?;
        text.parse()
    }

    /// The folders that it stands in, the innermost first.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &str> {
        self.0.rmatch_indices('/').map(|(at, _)| &self.0[..at])
    }
}

impl FromStr for ResultPath {
    type Err = ResultPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = || text.to_owned();
        if text.len() > MOST_BYTES || text.split('/').any(|part| part.len() > MOST_PART_BYTES) {
            return Err(ResultPathError::TooLong { path: text.chars().take(80).collect() });
        }
        if let Err(reason) = MemberPath::from(text).components() {
            return Err(ResultPathError::Unsafe { path: path(), reason });
        }
        if text.starts_with("./") || text.ends_with('/') {
            return Err(ResultPathError::Spelling { path: path() });
        }
        Ok(Self(path()))
    }
}

impl fmt::Display for ResultPath {
    /// With what could mislead a terminal escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        MemberPath::from(self.as_str()).fmt(f)
    }
}

impl<'de> Deserialize<'de> for ResultPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_below_the_result_is_one() {
        let long = ["x".repeat(255), "y".repeat(255)].join("/");
        for path in ["a", "a b/c d", "twins/first/naïve-1.0.whl", "...", "a/.b", &long] {
            assert_eq!(path.parse::<ResultPath>().unwrap().as_str(), path);
        }
        let path: ResultPath = "a/b/c".parse().unwrap();
        assert_eq!(path.folders().collect::<Vec<_>>(), ["a/b", "a"]);
    }

    #[test]
    fn a_path_that_leads_elsewhere_or_has_two_spellings_is_none() {
        let long = "x/".repeat(512) + "x";
        for path in
            ["", ".", "..", "../a", "a/../b", "/a", "a//b", "a/", "./a", "a/./b", "a\\b", "a\nb", "a\0", "C:a", &long]
        {
            assert!(path.parse::<ResultPath>().is_err(), "{path:?}");
        }
        assert!("x".repeat(256).parse::<ResultPath>().is_err());
    }
}
