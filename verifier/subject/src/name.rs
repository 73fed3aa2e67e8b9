//! Project names on Python package indexes.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A project's name in its normalized form: lower case, runs of `-`, `_` and `.` as one `-`
/// (PyPA "Names and normalization", PEP 503).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct PackageName(String);

/// A name that no Python project can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is not a project name: ASCII letters, digits, `-`, `_` and `.` are allowed, and it begins and ends with a letter or digit"
)]
pub struct PackageNameError {
    /// The text that was found, at most 200 characters of it.
    pub found: String,
}

impl PackageName {
    /// The normalized name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as it begins file names: `-` replaced by `_` (binary distribution format, "Escaping and Unicode").
    #[must_use]
    pub fn as_file_name_part(&self) -> String {
        self.0.replace('-', "_")
    }
}

impl FromStr for PackageName {
    type Err = PackageNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.len() > 200 || !text.chars().all(allowed) || !ends(text.chars().next()) || !ends(text.chars().last()) {
            return Err(PackageNameError { found: text.chars().take(200).collect() });
        }
        let parts = text.split(['-', '_', '.']).filter(|part| !part.is_empty());
        Ok(Self(parts.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")))
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PackageName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalized() {
        for name in
            ["friendly-bard", "Friendly-Bard", "FRIENDLY-BARD", "friendly.bard", "friendly_bard", "FrIeNdLy-._.-bArD"]
        {
            assert_eq!(name.parse::<PackageName>().unwrap().as_str(), "friendly-bard");
        }
        assert_eq!("Foo.Bar".parse::<PackageName>().unwrap().as_file_name_part(), "foo_bar");
    }

    #[test]
    fn names_that_no_project_has_are_refused() {
        for name in ["", "-a", "a-", "a b", "a/b", "..", "é", "a\n", &"a".repeat(201)] {
            assert!(name.parse::<PackageName>().is_err(), "{name:?}");
        }
    }
}
