//! Digests as lock files write them.

use twinbuild_subject::Sha256;

use crate::{FileKind, LockedFile, OtherDigest};

/// What is expected where a digest stands.
pub(crate) const EXPECTED: &str = "an algorithm, a colon and hexadecimal digits, such as sha256:..";

/// One digest: the SHA-256, or another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Digest {
    Sha256(Sha256),
    Other(OtherDigest),
}

impl Digest {
    /// Reads `algorithm:hex`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (algorithm, value) = text.split_once(':')?;
        Self::of(algorithm, value)
    }

    /// The digest `value` by `algorithm`. Of algorithms that are known the length is checked.
    pub(crate) fn of(algorithm: &str, value: &str) -> Option<Self> {
        let digits = match algorithm {
            "sha256" => return value.parse().ok().map(Self::Sha256),
            "md5" => Some(32),
            "sha1" => Some(40),
            "sha224" => Some(56),
            "sha384" => Some(96),
            "sha512" | "blake2b" => Some(128),
            _ => None,
        };
        let is_name = !algorithm.is_empty()
            && algorithm.len() <= 32
            && algorithm
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte));
        let is_hex = value.len().is_multiple_of(2)
            && (2..=256).contains(&value.len())
            && value.bytes().all(|byte| byte.is_ascii_hexdigit());
        let fits = digits.is_none_or(|digits| digits == value.len());
        let other = || OtherDigest { algorithm: algorithm.to_owned(), hex: value.to_ascii_lowercase() };
        (is_name && is_hex && fits).then(|| Self::Other(other()))
    }

    /// A file of which nothing is known but this digest.
    pub(crate) fn into_file(self) -> LockedFile {
        named_file(None, [self])
    }
}

/// A file of this name with these digests.
pub(crate) fn named_file(file_name: Option<String>, digests: impl IntoIterator<Item = Digest>) -> LockedFile {
    let kind = file_name.as_deref().map_or(FileKind::Unknown, FileKind::of);
    let mut file = LockedFile { file_name, sha256: None, other_digests: Vec::new(), size_bytes: None, kind };
    for digest in digests {
        match digest {
            Digest::Sha256(sha256) => file.sha256 = Some(sha256),
            Digest::Other(other) => file.other_digests.push(other),
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_have_an_algorithm_and_its_length() {
        let empty = Sha256::of(b"");
        assert_eq!(Digest::read(&format!("sha256:{empty}")), Some(Digest::Sha256(empty)));
        let long = "AB".repeat(64);
        let other = OtherDigest { algorithm: "sha512".to_owned(), hex: long.to_lowercase() };
        assert_eq!(Digest::read(&format!("sha512:{long}")), Some(Digest::Other(other)));
        assert!(Digest::read("future3:abcd").is_some());
        for text in ["", "abcd", "sha256:", "sha256:ab", ":ab", "sha512:ab", "md5:xy", "x y:ab", "x:abc", "SHA256:ab"] {
            assert_eq!(Digest::read(text), None, "{text}");
        }
    }
}
