//! Names of git objects.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of a git object: the SHA-1 (20 bytes) or, in repositories of that format, the SHA-256 (32 bytes) over its kind, size and
/// content. Written as lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(Vec<u8>);

/// What the names of a repository's objects are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectFormat {
    /// SHA-1, as in almost all repositories.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// Text that is not the name of a git object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not the name of a git object: 40 or 64 hexadecimal digits are expected")]
pub struct ParseObjectIdError {
    /// The text that was found.
    pub found: String,
}

impl ObjectFormat {
    /// How git calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// The length of a name, in bytes.
    #[must_use]
    pub fn id_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

impl ObjectId {
    /// A name from its raw bytes; `None` unless there are 20 or 32.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        matches!(bytes.len(), 20 | 32).then(|| Self(bytes.to_vec()))
    }

    /// The raw bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What it was made with.
    #[must_use]
    pub fn format(&self) -> ObjectFormat {
        if self.0.len() == 20 { ObjectFormat::Sha1 } else { ObjectFormat::Sha256 }
    }

    /// The first twelve digits, by which people tell commits apart.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ObjectId {
    type Err = ParseObjectIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseObjectIdError { found: text.chars().take(80).collect() };
        if !matches!(text.len(), 40 | 64) || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(error());
        }
        let pair = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
        text.as_bytes().chunks_exact(2).map(pair).collect::<Option<Vec<u8>>>().map(Self).ok_or_else(error)
    }
}

impl Serialize for ObjectId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for ObjectId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ObjectId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^([0-9a-f]{40}|[0-9a-f]{64})$",
            "description": "The name of a git object, lower-case hexadecimal"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both_lengths_are_read_and_written() {
        for (length, format) in [(40, ObjectFormat::Sha1), (64, ObjectFormat::Sha256)] {
            let text = "0aF".repeat(30).chars().take(length).collect::<String>();
            let id: ObjectId = text.parse().unwrap();
            assert_eq!((id.to_string(), id.format()), (text.to_ascii_lowercase(), format));
            assert_eq!(ObjectId::from_bytes(id.as_bytes()), Some(id));
        }
        for text in ["", "0", &"g".repeat(40), &"a".repeat(41), &"é".repeat(20)] {
            assert!(text.parse::<ObjectId>().is_err(), "{text:?}");
        }
    }
}
