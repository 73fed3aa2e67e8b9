//! The name of a result.

use std::fmt;
use std::str::FromStr;

/// The longest name, in bytes: with an ending it is a file name on every file system.
const MOST_BYTES: usize = 100;

/// The name of a result in a depot: 1 to 100 of `a-z`, `0-9` and `-`, of which the first is no `-`. It is the same on file systems that tell
/// capital letters apart and on those that don't, and needs no escaping in an address, a command or a message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResultName(String);

/// Text that is no name of a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no name of a result: 1 to 100 of a-z, 0-9 and -, not beginning with -")]
pub struct ResultNameError {
    /// The text that was found, of which a long one is cut.
    pub found: String,
}

impl ResultName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ResultName {
    type Err = ResultNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let is_name =
            !text.is_empty() && text.len() <= MOST_BYTES && !text.starts_with('-') && text.bytes().all(is_plain);
        if is_name {
            Ok(Self(text.to_owned()))
        } else {
            Err(ResultNameError { found: text.chars().take(120).collect() })
        }
    }
}

impl fmt::Display for ResultName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_plain_word() {
        for name in ["a", "0", "job-17-first", "a-", &"x".repeat(100)] {
            assert_eq!(name.parse::<ResultName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_could_lead_elsewhere_is_no_name() {
        for name in ["", "-a", "A", "a b", "a/b", "..", ".", "a.b", "a\n", "ä", "a_b", &"x".repeat(101)] {
            assert!(name.parse::<ResultName>().is_err(), "{name:?}");
        }
    }
}
