//! What a statement is about and names: files by digest.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value, json};
use twinbuild_subject::Sha256;

use crate::StatementError;

/// The algorithms whose digests are read, with their lengths in hexadecimal digits (in-toto attestation framework,
/// "DigestSet field type specification").
const ALGORITHMS: [(&str, &[usize]); 18] = [
    ("md5", &[32]),
    ("sha1", &[40]),
    ("sha224", &[56]),
    ("sha256", &[64]),
    ("sha384", &[96]),
    ("sha512", &[128]),
    ("sha512_224", &[56]),
    ("sha512_256", &[64]),
    ("sha3_224", &[56]),
    ("sha3_256", &[64]),
    ("sha3_384", &[96]),
    ("sha3_512", &[128]),
    ("ripemd160", &[40]),
    ("sm3", &[64]),
    ("gitCommit", &[40, 64]),
    ("gitTree", &[40, 64]),
    ("gitBlob", &[40, 64]),
    ("gitTag", &[40, 64]),
];

/// The digests of one file, by algorithm. Those of unknown algorithms are kept, and say nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DigestSet(BTreeMap<String, String>);

impl DigestSet {
    /// The same set with one digest more, written as hexadecimal digits.
    #[must_use]
    pub fn with(mut self, algorithm: &str, digest: &impl fmt::Display) -> Self {
        self.0.insert(algorithm.to_owned(), digest.to_string());
        self
    }

    /// The digest by that algorithm, as it is written.
    #[must_use]
    pub fn get(&self, algorithm: &str) -> Option<&str> {
        self.0.get(algorithm).map(String::as_str)
    }

    /// The SHA-256, where there is one.
    #[must_use]
    pub fn sha256(&self) -> Option<Sha256> {
        self.get("sha256")?.parse().ok()
    }

    /// The digests, by algorithm.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(algorithm, digest)| (algorithm.as_str(), digest.as_str()))
    }

    /// The object of JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        json!(self.0)
    }

    /// Reads a set with at least one digest of a known algorithm. All of those are lower-case hexadecimal digits of the right
    /// number.
    fn read(value: Option<&Value>, place: &str) -> Result<Self, StatementError> {
        const ONE: &str = "an object with at least one digest of a known algorithm, such as sha256";
        let refuse = |place: String, expected| Err(StatementError::Field { place, expected });
        let Some(Value::Object(entries)) = value else { return refuse(place.to_owned(), ONE) };
        let (mut set, mut is_known) = (BTreeMap::new(), false);
        for (algorithm, digest) in entries {
            let known = ALGORITHMS.iter().find(|(name, _)| name == algorithm);
            let place = || format!("{place}.{}", algorithm.escape_debug().take(100).collect::<String>());
            let Value::String(digest) = digest else { return refuse(place(), "a string") };
            if let Some((_, lengths)) = known {
                let is_hex = digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                if !is_hex || !lengths.contains(&digest.len()) {
                    return refuse(place(), "lower-case hexadecimal digits, as many as the algorithm gives");
                }
                is_known = true;
            }
            set.insert(algorithm.clone(), digest.clone());
        }
        if is_known { Ok(Self(set)) } else { refuse(place.to_owned(), ONE) }
    }
}

impl From<Sha256> for DigestSet {
    fn from(sha256: Sha256) -> Self {
        Self::default().with("sha256", &sha256)
    }
}

/// A file, or something else of which digests can be made (in-toto attestation framework, "ResourceDescriptor field type
/// specification").
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceDescriptor {
    /// Its name among the others.
    pub name: Option<String>,
    /// What it is called everywhere.
    pub uri: Option<String>,
    /// Its digests.
    pub digest: DigestSet,
    /// What else is said of it.
    pub annotations: Map<String, Value>,
}

impl ResourceDescriptor {
    /// Something with a name and digests.
    #[must_use]
    pub fn named(name: impl Into<String>, digest: impl Into<DigestSet>) -> Self {
        Self { name: Some(name.into()), digest: digest.into(), ..Self::default() }
    }

    /// The same with one thing more said of it.
    #[must_use]
    pub fn with(mut self, annotation: &str, value: impl Into<Value>) -> Self {
        self.annotations.insert(annotation.to_owned(), value.into());
        self
    }

    /// The object of JSON. What there is not has no field.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let Self { name, uri, digest, annotations } = self;
        let mut fields = Map::new();
        for (field, text) in [("name", name), ("uri", uri)] {
            fields.extend(text.as_ref().map(|text| (field.to_owned(), text.as_str().into())));
        }
        if !digest.0.is_empty() {
            fields.insert("digest".to_owned(), digest.to_value());
        }
        if !annotations.is_empty() {
            fields.insert("annotations".to_owned(), annotations.clone().into());
        }
        fields.into()
    }

    /// Reads a subject, which has a digest. `content`, `downloadLocation`, `mediaType` and unknown fields are not read.
    pub(crate) fn read(value: &Value, place: &str) -> Result<Self, StatementError> {
        let refuse = |place: String, expected| StatementError::Field { place, expected };
        let text = |field: &str| match value.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(refuse(format!("{place}.{field}"), "a string")),
        };
        if !value.is_object() {
            return Err(refuse(place.to_owned(), "an object"));
        }
        let annotations = match value.get("annotations") {
            None => Map::new(),
            Some(Value::Object(annotations)) => annotations.clone(),
            Some(_) => return Err(refuse(format!("{place}.annotations"), "an object")),
        };
        let digest = DigestSet::read(value.get("digest"), &format!("{place}.digest"))?;
        Ok(Self { name: text("name")?, uri: text("uri")?, digest, annotations })
    }
}

/// Whether a text is a URI by its form: a scheme, a colon, and printable ASCII (RFC 3986 section 3).
pub(crate) fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic())
}
