//! Digests as values.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::base64;

/// A SHA-256 digest (FIPS 180-4); 32 bytes, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// A digest from its 32 raw bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest as wheels list it in `RECORD`: URL-safe base64 without padding (RFC 4648 section 5).
    #[must_use]
    pub fn to_url_safe_base64(&self) -> String {
        base64::url_safe(&self.0)
    }

    /// The digest that `RECORD` lists as `text`, in the form of [`Sha256::to_url_safe_base64`]; `None` for any other text.
    #[must_use]
    pub fn from_url_safe_base64(text: &[u8]) -> Option<Self> {
        base64::url_safe_32(text).map(Self)
    }

    /// The digest as web pages name it, in a `Content-Security-Policy` for one: base64 with padding (RFC 4648 section 4).
    #[must_use]
    pub fn to_base64(&self) -> String {
        base64::standard(&self.0)
    }

    /// The 32 raw bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{self}")
    }
}

/// Text that is not 64 hexadecimal digits where a SHA-256 was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not a SHA-256: 64 hexadecimal digits are expected")]
pub struct ParseDigestError {
    /// The text that was found.
    pub found: String,
}

impl FromStr for Sha256 {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseDigestError { found: text.chars().take(80).collect() };
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(error());
        }
        let mut bytes = [0; 32];
        for (slot, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| error())?;
            *slot = u8::from_str_radix(pair, 16).map_err(|_| error())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Sha256 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Sha256 {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Sha256".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "SHA-256, lower-case hexadecimal" })
    }
}

/// Hashes what is written to it; also counts the bytes.
#[derive(Clone, Default)]
pub struct Sha256Hasher {
    state: sha2::Sha256,
    size_bytes: u64,
}

impl Sha256Hasher {
    /// A hasher of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hashes `bytes` too.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.size_bytes += bytes.len() as u64;
    }

    /// How many bytes were hashed so far.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The digest of all bytes.
    #[must_use]
    pub fn finish(self) -> Sha256 {
        Sha256(self.state.finalize().into())
    }
}

impl Write for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The digests that are known of one file. Serialized as an object with one key an algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Digests {
    /// The SHA-256 of the whole file.
    pub sha256: Sha256,
}

impl From<Sha256> for Digests {
    fn from(sha256: Sha256) -> Self {
        Self { sha256 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_digest_is_the_standard_one() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Sha256::of(b"").to_string(), empty);
        assert_eq!(empty.parse(), Ok(Sha256::of(b"")));
        assert_eq!(empty.to_uppercase().parse(), Ok(Sha256::of(b"")));
    }

    #[test]
    fn other_text_is_refused() {
        let digest = Sha256::of(b"").to_string();
        for text in
            ["", "e3", &digest[1..], &format!("{digest}0"), &digest.replace('e', "g"), &digest.replace("e3", "+3")]
        {
            assert!(text.parse::<Sha256>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_hasher_agrees_with_the_whole() {
        let mut hasher = Sha256Hasher::new();
        hasher.update(b"twin");
        hasher.write_all(b"build").unwrap();
        assert_eq!(hasher.size_bytes(), 9);
        assert_eq!(hasher.finish(), Sha256::of(b"twinbuild"));
    }
}
